"""Starlette: routes with their composed paths, middleware in order with its origin, handled exceptions, the lifespan."""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from devtools.errors import OF_THE_APP
from devtools.introspection import naming, schemas
from devtools.introspection.elements import ElementKind, MiddlewareUse, Route
from devtools.introspection.inspectors import Found, Mounted, is_made_by, is_ours, masked
from devtools.introspection.inspectors.settling import Numbers, rename
from devtools.introspection.inspectors.shadows import Shadows
from devtools.introspection.inspectors.web import ANY_METHOD
from devtools.introspection.paths import path_schema
from devtools.introspection.registry import declared_id, id_of

APP = "app"
"""Origin of the middleware of the app itself."""
GRAPHQL_METHODS = ("GET", "POST")
ENDPOINT_METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "query", "trace")
MAX_DEPTH = 20
"""Mounts within mounts; a router that holds itself would never end."""

logger = logging.getLogger("devtools")


@dataclass(frozen=True)
class Place:
    """Where in the tree of routers we are."""

    prefix: str = ""
    middleware: tuple[MiddlewareUse, ...] = ()
    depth: int = 0
    host: str = ""


def inspect(app: Any, found: Found) -> None:  # Any: any app
    """Add what a Starlette app, or a subclass of it, is made of; anything else is left alone."""
    applications = sys.modules.get("starlette.applications")
    if applications is not None and not found.has_routes:
        Inspection(found, applications.Starlette).application(app)


