"""The library answers the same with devtools in it, byte for byte: two real servers, the same requests to both."""

import contextlib
import itertools
import json
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.servers import TOKEN, Server, free_port, running

Options = dict[str, Any]  # Any: keywords of a client

pytestmark = pytest.mark.slow

PATHS = (
    "/",
    "/books",
    "/books?genre=travel",
    "/books?genre=none&limit=1000",
    "/books/",
    "/books/1",
    "/books/99",
    "/books/0",
    "/books/one",
    "/books/titles.txt",
    "/books/export",
    "/books/2/copies/4",
    "/books/2/copies/x",
    "/books/1/note",
    "/loans",
    "/loans/receipts",
    "/desk/count",
    "/desk/covers/7",
    "/desk/nothing",
    "/desk",
    "/docs",
    "/openapi.json",
    "/desk/openapi.json",
    "/feed/quiet",
    "/anything/at/all?really=yes",
    "/devtool",
    "/devtoolsy",
    "/a%2Fb/%E2%82%AC",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
HEADERS = (
    {},
    {"Origin": "http://elsewhere.example", "Authorization": "Bearer ada"},
    {
        "Origin": "http://elsewhere.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-librarian",
    },
    {"Authorization": "Bearer bob", "User-Agent": "robot"},
)
BOOK = {"title": "Wind", "author": "A.", "pages": 12}
BODIES = (
    ("POST", "/books", json.dumps(BOOK), {"X-Librarian": "let-me-in"}),
    ("POST", "/books", json.dumps(BOOK), {}),
    ("POST", "/books", json.dumps({"title": ""}), {"X-Librarian": "let-me-in"}),
    ("POST", "/books", "{", {"X-Librarian": "let-me-in"}),
    ("POST", "/books", json.dumps(BOOK), {"X-Librarian": "let-me-in", "Content-Type": "text/plain"}),
    ("PUT", "/books/1/note", json.dumps({"note": "ö"}), {}),
    ("DELETE", "/books/3", "", {"X-Librarian": "let-me-in"}),
    ("POST", "/loans", json.dumps({"book_id": 1}), {"Authorization": "Bearer ada"}),
    ("POST", "/loans", json.dumps({"book_id": 1}), {"Authorization": "Bearer ada"}),
    ("POST", "/loans", json.dumps({"book_id": 2}), {"Authorization": "Bearer bob"}),
    ("POST", "/loans", json.dumps({"book_id": 77}), {"Authorization": "Bearer ada"}),
    ("GET", "/loans/receipts", "", {}),
    ("POST", "/desk/covers/1", "x" * 300_000, {}),
    ("GET", "/desk/count", "", {}),
)
MALFORMED = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"NONSENSE\r\n\r\n",
    b"GET /books HTTP/1.0\r\n\r\n",
    b"POST /books HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    b"GET /books HTTP/1.1\r\nHost: x\r\n\r\nGET /books/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"POST /desk/covers/2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
)
DATE = re.compile(rb"^date: [^\r]*\r\n", re.MULTILINE | re.IGNORECASE)
CORRELATION = re.compile(rb"^x-correlation-id: [0-9a-f]{32}\r\n", re.MULTILINE)


@contextlib.contextmanager
def library(cwd: Path, *command: str, ready: str | None = None, **environment: str) -> Iterator[Server]:
    """The library under uvicorn."""
    port = free_port()
    arguments = [sys.executable, "-m", "uvicorn", *command, "--port", str(port)]
    with running(arguments, port=port, cwd=cwd, ready=ready, **environment) as server:
        yield server


@dataclass(frozen=True)
class Pair:
    """Two servers: the library on its own, and with the two lines."""

    plain: Server
    mounted: Server
    adds_header: bool


