"""GraphQL over HTTP as functions: a request body becomes an operation or an answer, a result becomes an answer. Knows no framework.

https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from devtools.graphql.answers import Result
from devtools.settings import Limits

MediaType = Literal["application/json", "application/graphql-response+json", "text/event-stream"]

JSON: MediaType = "application/json"
GRAPHQL: MediaType = "application/graphql-response+json"
EVENTS: MediaType = "text/event-stream"
REMEMBERED = 64
"""Accept and Content-Type headers whose answer is kept: clients send the same ones every time."""
OFFERED: tuple[MediaType, ...] = (JSON, GRAPHQL, EVENTS)
"""What we can answer with. The first is what a client without a preference gets."""


class Body(msgspec.Struct, rename="camel"):
    """The body of a request; what else stands in it is ignored."""

    query: str
    variables: dict[str, Any] | None = None  # Any: JSON
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None  # Any: JSON


_body = msgspec.json.Decoder(Body)
_map = msgspec.json.Decoder(dict[str, Any] | None)  # Any: JSON


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """By name in lower case."""


class Operation(msgspec.Struct, frozen=True):
    """What a request asks for, and how it wants to be answered."""

    query: str
    variables: dict[str, Any]  # Any: JSON
    operation_name: str | None
    media_type: MediaType


def parse_post(
    body: bytes, content_type: str | None, accept: str | None, limits: Limits
) -> Operation | Answer:
    """The operation of a POST request, or the answer that says what is wrong with it."""
    media_type = negotiate(accept)
    if media_type is None:
        return _not_acceptable(accept)
    if not _is_json(content_type):
        answer = problem(415, f"Content-Type must be application/json in UTF-8, not {_short(content_type)}.")
        return Answer(answer.status, answer.body, headers={"accept": JSON})
    if len(body) > limits.body_bytes:
        return problem(
            413,
            f"The body has {len(body):,} bytes: at most {limits.body_bytes:,} (limits.body_bytes).",
            "LIMIT_EXCEEDED",
        )
    try:
        found = _body.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return problem(400, f"The body is not a GraphQL request in JSON: {error}.")
    return Operation(found.query, found.variables or {}, found.operation_name or None, media_type)


def parse_get(parameters: Mapping[str, str], accept: str | None) -> Operation | Answer:
    """The operation of a GET request, which is in its query string, or the answer that says what is wrong with it."""
    media_type = negotiate(accept)
    if media_type is None:
        return _not_acceptable(accept)
    query = parameters.get("query")
    if query is None:
        return problem(400, "The query string has no `query`. Ask there, or with POST and a JSON body.")
    found: dict[str, Any] = {}  # Any: JSON
    for name in ("variables", "extensions"):
        try:
            found[name] = _map.decode(parameters.get(name) or "null")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return problem(400, f"{name} is not a JSON object: {error}.")
    return Operation(query, found["variables"] or {}, parameters.get("operationName") or None, media_type)


def respond(result: Result, media_type: MediaType) -> Answer:
    """The answer that carries a result. Only `application/graphql-response+json` shows in its status what did not run."""
    status = 400 if media_type == GRAPHQL and not result.executed else 200
    return Answer(status, result.body, f"{media_type}; charset=utf-8")


def problem(status: int, message: str, code: str = "VALIDATION_ERROR") -> Answer:
    """An answer that is an error."""
    return Answer(
        status, msgspec.json.encode({"errors": [{"message": message, "extensions": {"code": code}}]})
    )


def not_by_get() -> Answer:
    """The answer to a mutation by GET, which may change nothing."""
    answer = problem(405, "GET may only ask. Send a mutation with POST and a JSON body.")
    return Answer(answer.status, answer.body, headers={"allow": "POST"})


@lru_cache(maxsize=REMEMBERED)
def negotiate(accept: str | None) -> MediaType | None:
    """The media type that an Accept header prefers among those we offer; None when it allows none of them."""
    if accept is None or not accept.strip():
        return JSON
    ranges = [_range(part) for part in accept.split(",")]
    weights = {offered: _weight(offered, ranges) for offered in OFFERED}
    best = max(OFFERED, key=lambda offered: weights[offered])
    return best if weights[best] > (0.0, 0) else None


def _not_acceptable(accept: str | None) -> Answer:
    return problem(406, f"Accept must allow one of {', '.join(OFFERED)}, not {_short(accept)}.")


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, min(1.0, max(0.0, float(value)))
            except ValueError:
                return name, 0.0
    return name, 1.0


def _weight(offered: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """Quality and exactness of the most exact range for a media type. A stream is answered only to who names it."""
    best: tuple[int, float] = (0, 0.0)
    for name, quality in ranges:
        exactness = {offered: 3, f"{offered.partition('/')[0]}/*": 2, "*/*": 1}.get(name, 0)
        if exactness > best[0] and (exactness == 3 or offered != EVENTS):
            best = (exactness, quality)
    return best[1], best[0] if best[1] else 0


@lru_cache(maxsize=REMEMBERED)
def _is_json(content_type: str | None) -> bool:
    name, *parameters = (piece.strip().lower() for piece in (content_type or "").split(";"))
    charsets = [
        value.strip('" ')
        for key, _, value in (piece.partition("=") for piece in parameters)
        if key == "charset"
    ]
    return name == JSON and all(charset in {"utf-8", "utf8"} for charset in charsets)


def _short(value: str | None) -> str:
    return "nothing" if value is None else repr(value[:100])
