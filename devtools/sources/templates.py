"""Which route a request took in Django and Quart, which do not write it into the scope as others do. Neither is imported first."""

import sys
from collections.abc import Callable
from typing import Any

from devtools.introspection.paths import template
from devtools.settings import Settings
from devtools.sources.patching import replace
from devtools.telemetry.recorder import Recorder

PATH_TEMPLATE = "path_template"
"""Key in an ASGI scope or WSGI environment: `/cart/{id}`, as Litestar writes it too."""


def install_django(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Write the route that Django resolved to where requests are recorded from, until the answer is called."""
    handler: Any = getattr(sys.modules.get("django.core.handlers.base"), "BaseHandler", None)

    def make(original: Any) -> Any:  # Any: a method, whatever put it there
        def resolve_request(self: Any, request: Any) -> Any:  # Any: as Django has them
            match = original(self, request)
            _write(
                getattr(request, "scope", None) or getattr(request, "environ", None),
                getattr(match, "route", None),
            )
            return match

        return resolve_request

    return (lambda: None) if handler is None else replace(handler, "resolve_request", make)


def install_quart(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Write the rule that Quart matched to where requests are recorded from, until the answer is called."""
    context: Any = getattr(sys.modules.get("quart.ctx"), "RequestContext", None)

    def make(original: Any) -> Any:  # Any: as above
        def match_request(self: Any) -> Any:
            answer = original(self)
            request = getattr(self, "request_websocket", None)
            _write(getattr(request, "scope", None), getattr(getattr(request, "url_rule", None), "rule", None))
            return answer

        return match_request

    return (lambda: None) if context is None else replace(context, "match_request", make)


def _write(where: Any, rule: Any) -> None:  # Any: of another version these may be anything
    if isinstance(where, dict) and isinstance(rule, str):
        where[PATH_TEMPLATE] = template(rule)
