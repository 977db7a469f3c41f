"""What the sources of frameworks note of WebSockets, and that all of them take their functions away again."""

import asyncio
from typing import Any

import pytest
from django.core.handlers import exception as django_exceptions
from litestar import Litestar, WebSocket, websocket
from litestar.exceptions import NotAuthorizedException, WebSocketException
from litestar.middleware._internal.exceptions import middleware as litestar_exceptions
from quart import Quart, ctx

from devtools.records import RunStatus
from devtools.settings import Settings
from devtools.sources import install

from .asgi_client import call, errors, recorded, runs, websocket_scope

CONNECT = {"type": "websocket.connect"}
PATCHED = (
    (litestar_exceptions.ExceptionHandlerMiddleware, "handle_request_exception"),
    (litestar_exceptions.ExceptionHandlerMiddleware, "handle_websocket_exception"),
    (Quart, "handle_websocket_exception"),
    (Quart, "handle_exception"),
    (django_exceptions, "response_for_exception"),
    *(
        (kind, "match_request")
        for kind in vars(ctx).values()
        if hasattr(kind, "match_request") and kind.__name__[0] != "_"
    ),
)


def litestar(raised: Exception, *, accepts: bool = True) -> Litestar:
    @websocket("/feed/{number:int}")
    async def feed(socket: WebSocket[Any, Any, Any]) -> None:
        if accepts:
            await socket.accept()
        raise raised

    return Litestar([feed])


@pytest.mark.parametrize(
    ("raised", "closes"),
    [
        (RuntimeError("broken feed"), 4500),
        (WebSocketException(detail="broken feed", code=1011), 1011),
        (WebSocketException(detail="broken feed", code=4503), 4503),
    ],
)
@pytest.mark.parametrize("accepts", [True, False], ids=["open", "handshake"])
def test_what_litestar_closes_a_websocket_for(watch, raised, closes, accepts):
    """A failure of the app is one error of its route, with its stack, and a failed run; the client sees what it saw."""
    recorder = watch()
    layer = recorded(litestar(raised, accepts=accepts), recorder)
    sent = asyncio.run(call(layer, websocket_scope("/feed/7"), [CONNECT]))
    assert (sent[-1]["type"], sent[-1]["code"]) == ("websocket.close", closes)
    (run,), (error,) = runs(recorder), errors(recorder)
    assert (run.node_id, run.status, run.error) == ("WS /feed/{number}", RunStatus.error, "broken feed")
    assert run.http.status == (101 if accepts else 403)
    assert (error.message, error.source_id) == ("broken feed", "WS /feed/{number}")
    assert "in feed" in error.stack


@pytest.mark.parametrize(
    ("path", "raised"),
    [
        ("/feed/7", NotAuthorizedException("who are you")),
        ("/feed/7", WebSocketException(detail="enough", code=1008)),
        ("/feed/seven", RuntimeError("not reached")),
        ("/nowhere", RuntimeError("not reached")),
    ],
    ids=["refused", "closed by the app", "wrong path", "no route"],
)
def test_what_is_the_clients_matter_is_no_error_of_a_litestar_socket(watch, path, raised):
    """As with requests, where the status would be below 500."""
    recorder = watch()
    layer = recorded(litestar(raised, accepts=False), recorder)
    asyncio.run(call(layer, websocket_scope(path), [CONNECT]))
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]
    assert errors(recorder) == []


def test_a_client_that_leaves_a_litestar_socket(watch):
    """It raises where the app waits: no error, as elsewhere."""

    @websocket("/feed")
    async def feed(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.receive_text()

    recorder = watch()
    leaves = [CONNECT, {"type": "websocket.disconnect", "code": 1001}]
    asyncio.run(call(recorded(Litestar([feed]), recorder), websocket_scope("/feed"), leaves))
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]
    assert errors(recorder) == []


def test_frameworks_are_as_before_afterwards(recorder):
    """Static methods too, and what was inherited is inherited again."""
    before = [vars(owner).get(name) for owner, name in PATCHED]
    uninstall = install(recorder, Settings())
    assert all(vars(owner).get(name) is not was for (owner, name), was in zip(PATCHED, before, strict=True))
    uninstall()
    assert [vars(owner).get(name) for owner, name in PATCHED] == before


def test_quarts_own_handler_may_be_called_by_the_name_of_its_argument(watch, monkeypatch):
    """As an app that overrides it and calls what it overrides may do."""

    async def handle(self, error):
        raise error

    monkeypatch.setattr(Quart, "handle_websocket_exception", handle)
    watch()
    with pytest.raises(RuntimeError, match="broken feed"):
        asyncio.run(Quart("shop").handle_websocket_exception(error=RuntimeError("broken feed")))