class Inspection:
    """One look at one app. A framework on top of Starlette derives from it, says which routes there are, and more of each."""

    def __init__(self, found: Found, starlette: type[Any]) -> None:
        self.found = found
        self.starlette = starlette
        self.numbers = Numbers()
        self.shadows = Shadows()

    def application(self, app: Any) -> None:
        """Add everything from the app, which may be wrapped, downwards."""
        inner, outer = self.inside(app, APP)
        if not isinstance(inner, self.starlette):
            return
        starlette: Any = inner
        self.found.has_routes = True
        self.exceptions(starlette.exception_handlers)
        self.lifespan(starlette.router)
        self.routes(starlette, Place(middleware=(*outer, *self.around(starlette, APP))))
        rename(self.found, self.numbers.settle())

    # Middleware

    def around(self, app: Any, origin: str) -> tuple[MiddlewareUse, ...]:  # Any: an app or a router
        """The middleware of a sub-app or router itself, outermost first."""
        if isinstance(app, self.starlette):
            starlette: Any = app
            entries = [
                self._use(entry.cls, entry.args, entry.kwargs, origin) for entry in starlette.user_middleware
            ]
            return (*entries, *self.around(starlette.router, origin))
        return self.inside(naming.attribute(app, "middleware_stack"), origin)[1]

    def inside(self, app: Any, origin: str) -> tuple[Any, tuple[MiddlewareUse, ...]]:
        """The app inside wrapping middleware, and those outermost first. Our own layer does not count."""
        uses: list[MiddlewareUse] = []
        for _ in range(MAX_DEPTH):
            inner = None if _has_routes(app) else naming.attribute(app, "app")
            if not callable(inner):
                break
            if not is_ours(app):
                uses.append(self._use(type(app), (), {}, origin))
            app = inner
        return app, tuple(uses)

    def _use(
        self, factory: Any, arguments: Sequence[Any], keywords: Mapping[str, Any], origin: str
    ) -> MiddlewareUse:
        dispatch = keywords.get("dispatch")
        thing = dispatch if callable(dispatch) else factory
        identifier = self.numbers.take(id_of(thing), origin != APP, origin)
        self.found.describe(
            ElementKind.middleware,
            identifier,
            thing,
            schema=schemas.of_call(thing, without=frozenset({"app", "request", "call_next"})),
            applies_to=ElementKind.task,
            auto_apply=origin == APP,
            framework=is_framework(thing),
        )
        options = {**{str(index): value for index, value in enumerate(arguments)}, **keywords}
        options.pop("dispatch", None)
        return MiddlewareUse(identifier, config=masked(options), origin=origin.partition(" at ")[0])

    # Exceptions and lifespan

    def exceptions(self, handlers: Mapping[Any, Any]) -> None:
        """Exception classes that the app has handlers for."""
        for handled, function in handlers.items():
            if (
                isinstance(handled, type)
                and naming.module_name(handled) != "builtins"
                and not is_framework(handled)
            ):
                self.found.handle(handled, function)

    def lifespan(self, router: Any) -> None:
        """What the app does around its life, as resources."""
        for context in self.lifespans(router.lifespan_context):
            self.found.has_init = True
            self.found.describe(ElementKind.resource, id_of(context), context, has_init=True)

    def lifespans(self, context: Any) -> Iterator[Any]:  # Any: what makes a context manager
        """The app's own lifespans in a router's: none where it has the default."""
        if type(context).__name__ != "_DefaultLifespan":
            yield context

    # Routes

    def routes(self, app: Any, place: Place) -> None:
        """Everything below an app or router, in the order of matching. One that cannot be read does not hide the others."""
        if place.depth > MAX_DEPTH:
            return
        for cls, route in self.candidates(app):
            kind = next((base.__name__ for base in cls.__mro__ if base.__name__ in _READERS), None)
            if kind is None:
                continue
            try:
                getattr(self, _READERS[kind])(route, place)
            except OF_THE_APP:
                logger.warning("A %s below %r could not be read.", kind, place.prefix or "/", exc_info=True)

    def candidates(self, app: Any) -> Iterable[tuple[type[Any], Any]]:
        """The routes of an app or router with the class that says how each is read."""
        routes: Sequence[Any] = app.routes
        return [(cast("type[Any]", type(route)), route) for route in routes]

    def details(self, route: Any, method: str, path: str) -> dict[str, Any]:  # noqa: ARG002 - others need the method
        """What is known of the task of a route beside its endpoint, as fields of Element."""
        return {"schema": path_schema(path)}

    def _route(self, route: Any, place: Place) -> None:
        path = place.prefix + route.path
        endpoint, uses = self._endpoint(route, path, place)
        inside = replace(place, middleware=place.middleware + uses)
        private = (
            {}
            if route.include_in_schema
            else {"is_private": True, "visibility_reason": "include_in_schema=False"}
        )
        for method in _methods(route, endpoint):
            self._task(endpoint, method, path, inside, **private, **self.details(route, method, path))
        methods = frozenset(route.methods) if route.methods else None
        name = _route_id(_methods(route, endpoint)[0], path, place.host)
        self.shadows.add(place.host, name, path, methods)

    def _endpoint(self, route: Any, path: str, place: Place) -> tuple[Any, tuple[MiddlewareUse, ...]]:
        """The endpoint, and the middleware between it and the route: what the route was made with has no list of it."""
        endpoint = route.endpoint
        methods = ",".join(sorted(naming.attribute(route, "methods") or ()))
        origin = f"route at {place.host}{path} {methods}"
        app = naming.attribute(route, "app")
        if app is endpoint:
            return self.inside(endpoint, origin) if not isinstance(endpoint, type) else (endpoint, ())
        return endpoint, self.inside(app, origin)[1]

    def _websocket(self, route: Any, place: Place) -> None:
        path = place.prefix + route.path
        endpoint, uses = self._endpoint(route, path, place)
        inside = replace(place, middleware=place.middleware + uses)
        self._task(endpoint, "WS", path, inside, **self.details(route, "WS", path))
        self.shadows.add(place.host, _route_id("WS", path, place.host), path, frozenset({"WS"}))

    def _mount(self, route: Any, place: Place) -> None:
        path = place.prefix + route.path
        origin = f"mount {path or '/'}"
        where = f"{origin} at {place.host}" if place.host else origin
        base, uses = self.inside(route.app, where)
        below = replace(
            place,
            prefix=path,
            middleware=place.middleware + uses + self.around(base, where),
            depth=place.depth + 1,
        )
        self._below(base, below)
        self.shadows.add(place.host, origin, path + "/{below:path}", None)

    def _host(self, route: Any, place: Place) -> None:
        origin = f"host {route.host}"
        base, uses = self.inside(route.app, origin)
        inside = place.middleware + uses + self.around(base, origin)
        self._below(base, replace(place, middleware=inside, depth=place.depth + 1, host=route.host))

    def _below(self, app: Any, place: Place) -> None:
        """What answers inside a mount or host: routes of its own, or an app that cannot be looked into."""
        if is_ours(app):
            return
        if isinstance(app, self.starlette):
            self.exceptions(app.exception_handlers)
        if _has_routes(app):
            self.routes(app, place)
        elif app is not None:
            self.found.mounted.append(Mounted(app, place.prefix, place.middleware))
            path = f"{place.prefix}/{{path}}"
            self._task(app, _opaque_method(app), path, place, schema=path_schema(path))

    def _task(self, endpoint: Any, method: str, path: str, place: Place, **fields: Any) -> None:
        if is_ours(endpoint):
            return
        self.found.endpoints.append(endpoint)
        handler = _handler(endpoint, method)
        declared = declared_id(handler)
        depends_on = (*((declared,) if declared is not None else ()), *fields.pop("depends_on", ()))
        identifier = self._identifier(_route_id(method, path, place.host))
        self.found.describe(
            ElementKind.task,
            identifier,
            handler if handler.__doc__ else endpoint,
            route=Route(method, path, place.host),
            middleware=place.middleware,
            depends_on=depends_on,
            shadowed_by=self.shadows.before(place.host, method, path),
            framework=is_framework(endpoint),
            **fields,
        )

    def _identifier(self, base: str) -> str:
        """The id of a route; the next one for the same requests, which is never reached, has a number."""
        identifier, count = base, 1
        while identifier in self.found.elements:
            count += 1
            identifier = f"{base}#{count}"
        return identifier


