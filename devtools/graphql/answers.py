"""Results and errors as JSON. An unexpected error is an id to clients and a line in our log; what it says stays here."""

import json
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLError

from devtools.errors import DevToolsError

MAX_ERRORS = 100
"""Errors in one answer; a list of damaged records would have one each."""

logger = logging.getLogger("devtools")


class Result(msgspec.Struct, frozen=True):
    """The answer to one operation. `executed` is False for one that was refused before it ran: then there is no data."""

    body: bytes
    executed: bool


def answer(data: Mapping[str, Any] | None, errors: Sequence[GraphQLError] | None) -> Result:
    """The result of an operation that ran."""
    found: dict[str, Any] = {"data": data}
    if errors:
        found["errors"] = shown(errors)
    return Result(encode(found), executed=True)


def refusal(errors: Iterable[Exception]) -> Result:
    """The result of an operation that did not run."""
    return Result(encode({"errors": shown(as_graphql(error) for error in errors)}), executed=False)


def stopped(error: DevToolsError) -> Result:
    """The result of an operation that was stopped while it ran."""
    return answer(None, [as_graphql(error)])


def as_graphql(error: Exception) -> GraphQLError:
    """The error as one of GraphQL's."""
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def shown(errors: Iterable[GraphQLError]) -> list[dict[str, Any]]:
    """The errors as clients may see them. The first unexpected one is logged with the id that clients get."""
    found = list(errors)
    identifier: str | None = None
    formatted: list[dict[str, Any]] = []
    for error in found[:MAX_ERRORS]:
        cause = _cause(error)
        if cause is None or isinstance(cause, DevToolsError):
            formatted.append(_format(error, cause))
            continue
        if identifier is None:
            identifier = secrets.token_hex(4)
            logger.error("GraphQL error %s at %s.", identifier, error.path, exc_info=cause)
        extensions = {"code": "INTERNAL", "id": identifier}
        formatted.append(
            _formatted(error, f"Internal error {identifier}; the log of the server says more.", extensions)
        )
    return formatted


def _cause(error: GraphQLError) -> Exception | None:
    """What raised it, where that was not GraphQL itself."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _format(error: GraphQLError, cause: DevToolsError | None) -> dict[str, Any]:
    if cause is not None:
        return _formatted(error, str(cause), cause.extensions)
    return _formatted(error, error.message, {"code": "VALIDATION_ERROR", **(error.extensions or {})})


def _formatted(error: GraphQLError, message: str, extensions: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"message": message}
    if error.locations:
        found["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        found["path"] = error.path
    return {**found, "extensions": extensions}


def encode(value: object) -> bytes:
    """JSON in UTF-8. What msgspec refuses (integers over 64 bit, lone surrogates) takes the slower way."""
    try:
        return msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError, TypeError, ValueError):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> object:
    """Rows of a projected list, which are Structs, as what they hold."""
    if isinstance(value, msgspec.Struct):
        return dict(zip(value.__struct_encode_fields__, msgspec.structs.astuple(value), strict=True))
    return str(value)
