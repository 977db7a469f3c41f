"""GraphQL over HTTP: which request becomes an operation, and how results are answered."""

import msgspec
import pytest

from devtools.graphql.answers import Result
from devtools.graphql.http import (
    EVENTS,
    GRAPHQL,
    JSON,
    Answer,
    Operation,
    negotiate,
    not_by_get,
    parse_get,
    parse_post,
    respond,
)
from devtools.settings import Limits

LIMITS = Limits()
QUERY = b'{"query":"{ live { capacity } }"}'


def post(
    body: bytes = QUERY, content_type: str | None = "application/json", accept: str | None = None
) -> Operation | Answer:
    return parse_post(body, content_type, accept, LIMITS)


def status(found: Operation | Answer) -> int:
    assert isinstance(found, Answer)
    assert msgspec.json.decode(found.body)["errors"][0]["message"]
    assert found.content_type == "application/json; charset=utf-8"
    return found.status


def test_a_request_becomes_an_operation() -> None:
    body = b'{"query":"q","variables":{"a":[1]},"operationName":"A","extensions":{"x":1},"more":true}'
    assert post(body) == Operation("q", {"a": [1]}, "A", JSON)
    assert post(b'{"query":"q","variables":null,"operationName":null,"extensions":null}') == Operation(
        "q", {}, None, JSON
    )
    assert post('{"query":"{ grüße }"}'.encode()) == Operation("{ grüße }", {}, None, JSON)


ACCEPTS = [
    (None, JSON), ("", JSON), ("*/*", JSON), ("application/*", JSON), ("application/json", JSON), (GRAPHQL, GRAPHQL),
    (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL), (f"{GRAPHQL};q=0.5, application/json", JSON),
    (f"{GRAPHQL}; charset=utf-8, */*;q=0.1", GRAPHQL), ("text/event-stream", EVENTS), ("text/event-stream, */*", EVENTS),
    ("text/html, */*;q=0.8", JSON), ("APPLICATION/JSON", JSON), ("application/json;q=0", None), ("text/html", None),
    ("text/*", None), ("application/json;q=nonsense", None), (f"application/json;q=0, {GRAPHQL}", GRAPHQL),
]  # fmt: skip


@pytest.mark.parametrize(("accept", "expected"), ACCEPTS)
def test_the_client_says_how_it_wants_to_be_answered(accept: str | None, expected: str | None) -> None:
    assert negotiate(accept) == expected


def test_what_nobody_can_answer_with_is_406() -> None:
    assert status(post(accept="text/html")) == 406


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'],
)
def test_json_is_read(content_type: str) -> None:
    assert isinstance(post(content_type=content_type), Operation)


CONTENT_TYPES = [
    None, "", "text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/json; charset=latin-1", "application/jsonp",
]  # fmt: skip


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_nothing_else_is_read(content_type: str | None) -> None:
    found = post(content_type=content_type)
    assert status(found) == 415
    assert isinstance(found, Answer)
    assert found.headers == {"accept": "application/json"}


BODIES = [
    b"", b"{", b"null", b"[]", b'[{"query":"{ live { capacity } }"}]', b"{}", b'{"query":null}', b'{"query":1}', b'{"query":["a"]}',
    b'{"query":"a","variables":[]}', b'{"query":"a","variables":"x"}', b'{"query":"a","operationName":1}',
    b'{"query":"a","extensions":[]}', b'{"query":"\xff"}', b'{"query":"\\ud800"}', b"[" * 100_000, b'{"query":"a"}garbage',
    b'{"a":' * 50_000, b"\x00", b'\xef\xbb\xbf{"query":"a"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:25]))
def test_a_body_that_is_no_request_is_400(body: bytes) -> None:
    assert status(post(body)) == 400


def test_a_body_may_be_so_long_and_no_longer() -> None:
    padding = LIMITS.body_bytes - len(QUERY)
    assert isinstance(post(QUERY + b" " * padding), Operation)
    assert status(post(QUERY + b" " * (padding + 1))) == 413


def test_the_status_tells_what_did_not_run_where_it_may() -> None:
    refused, ran = Result(b'{"errors":[]}', executed=False), Result(b'{"data":null}', executed=True)
    assert respond(refused, JSON) == Answer(200, refused.body, "application/json; charset=utf-8")
    assert respond(refused, GRAPHQL) == Answer(
        400, refused.body, "application/graphql-response+json; charset=utf-8"
    )
    assert respond(ran, GRAPHQL).status == 200


def test_a_query_string_is_a_request() -> None:
    asked = {"query": "q", "variables": '{"a":[1]}', "operationName": "A", "extensions": "{}"}
    assert parse_get(asked, GRAPHQL) == Operation("q", {"a": [1]}, "A", GRAPHQL)
    assert parse_get({"query": "q", "variables": "null", "operationName": ""}, None) == Operation(
        "q", {}, None, JSON
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({}, 400), ({"query": "q", "variables": "[1]"}, 400), ({"query": "q", "extensions": "{"}, 400)],
)
def test_a_query_string_that_is_no_request_is_400(asked: dict[str, str], expected: int) -> None:
    assert status(parse_get(asked, None)) == expected


def test_what_nobody_can_answer_a_get_with_is_406() -> None:
    assert status(parse_get({"query": "q"}, "image/png")) == 406


def test_a_mutation_by_get_is_told_to_post() -> None:
    assert not_by_get().status == 405
    assert not_by_get().headers == {"allow": "POST"}
