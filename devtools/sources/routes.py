"""Which route a request took: the composed path template, read from the ASGI scope after the app has routed it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from devtools.sources.asgi_types import Scope

_KEPT = 4_096
_METHODS = 50
_DEPTH = 20
"""Mounts within mounts; a router that holds itself would never end."""


class Routed(NamedTuple):
    """Where a request went."""

    node_id: str
    """`GET /cart/{id}`; `GET //api.example.org/cart/{id}` within a host."""
    template: str | None


class Matched:
    """A route that took a request, with its path template. What a method makes of it is found when somebody asks."""

    __slots__ = ("_by_method", "_host", "_methods", "_template", "inside", "route")

    def __init__(self, scope: Scope, route: Any, inside: str) -> None:  # Any: a route of any framework
        self.route = route
        self.inside = inside
        self._methods = getattr(route, "methods", None)
        host = _host_of(_outermost(scope), route)
        self._host = f"//{host.host}" if host is not None else ""
        self._template = _compose(scope, route, inside, _outermost(scope) if host is None else host.routes)
        self._by_method: dict[str, Routed | None] = {}

    def routed(self, method: str) -> Routed | None:
        """Where a request with this method went, `WS` for a WebSocket; None where the route does not take the method."""
        known = self._by_method
        if method not in known:
            if len(known) >= _METHODS:
                known.clear()
            known[method] = self._routed(method)
        return known[method]

    def _routed(self, method: str) -> Routed | None:
        methods = self._methods
        if self._template is None or (methods and method != "WS" and method not in methods):
            return None
        method = _method_of(self.route, methods, method)
        return Routed(f"{method} {self._host}{self._template}", self._template)


class Named:
    """What an app that sets `path_template` says itself."""

    __slots__ = ("_template",)

    def __init__(self, template: str) -> None:
        self._template = template

    def routed(self, method: str) -> Routed:
        """As a route that takes every method."""
        return Routed(f"{method} {self._template}", self._template)


class Routes:
    """The routes of one app that took requests, remembered by route object. Starlette, FastAPI, and what sets `path_template`."""

    def __init__(self) -> None:
        self._known: dict[int, Matched] = {}

    def matched(self, scope: Scope) -> "Matched | Named | None":
        """The route of a request, its path composed over mounts; None where none matched."""
        # What is known holds its route: no other object has its id.
        known = self._known.get(id(scope.get("route")))
        if known is not None and known.inside == scope.get("root_path", ""):
            return known
        return self._found(scope)

    def _found(self, scope: Scope) -> "Matched | Named | None":
        route = scope.get("route") or _included(scope) or _of_endpoint(scope)
        if route is None:
            template = scope.get("path_template")
            return Named(template) if isinstance(template, str) else None
        inside: str = scope.get("root_path", "")
        known = self._known.get(id(route))
        if known is None or known.inside != inside:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[id(route)] = Matched(scope, route, inside)
        return known


def _included(scope: Scope) -> Any:  # Any: a route of any framework
    """The route of Starlette's own in an included router: FastAPI matches a copy of it, and names that nowhere else."""
    context = scope["fastapi"].get("effective_route_context") if "fastapi" in scope else None
    return getattr(context, "starlette_route", None)


def _of_endpoint(scope: Scope) -> Any:  # Any: as above
    """The route of Starlette's own in a FastAPI app, as `/docs` is: FastAPI matches it and names only its endpoint."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return None
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    for route in _outermost(scope):
        regex = getattr(route, "path_regex", None)
        if getattr(route, "endpoint", None) is endpoint and regex is not None and regex.match(path):
            return route
    return None


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


def _compose(scope: Scope, route: Any, root_path: str, routes: Iterable[Any]) -> str | None:  # Any: as above
    own = _own_path(scope, route)
    # Mounts extend `root_path`; Starlette keeps what the server gave.
    inside = root_path.removeprefix(scope.get("app_root_path", root_path))
    prefix = _mount_template(routes, inside)
    if (
        getattr(route, "path_regex", None) is not None
        and not hasattr(route, "methods")
        and hasattr(route, "routes")
    ):
        # A mount: what is behind it either has routes of its own, and none matched, or is opaque.
        return None if route.routes else f"{prefix}/{{path}}"
    return prefix + own if own is not None else None


def _outermost(scope: Scope) -> Iterable[Any]:  # Any: as above
    """The routes of the app itself."""
    return getattr(scope.get("router"), "routes", ())


def _host_of(routes: Iterable[Any], route: Any) -> Any:  # Any: as above
    """The `Host` that a route stands in; None where it answers whatever host is named."""
    for host in routes:
        if hasattr(host, "host_regex") and _holds(getattr(host, "routes", ()), route, _DEPTH):
            return host
    return None


def _holds(routes: Iterable[Any], wanted: Any, depth: int) -> bool:  # Any: as above
    """Whether a route is one of these, or in a mount of these."""
    return any(
        route is wanted or (depth > 0 and _holds(getattr(route, "routes", ()), wanted, depth - 1))
        for route in routes
    )


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
