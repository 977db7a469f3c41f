"""Which route a request took: the composed path template, read from the ASGI scope after the app has routed it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from devtools.sources.asgi_types import Scope

_KEPT = 4_096
_METHODS = 50


class Routed(NamedTuple):
    """Where a request went."""

    node_id: str
    """`GET /cart/{id}`."""
    template: str | None


class Routes:
    """Path templates of the routes of one app, remembered by route object. Starlette, FastAPI, and what sets `path_template`."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str, dict[str, Routed | None]]] = {}

    def routed(self, scope: Scope, method: str) -> Routed | None:
        """The matched route, its path composed over mounts; None where none matched. `method` is `WS` for WebSockets."""
        route = scope.get("route") or _included(scope)
        if route is None:
            template = scope.get("path_template")
            return Routed(f"{method} {template}", template) if isinstance(template, str) else None
        inside: str = scope.get("root_path", "")
        known = self._known.get(id(route))
        if known is None or known[0] is not route or known[1] != inside:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[id(route)] = (route, inside, {})
        by_method = known[2]
        if method not in by_method:
            if len(by_method) >= _METHODS:
                by_method.clear()
            by_method[method] = _routed(scope, route, method)
        return by_method[method]


def _included(scope: Scope) -> Any:  # Any: a route of any framework
    """The route of Starlette's own in an included router: FastAPI matches a copy of it, and names that nowhere else."""
    context = scope["fastapi"].get("effective_route_context") if "fastapi" in scope else None
    return getattr(context, "starlette_route", None)


def _routed(scope: Scope, route: Any, method: str) -> Routed | None:  # Any: a route of any framework
    methods = getattr(route, "methods", None)
    if methods and method != "WS" and method not in methods:
        return None
    template = _compose(scope, route, scope.get("root_path", ""))
    return None if template is None else Routed(f"{_method_of(route, methods, method)} {template}", template)


def _method_of(route: Any, methods: Any, method: str) -> str:  # Any: as above
    """The method in the id of the element: `ANY` where the route takes all, GET also for HEAD."""
    endpoint = getattr(route, "endpoint", None)
    own = "GET" if method == "HEAD" else method
    if method == "WS" or hasattr(endpoint, "allow_queries_via_get"):
        return own
    if methods:
        return own if own in methods else method
    if isinstance(endpoint, type) and hasattr(endpoint, own.lower()):
        return own
    return "GET" if type(_inside(route)).__name__ == "StaticFiles" else "ANY"


def _inside(mount: Any) -> Any:  # Any: as above
    return getattr(mount, "app", None)


def _compose(scope: Scope, route: Any, root_path: str) -> str | None:  # Any: as above
    own = _own_path(scope, route)
    # Mounts extend `root_path`; Starlette keeps what the server gave.
    inside = root_path.removeprefix(scope.get("app_root_path", root_path))
    prefix = _mount_template(getattr(scope.get("router"), "routes", ()), inside)
    if (
        getattr(route, "path_regex", None) is not None
        and not hasattr(route, "methods")
        and hasattr(route, "routes")
    ):
        # A mount: what is behind it either has routes of its own, and none matched, or is opaque.
        return None if route.routes else f"{prefix}/{{path}}"
    return prefix + own if own is not None else None


def _own_path(scope: Scope, route: Any) -> str | None:  # Any: as above
    context = scope.get("fastapi", {}).get("effective_route_context") if "fastapi" in scope else None
    if context is not None and getattr(context, "original_route", None) is route:
        route = context
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _mount_template(routes: Iterable[Any], inside: str) -> str:  # Any: as above
    """The templates of the mounts that took this part of the path, `/tenants/{tenant}` for `/tenants/acme`."""
    if not inside:
        return ""
    for route in routes:
        regex = getattr(route, "path_regex", None)
        if regex is None or not hasattr(route, "routes"):
            continue
        match = regex.match(inside + "/")
        if match is not None and "path" in match.groupdict():
            rest = match["path"].rstrip("/")
            return route.path + (_mount_template(route.routes, "/" + rest) if rest else "")
    return inside
