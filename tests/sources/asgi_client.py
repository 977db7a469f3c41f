"""Drives an ASGI app without a server, and reads what was recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from devtools.records import Error, Log, Run
from devtools.settings import Settings
from devtools.sources.asgi import RecordRequests
from devtools.telemetry.recorder import Recorder


def recorded(app: Any, recorder: Recorder, **settings: Any) -> RecordRequests:
    return RecordRequests(app, recorder, Settings(**settings))


def get(app: Any, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """One request; exceptions of the app are swallowed as a server does."""
    return asyncio.run(fetch(app, path, method, **options))


async def fetch(app: Any, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.request(method, path, **options)


async def call(app: Any, scope: dict[str, Any], incoming: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Call an app with these messages to receive; answers what it sent. Waits for ever when they have run out."""
    sent: list[dict[str, Any]] = []
    messages = iter(incoming)

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent


def http_scope(path: str = "/", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8_000),
        **more,
    }


def websocket_scope(path: str) -> dict[str, Any]:
    scope = {**http_scope(path), "type": "websocket", "subprotocols": [], "scheme": "ws"}
    del scope["method"]  # a session has none
    return scope


def runs(recorder: Recorder) -> list[Run]:
    return recorder.rings.of(Run).snapshot()


def logs(recorder: Recorder) -> list[Log]:
    """Of the app under test: the HTTP client of these tests logs too."""
    return [log for log in recorder.rings.of(Log).snapshot() if log.source_id != "httpx"]


def errors(recorder: Recorder) -> list[Error]:
    return recorder.rings.of(Error).snapshot()


Endpoint = Callable[..., Awaitable[Any]]
