"""Litestar from inside: exceptions that it turned into a server error. An app without Litestar is left alone."""

import sys
from collections.abc import Callable
from typing import Any

from devtools.settings import Settings
from devtools.sources.patching import replace
from devtools.sources.starlette import note_handled
from devtools.telemetry.recorder import Recorder

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

    restore = replace(middleware, "handle_request_exception", make)

    def uninstall() -> None:
        nonlocal active
        active = False
        restore()

    return uninstall