@pytest.fixture(scope="module", params=["h11", "httptools, no header"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both behind each of uvicorn's parsers, once without the only header that is added."""
    parser, _, switch = request.param.partition(", ")
    environment = {"DEVTOOLS_CORRELATION_HEADER": "false"} if switch else {}
    # `Allow` is written from a set: its order is that of hashes.
    environment["PYTHONHASHSEED"] = "0"
    cwd = tmp_path_factory.mktemp("library")
    alone = ("--factory", "examples.api.service:make_app")
    with (
        library(cwd, *alone, "--http", parser, ready="/books", PYTHONHASHSEED="0") as plain,
        library(cwd, "examples.api.app:app", "--http", parser, **environment) as mounted,
    ):
        yield Pair(plain, mounted, not switch)


def exchange(server: Server, request: bytes) -> bytes:
    """Everything that the server sends until it closes, without the date. Every request here makes it close."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        parts = iter(lambda: connection.recv(65_536), b"")
        return DATE.sub(b"", b"".join(parts))


def http(method: str, path: str, headers: dict[str, str], body: str = "") -> bytes:
    """A request as bytes; the connection closes after it."""
    payload = body.encode()
    lines = {"Host": "localhost", "Connection": "close", "Content-Type": "application/json", **headers}
    if payload:
        lines["Content-Length"] = str(len(payload))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + payload


REQUESTS = (
    *(http(*request) for request in itertools.product(METHODS, PATHS, HEADERS)),
    *(http(method, path, headers, body) for method, path, body, headers in BODIES),
    *MALFORMED,
)


def test_every_answer_is_the_same_to_the_byte(pair: Pair) -> None:
    """Status, headers in their order, body in its parts; also 404, 405, 422, 500, preflight and what is no HTTP."""
    seen: set[bytes] = set()
    differing: list[bytes] = []
    for request in REQUESTS:
        expected, answer = exchange(pair.plain, request), exchange(pair.mounted, request)
        seen.add(expected[9:12])
        without, added = CORRELATION.subn(b"", answer)
        # What uvicorn refuses itself reaches no app.
        reached = expected.count(b"HTTP/1.1 ") - expected.count(b"Invalid HTTP request received.")
        wanted = reached if pair.adds_header else 0
        if without != expected or added != wanted:
            differing.append(request)
    assert differing == []
    assert seen >= {
        b"200",
        b"201",
        b"204",
        b"307",
        b"400",
        b"401",
        b"403",
        b"404",
        b"405",
        b"409",
        b"418",
        b"422",
    }


def test_a_failure_is_the_same_to_the_byte(pair: Pair) -> None:
    """Starlette's own answer to an exception stands outside the app's middleware."""
    request = http("GET", "/burn", {})
    answer = exchange(pair.mounted, request)
    assert CORRELATION.sub(b"", answer) == exchange(pair.plain, request)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert len(CORRELATION.findall(answer)) == pair.adds_header


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/feed/quiet?ticket=7", {}),
        ("/feed/quiet?ticket=7", {"subprotocols": ["loud"], "origin": "http://elsewhere.example"}),
        ("/feed/quiet", {}),
        ("/books", {}),
        ("/nowhere", {}),
    ],
    ids=["open", "subprotocol", "no ticket", "no websocket", "no route"],
)
def test_a_websocket_is_the_same_to_the_message(pair: Pair, path: str, options: Options) -> None:
    """Handshake, subprotocol, messages, close code; and the refusals."""
    assert conversation(pair.mounted, path, options) == conversation(pair.plain, path, options)


def conversation(server: Server, path: str, options: Options) -> list[object]:
    """Everything that a client of the feed sees."""
    heard: list[object] = []
    try:
        with connect(f"ws://127.0.0.1:{server.port}{path}", **options) as feed:
            heard.append((feed.response.status_code, plain_headers(feed.response.headers), feed.subprotocol))
            heard.append(feed.recv(timeout=10))
            feed.send("hush")
            heard.append(feed.recv(timeout=10))
            feed.send("bye")
            heard.append(feed.recv(timeout=10))
    except InvalidStatus as refused:
        response = refused.response
        heard.append((response.status_code, plain_headers(response.headers), response.body))
    except ConnectionClosed as closed:
        heard.append(closed.rcvd and (closed.rcvd.code, closed.rcvd.reason))
    return heard


def plain_headers(headers: object) -> list[tuple[str, str]]:
    """Headers without those that differ with every handshake."""
    own = {"date", "sec-websocket-accept", "x-correlation-id"}
    return [(name.lower(), value) for name, value in headers.raw_items() if name.lower() not in own]


def test_our_answers_never_carry_the_app_s_headers(pair: Pair) -> None:
    """Neither its CORS `*` nor its own middleware's, also not for a preflight."""
    for method, path, headers in itertools.product(
        METHODS,
        ("/devtools", "/devtools/", "/devtools/graphql", "/devtools/health", "/devtools/none"),
        HEADERS,
    ):
        answer = exchange(pair.mounted, http(method, path, headers)).lower()
        assert b"access-control-" not in answer, (method, path, headers)
        assert b"x-library" not in answer
        assert b"the library is open" not in answer


def test_two_lines_are_enough(pair: Pair) -> None:
    """Its structure and its requests are there to be asked."""
    mounted = pair.mounted
    mounted.get("/books/2/copies/1")
    wanted = '{ task(id: "GET /books/{book_id}/copies/{number}") { dependsOn runs(last: 1) { ok } } }'
    task = mounted.await_that(wanted, lambda data: data["task"])["task"]
    assert task["dependsOn"] == ["examples.api.shelf.open_shelf"]
    assert task["runs"] == [{"ok": True}]
    assert TOKEN not in mounted.output