_READERS = {"WebSocketRoute": "_websocket", "Mount": "_mount", "Host": "_host", "Route": "_route"}
"""Class of a route to the method that reads it; subclasses count as what they derive from."""


def _route_id(method: str, path: str, host: str) -> str:
    """`GET /cart/{id}`; within a host `GET //api.example.org/cart/{id}`, as its requests are recorded."""
    return f"{method} //{host}{path}" if host else f"{method} {path}"


def is_framework(thing: Any) -> bool:  # Any: as above
    """Whether Starlette or what stands on it made this."""
    return is_made_by(thing, "starlette", "fastapi")


def _has_routes(app: Any) -> bool:
    return isinstance(naming.attribute(app, "routes"), Sequence)


def _is_endpoint_class(endpoint: Any) -> bool:
    module = sys.modules.get("starlette.endpoints")
    return isinstance(endpoint, type) and module is not None and issubclass(endpoint, module.HTTPEndpoint)


def _methods(route: Any, endpoint: Any) -> tuple[str, ...]:
    """The methods of a route; HEAD is part of GET."""
    methods: Iterable[str] = route.methods or ()
    if _is_endpoint_class(endpoint):
        own = [name.upper() for name in ENDPOINT_METHODS if callable(getattr(endpoint, name, None))]
        methods = [name for name in own if not methods or name in methods]
    if not methods:
        return (
            GRAPHQL_METHODS
            if naming.attribute(endpoint, "allow_queries_via_get") is not None
            else (ANY_METHOD,)
        )
    return tuple(sorted(method for method in methods if method != "HEAD" or "GET" not in methods))


def _opaque_method(app: Any) -> str:
    return "GET" if type(app).__name__ == "StaticFiles" else ANY_METHOD


def _handler(endpoint: Any, method: str) -> Any:
    """What answers: the method of a class-based endpoint, else the endpoint."""
    if _is_endpoint_class(endpoint):
        return getattr(endpoint, method.lower(), endpoint)
    return endpoint
