"""Quart from inside: which route a request or WebSocket took, and what a WebSocket raised. An app without Quart is left alone."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from devtools.settings import Settings
from devtools.sources.asgi import note_handled, note_uncaught
from devtools.sources.patching import replace
from devtools.sources.templates import write_template
from devtools.telemetry.recorder import Recorder

_CONTEXTS = ("AppContext", "RequestContext", "WebsocketContext")
"""The first from Quart 0.23 on, where it is the one that has the request; the others before."""


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Write the rule that Quart matched to where requests are recorded from, and note what it answers or closes for.

    A request that failed has a status that says so; a WebSocket is closed as if all was well. Until the answer is called.
    """
    module = sys.modules.get("quart.ctx")
    contexts = [getattr(module, name, None) for name in _CONTEXTS]
    restores = [
        replace(context, "match_request", _matched)
        for context in contexts
        if hasattr(context, "match_request")
    ]
    app: Any = getattr(sys.modules.get("quart.app"), "Quart", None)
    active = True

    def noting(note: Callable[[Exception], None]) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:  # Any: a method, whatever put it there
            async def handle(*arguments: Any, **keywords: Any) -> Any:
                error = keywords.get("error", arguments[-1])
                if active and isinstance(error, Exception):
                    note(error)
                return await original(*arguments, **keywords)

            return handle

        return make

    for name, note in (
        ("handle_exception", note_handled),
        ("handle_websocket_exception", partial(note_uncaught, recorder)),
    ):
        if hasattr(app, name):
            restores.append(replace(app, name, noting(note)))

    def uninstall() -> None:
        nonlocal active
        active = False
        for restore in restores:
            restore()

    return uninstall


def _matched(original: Any) -> Any:  # Any: as above
    def match_request(self: Any) -> Any:
        answer = original(self)
        request = getattr(self, "request_websocket", None) or getattr(self, "_request_websocket", None)
        write_template(
            getattr(request, "scope", None), getattr(getattr(request, "url_rule", None), "rule", None)
        )
        return answer

    return match_request
