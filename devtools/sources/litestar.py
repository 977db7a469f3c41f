"""Litestar from inside: exceptions that it answered with a server error, or closed a WebSocket for. Other apps are left alone."""

import sys
from collections.abc import Callable
from typing import Any

from devtools.settings import Settings
from devtools.sources.asgi import INTERNAL_SERVER_ERROR, note_handled, note_uncaught
from devtools.sources.patching import replace
from devtools.telemetry.recorder import Recorder

_FAILURES = frozenset({1011, *range(4500, 4600)})
"""Close codes: the standard's for an internal error, and Litestar's, which are statuses above 4000."""
_MODULE = "litestar.middleware._internal.exceptions.middleware"


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Note what Litestar answers for the app until the answer is called; the request's end decides whether it was an error."""
    middleware: Any = getattr(sys.modules.get(_MODULE), "ExceptionHandlerMiddleware", None)
    if middleware is None:
        return lambda: None
    active = True

    def make(original: Any) -> Any:  # Any: a method, whatever put it there
        async def handle_request_exception(self: Any, *arguments: Any, **named: Any) -> Any:
            exception = named.get("exc")
            if active and isinstance(exception, Exception):
                note_handled(exception)
            return await original(self, *arguments, **named)

        return handle_request_exception

    def make_for_websockets(original: Any) -> Any:  # Any: as above
        async def handle_websocket_exception(*arguments: Any, **named: Any) -> Any:
            exception = named.get("exc")
            if active and isinstance(exception, Exception) and _is_failure(exception):
                note_uncaught(recorder, exception)
            return await original(*arguments, **named)

        return handle_websocket_exception

    restores = [replace(middleware, "handle_request_exception", make)]
    if hasattr(middleware, "handle_websocket_exception"):
        restores.append(replace(middleware, "handle_websocket_exception", make_for_websockets))

    def uninstall() -> None:
        nonlocal active
        active = False
        for restore in restores:
            restore()

    return uninstall


def _is_failure(exception: Exception) -> bool:
    """Whether it would be a server error as an answer: no route, a refusal and what the client sent wrong are none."""
    code: Any = getattr(exception, "code", None)  # Any: of another class these may be anything
    if isinstance(code, int):
        return code in _FAILURES
    status: Any = getattr(exception, "status_code", INTERNAL_SERVER_ERROR)
    return not isinstance(status, int) or status >= INTERNAL_SERVER_ERROR
