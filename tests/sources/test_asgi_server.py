"""Requests behind a real uvicorn, with its loop, its parser and its own logs."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.sync.client import connect

from devtools import mount
from devtools.records import RunStatus
from tests.sources.asgi_client import errors, logs, recorded, runs

DEADLINE = 30.0


async def hello(request):
    return PlainTextResponse("hello")


async def fail(request):
    raise ValueError("no stock")


async def away(request):
    return PlainTextResponse("away", 503)


async def feed(websocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.receive_text()


def endless(request):
    async def parts():
        while True:
            yield b"x" * 1_000
            await asyncio.sleep(0.005)

    return StreamingResponse(parts())


def until(condition: Callable[[], object]) -> None:
    """Wait until it holds; fail after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


@pytest.fixture(params=["asyncio", "uvloop"])
def address(request, watch) -> Iterator[str]:
    """The app, recorded, behind a server in a thread of its own."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    routes = [
        Route("/", hello),
        Route("/fail", fail),
        Route("/endless", endless),
        WebSocketRoute("/feed", feed),
    ]
    app = recorded(Starlette(routes=routes), watch())
    with listening(app, loop=request.param) as address:
        yield address


@contextmanager
def listening(app: object, **options: Any) -> Iterator[str]:
    """A server in a thread of its own; where it listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until(lambda: server.started)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(DEADLINE)


def test_a_request_its_log_and_its_error(address, recorder):
    """The run is there when the client has its answer; uvicorn's own logs belong to it."""
    response = httpx.get(f"http://{address}/")
    (run,) = runs(recorder)
    assert (run.node_id, run.correlation_id) == ("GET /", response.headers["x-correlation-id"])
    access = [log for log in logs(recorder) if log.source_id == "uvicorn.access"]
    assert [log.correlation_id for log in access] == [run.correlation_id]
    assert httpx.get(f"http://{address}/fail").status_code == 500
    until(lambda: len(runs(recorder)) == 2)
    assert [error.message for error in errors(recorder)] == ["no stock"]


def test_a_client_that_leaves_a_stream(address, recorder):
    """Cancelled, no error record."""
    with httpx.stream("GET", f"http://{address}/endless") as response:
        next(response.iter_raw())
    until(lambda: runs(recorder))
    assert runs(recorder)[0].status is RunStatus.cancelled
    assert errors(recorder) == []


def test_a_websocket_session(address, recorder):
    """The handshake carries the correlation id; the session is one run."""
    with connect(f"ws://{address}/feed") as client:
        assert client.recv() == "hello"
        correlation_id = client.response.headers["x-correlation-id"]
        client.send("bye")
    until(lambda: runs(recorder))
    (run,) = runs(recorder)
    assert (run.node_id, run.correlation_id, run.status) == ("WS /feed", correlation_id, RunStatus.ok)
    assert (run.http.request_bytes, run.http.response_bytes) == (3, 5)


@pytest.mark.parametrize("parser", ["h11", "httptools"])
def test_pipelined_requests_are_no_parts_of_each_other(parser):
    """Servers begin the next one inside the last `send` of the one before: one of ours, and a failure, among them."""
    app = Starlette(routes=[Route("/", hello), Route("/away", away)])
    with mount(app, token="t" * 43) as devtools, listening(app, http=parser) as address:
        answers = pipeline(address, ["/devtools/health", "/", "/away", "/", "/"])
        assert answers.count(b"HTTP/1.1 200 ") == 4
        found = runs(devtools._runtime.recorder)
    assert [run.node_id for run in found] == ["GET /", "GET /away", "GET /", "GET /"]
    assert [run.parent_run_id for run in found] == [None] * 4
    assert len({run.correlation_id for run in found}) == 4


def pipeline(address: str, paths: list[str]) -> bytes:
    """What a connection answers that is sent all of them at once."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
        asked = [f"GET {path} HTTP/1.1\r\nHost: {address}\r\n" for path in paths]
        asked[-1] += "Connection: close\r\n"
        connection.sendall("".join(f"{each}\r\n" for each in asked).encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))
