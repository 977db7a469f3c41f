"""Which route a request took in Django, which does not write it into the scope as others do. It is not imported first."""

import sys
from collections.abc import Callable
from typing import Any

from devtools.settings import Settings
from devtools.sources.patching import replace
from devtools.sources.templates import write_template
from devtools.telemetry.recorder import Recorder


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Write the route that Django resolved to where requests are recorded from, until the answer is called."""
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

    return (lambda: None) if handler is None else replace(handler, "resolve_request", make)
