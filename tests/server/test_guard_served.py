"""The guard behind a real server: what the wire shows, with bodies and handshakes that no in-process driver makes."""

import http.client
import json
import socket
import threading

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from devtools.server.credentials import Credentials
from devtools.server.guard.middleware import ACCESS_KEY, Guard
from devtools.server.guard.policy import core_policies
from devtools.settings import Limits, Settings

TOKEN = "write-0123456789-abcdefghijklmnopqrstuvwxyz"
PROTOCOL = "graphql-transport-ws"


async def echo(request: Request) -> JSONResponse:
    return JSONResponse({"size": len(await request.body()), "scope": request.scope[ACCESS_KEY].scope})


async def fail(_: Request) -> JSONResponse:
    raise RuntimeError("secret")


async def talk(websocket: WebSocket) -> None:
    await websocket.accept(websocket.scope["subprotocols"][0])
    await websocket.send_text(websocket.scope[ACCESS_KEY].scope)
    await websocket.close()


@pytest.fixture(scope="module")
def port():
    routes = [
        Route("/graphql", echo, methods=["POST"]),
        WebSocketRoute("/graphql", talk),
        Route("/health", fail),
        Route("/unlisted", echo),
    ]
    settings = Settings(token=TOKEN)
    guard = Guard(
        Starlette(routes=routes),
        policies=core_policies(Limits(body_bytes=1_000)),
        settings=settings,
        credentials=Credentials.load(settings, environment={}),
    )
    config = uvicorn.Config(
        guard, log_config=None, server_header=False, lifespan="off", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def ask(port, method, path, *, body=None, chunked=False, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    own = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, body, own | headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_a_right_request_arrives(port):
    """Body, scope and headers over the wire."""
    answer, body = ask(port, "POST", "/graphql", body=b"{}")
    assert json.loads(body) == {"size": 2, "scope": "write"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers


@pytest.mark.parametrize(("size", "status"), [(1_000, 200), (1_001, 413)])
def test_a_chunked_body_is_counted(port, size, status):
    """A body without a length is refused at the first byte over the limit."""
    chunks = iter([b"x" * 500, b"x" * (size - 500)])
    answer, _ = ask(port, "POST", "/graphql", body=chunks, chunked=True, **{"Transfer-Encoding": "chunked"})
    assert answer.status == status
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_large_body_is_refused_before_it_is_sent(port):
    """The declared length is enough: the answer comes without the body."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 1000000000\r\n\r\n"
        )
        assert client.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Host: evil.example\r\n", 421),
        (b"Host: localhost\r\nHost: evil.example\r\n", 421),
        (b"Host: localhost:80:80\r\n", 421),
        (b"Host: localhost\r\nOrigin: null\r\n", 403),
    ],
)
def test_raw_requests_are_refused(port, head, status):
    """Headers as an attacker writes them; a server may refuse the worst by itself with 400."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + head + b"\r\n")
        assert client.recv(12) in {b"HTTP/1.1 %d" % status, b"HTTP/1.1 400"}


def test_a_failure_of_starlette_is_masked(port):
    """Starlette's own 500 text becomes ours, with headers."""
    answer, body = ask(port, "GET", "/health")
    assert answer.status == 500
    assert json.loads(body)["errors"][0]["extensions"] == {"code": "INTERNAL"}
    assert b"secret" not in body


def test_a_route_nobody_listed_is_not_found(port):
    """Starlette would answer it; the guard does not ask."""
    answer, _ = ask(port, "GET", "/unlisted")
    assert answer.status == 404
    assert answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"additional_headers": {"Authorization": "Bearer wrong"}}, 401),
        ({"subprotocols": ["graphql-ws"]}, 403),
    ],
    ids=str,
)
def test_a_handshake_is_denied_with_a_status(port, options, status):
    """A real client sees the status and our headers, and no socket."""
    options = {"subprotocols": [PROTOCOL], **options}
    with pytest.raises(InvalidStatus) as caught, connect(f"ws://127.0.0.1:{port}/graphql", **options):
        pass
    assert caught.value.response.status_code == status
    assert caught.value.response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("headers", "scope"), [({}, "none"), ({"Authorization": f"Bearer {TOKEN}"}, "write")]
)
def test_a_right_handshake_is_accepted(port, headers, scope):
    """Our own page's socket opens, with what its handshake granted."""
    own = f"http://127.0.0.1:{port}"
    with connect(
        f"ws://127.0.0.1:{port}/graphql", subprotocols=[PROTOCOL], origin=own, additional_headers=headers
    ) as socket_:
        assert socket_.subprotocol == PROTOCOL
        assert socket_.recv(timeout=30) == scope
