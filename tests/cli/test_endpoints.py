"""What a command says when something else than a devtools answers, or when it cannot be asked."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from graphql import build_schema, graphql_sync

from devtools.cli.serving import open_command
from tests.cli.conftest import Inside

ORDERS = build_schema("type Query { orders: [String!]! }")

Serve = Callable[[Callable[[bytes], bytes]], str]


def of_orders(body: bytes) -> bytes:
    """The answer of another GraphQL server."""
    found = graphql_sync(ORDERS, json.loads(body)["query"])
    return http(json.dumps(found.formatted).encode())


def http(body: bytes, *, length: int | None = None) -> bytes:
    """An answer of HTTP, of the length that it says or of another."""
    length = len(body) if length is None else length
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        length,
        body,
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that answers with these bytes and closes; answers its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[bytes], bytes]) -> str:
        class Other(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.wfile.write(answer(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/graphql"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        of_orders,
        lambda _: http(
            b'{"errors": [{"message": "field not found", "extensions": {"code": "validation-failed"}}]}'
        ),
        lambda _: http(b'{"errors": [{"message": "Field \'system\' doesn\'t exist on type \'Query\'"}]}'),
        lambda _: http(b'{"errors": [{"message": "x", "extensions": {"code": ["a"]}}]}'),
        lambda _: http(b'{"data": null}'),
        lambda _: http(b'{"data": {}}'),
        lambda _: http(b'{"data": {"system": "x"}}'),
        lambda _: http(b'{"data": {"system": {"version": "1", "store": 3}}}'),
    ],
    ids=[
        "of orders",
        "of Hasura",
        "of Ruby",
        "of a list",
        "of null",
        "of nothing",
        "of a text",
        "of a number",
    ],
)
def test_another_graphql_server_is_no_devtools(tmp_path: Path, inside: Inside, serve: Serve, answer) -> None:
    """`ping` and `open` say so, and take nothing that it says for a matter of tokens."""
    url = serve(answer)
    code, out, err = inside(tmp_path, "ping", "--endpoint", url)
    assert (code, out) == (1, "")
    assert err.strip() == f"devtools: {url} answers GraphQL, but it is no devtools."
    code, out, err = inside(tmp_path, "open", "--print", "--endpoint", url.removesuffix("/graphql"))
    assert (code, out) == (1, "")
    assert err.strip().endswith("answers GraphQL, but it is no devtools.")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\x00\xffnothing\r\n\r\n", "its answer is not one of HTTP (BadStatusLine("),
        (http(b"{", length=9_999), "its answer is not one of HTTP (IncompleteRead("),
        (http(b"<html>"), "its answer is not JSON."),
        (http(b"\xff\xfe"), "its answer is not JSON."),
        (http(b'{"errors": [1]}'), "its answer is not one of GraphQL."),
        (http(b'{"errors": [{"message": "x", "locations": [{}]}]}'), "its answer is not one of GraphQL."),
        (http(b'{"errors": [{"message": "x", "extensions": ["x"]}]}'), "its answer is not one of GraphQL."),
        (http(b"{}"), "its answer is not one of GraphQL."),
        (http(b'{"data": 3}'), "its answer is not one of GraphQL."),
        (http(b"[1]"), "its answer is not one of GraphQL."),
    ],
    ids=[
        "no status",
        "cut short",
        "HTML",
        "bytes",
        "an error that is none",
        "a place that is none",
        "extensions that are none",
        "nothing",
        "data that is none",
        "a list",
    ],
)
def test_what_is_no_answer_is_one_line(
    tmp_path: Path, inside: Inside, serve: Serve, answer: bytes, told: str
) -> None:
    url = serve(lambda _: answer)
    code, out, err = inside(tmp_path, "query", "{ system { version } }", "--endpoint", url)
    assert (code, out) == (1, "")
    assert err.startswith(f"devtools: Cannot ask {url}: {told}")
    assert err.endswith("Is that a devtools endpoint?\n")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:port/graphql",
        "http://127.0.0.1:80/a b",
        "http://",
        "ftp://127.0.0.1/graphql",
        "http://127.0.0.1:9/gräphql",
        "http://a..b/graphql",
        f"http://{'a' * 70}/graphql",
    ],
)
def test_what_is_no_url_is_refused(tmp_path: Path, inside: Inside, url: str) -> None:
    code, _, err = inside(tmp_path, "ping", "--endpoint", url)
    assert code == 1
    assert f"--endpoint cannot be {url!r}: it must be a URL that begins with http:// or https://." in err


@pytest.mark.parametrize(
    "headers", ['{"X-Shop": "a\\nb"}', '{"X-Shop": "€"}', '{"X Shop": "a"}', '{"": "a"}']
)
def test_a_header_that_cannot_be_sent_is_refused(tmp_path: Path, inside: Inside, headers: str) -> None:
    """By its name: its value may be secret."""
    name = next(iter(json.loads(headers)))
    at = ("--endpoint", "http://127.0.0.1:9/graphql")
    code, _, err = inside(tmp_path, "ping", *at, "--headers", headers)
    assert code == 1
    assert f"--headers cannot have {name!r}" in err
    assert "€" not in err


def test_an_endpoint_without_data_is_said_by_every_command(
    tmp_path: Path, inside: Inside, serve: Serve
) -> None:
    url = serve(lambda _: http(b'{"data": {"other": null}}'))
    for command in (("snapshots", "list"), ("overview",), ("check",), ("schema", "sdl"), ("schema", "json")):
        code, out, err = inside(tmp_path, *command, "--endpoint", url)
        assert (code, out) == (2 if command == ("check",) else 1, "")
        assert err.endswith("Is that a devtools endpoint?\n")


def test_only_an_address_that_was_not_given_is_asked_for(
    tmp_path: Path, inside: Inside, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(lambda _: http(b"<html>")).removesuffix("/graphql")
    assert "--endpoint" not in inside(tmp_path, "open", "--print", "--endpoint", url)[2]
    monkeypatch.setattr(
        next(option for option in open_command.params if option.name == "endpoint"), "default", url
    )
    assert inside(tmp_path, "open", "--print")[2].endswith("Another address is named with --endpoint.\n")
