"""Django from inside: which route a request took, and what it answers for. It is not imported first."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from devtools.settings import Settings
from devtools.sources import asgi, wsgi
from devtools.sources.patching import replace
from devtools.sources.templates import write_template
from devtools.telemetry.recorder import Recorder


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Write the route that Django resolved to where requests are recorded from, and note exceptions that it answers.

    Until the answer is called.
    """
    handler: Any = getattr(sys.modules.get("django.core.handlers.base"), "BaseHandler", None)

    def make(original: Any) -> Any:  # Any: a method, whatever put it there
        def resolve_request(self: Any, request: Any) -> Any:  # Any: as Django has them
            match = original(self, request)
            write_template(
                getattr(request, "scope", None) or getattr(request, "environ", None),
                getattr(match, "route", None),
            )
            return match

        return resolve_request

    def noting(original: Any) -> Any:  # Any: as above
        def response_for_exception(request: Any, exc: Any) -> Any:
            if isinstance(exc, Exception):
                asgi.note_handled(exc)
                wsgi.note_handled(exc)
            return original(request, exc)

        return response_for_exception

    undo = ExitStack()
    if handler is not None:
        undo.callback(replace(handler, "resolve_request", make))
    answers: Any = sys.modules.get("django.core.handlers.exception")
    if hasattr(answers, "response_for_exception"):
        undo.callback(replace(answers, "response_for_exception", noting))
    return undo.close
