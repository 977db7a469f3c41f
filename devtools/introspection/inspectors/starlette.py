"""Starlette: routes with their composed paths, middleware in order with its origin, handled exceptions, the lifespan."""

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from devtools.introspection import naming, schemas
from devtools.introspection.elements import ElementKind, MiddlewareUse, Route
from devtools.introspection.inspectors import Found, to_json
from devtools.introspection.inspectors.shadows import Shadows
from devtools.introspection.registry import declared_id, id_of
from devtools.telemetry.payload import PayloadGuard

ANY_METHOD = "ANY"
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
    if applications is None:
        return
    inspection = Inspection(found, applications.Starlette)
    wrapped, outer = inspection.inside(app, APP)
    if not isinstance(wrapped, applications.Starlette):
        return
    starlette: Any = wrapped
    inspection.exceptions(starlette.exception_handlers)
    inspection.lifespan(starlette.router.lifespan_context)
    middleware = (*outer, *inspection.around(starlette, APP))
    inspection.routes(starlette.routes, Place(middleware=middleware))
    inspection.number()


class Used(NamedTuple):
    """One use of a middleware."""

    base: str
    origin: str
    position: int

    @property
    def provisional(self) -> str:
        """An id until all uses are known."""
        return f"{self.base}\0{self.position}"


class Inspection:
    """One look at one app."""

    def __init__(self, found: Found, starlette: type[Any]) -> None:
        self.found = found
        self.starlette = starlette
        self.uses: list[Used] = []
        self.shadows = Shadows()

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
        # Two uses of one class are told apart by where they stand, which is known when all are known.
        used = Used(id_of(thing), origin, len(self.uses))
        self.uses.append(used)
        identifier = used.provisional
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
        text = to_json(options)
        config = None if text is None else PayloadGuard().json_text(text)
        return MiddlewareUse(identifier, config=config, origin=origin.partition(" at ")[0])

    def number(self) -> None:
        """Give middleware its ids: `module.Class`, the next one `#2`; the app's own first, then by path."""
        names: dict[str, str] = {}
        counts: dict[str, int] = {}
        for used in sorted(self.uses, key=lambda used: (used.origin != APP, used.origin, used.position)):
            count = counts[used.base] = counts.get(used.base, 0) + 1
            names[used.provisional] = used.base if count == 1 else f"{used.base}#{count}"
        for identifier, element in tuple(self.found.elements.items()):
            if identifier in names:
                del self.found.elements[identifier]
                self.found.add(msgspec.structs.replace(element, id=names[identifier]))
            elif element.middleware:
                uses = (
                    msgspec.structs.replace(use, id=names.get(use.id, use.id)) for use in element.middleware
                )
                self.found.elements[identifier] = msgspec.structs.replace(element, middleware=tuple(uses))

    # Exceptions and lifespan

    def exceptions(self, handlers: Mapping[Any, Any]) -> None:
        """Exception classes that the app has handlers for."""
        for handled in handlers:
            if (
                isinstance(handled, type)
                and naming.module_name(handled) != "builtins"
                and not is_framework(handled)
            ):
                self.found.describe(ElementKind.error, id_of(handled), handled, handled=True)

    def lifespan(self, context: Any) -> None:  # Any: what makes the context manager
        """What the app does around its life, as a resource."""
        if type(context).__name__ != "_DefaultLifespan":
            self.found.has_init = True
            self.found.describe(ElementKind.resource, id_of(context), context, has_init=True)

    # Routes

    def routes(self, routes: Iterable[Any], place: Place) -> None:
        """Everything below a router, in the order in which it is matched. One that cannot be read does not hide the others."""
        if place.depth > MAX_DEPTH:
            return
        for route in routes:
            kind = next((base.__name__ for base in type(route).__mro__ if base.__name__ in _READERS), None)
            if kind is None:
                continue
            try:
                getattr(self, _READERS[kind])(route, place)
            except Exception:
                logger.warning("A %s below %r could not be read.", kind, place.prefix or "/", exc_info=True)

    def _route(self, route: Any, place: Place) -> None:
        path = place.prefix + route.path
        endpoint, uses = self._endpoint(route, path)
        inside = replace(place, middleware=place.middleware + uses)
        private = (
            {}
            if route.include_in_schema
            else {"is_private": True, "visibility_reason": "include_in_schema=False"}
        )
        for method in _methods(route, endpoint):
            self._task(endpoint, method, path, inside, **private)
        methods = frozenset(route.methods) if route.methods else None
        self.shadows.add(place.host, f"{_first(route, endpoint)} {path}", path, methods)

    def _endpoint(self, route: Any, path: str) -> tuple[Any, tuple[MiddlewareUse, ...]]:
        """The endpoint, and the middleware between it and the route: what the route was made with has no list of it."""
        endpoint = route.endpoint
        if route.app is endpoint:
            return (
                self.inside(endpoint, f"route at {path}")
                if not isinstance(endpoint, type)
                else (endpoint, ())
            )
        return endpoint, self.inside(route.app, f"route at {path}")[1]

    def _websocket(self, route: Any, place: Place) -> None:
        path = place.prefix + route.path
        endpoint, uses = self._endpoint(route, path)
        self._task(endpoint, "WS", path, replace(place, middleware=place.middleware + uses))
        self.shadows.add(place.host, f"WS {path}", path, frozenset({"WS"}))

    def _mount(self, route: Any, place: Place) -> None:
        path = place.prefix + route.path
        origin = f"mount {path or '/'}"
        base, uses = self.inside(route.app, origin)
        below = replace(
            place,
            prefix=path,
            middleware=place.middleware + uses + self.around(base, origin),
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
            self.routes(app.routes, place)
        elif app is not None:
            self._task(app, _opaque_method(app), f"{place.prefix}/{{path}}", place)

    def _task(self, endpoint: Any, method: str, path: str, place: Place, **fields: Any) -> None:
        if is_ours(endpoint):
            return
        self.found.endpoints.append(endpoint)
        handler = _handler(endpoint, method)
        declared = declared_id(handler)
        self.found.describe(
            ElementKind.task,
            self._identifier(method, path, place.host),
            handler if handler.__doc__ else endpoint,
            schema=_path_schema(path),
            route=Route(method, path),
            middleware=place.middleware,
            depends_on=(declared,) if declared is not None else (),
            shadowed_by=self.shadows.before(place.host, method, path),
            framework=is_framework(endpoint),
            **fields,
        )

    def _identifier(self, method: str, path: str, host: str) -> str:
        """`GET /cart/{id}`; a second one names its host, or has a number."""
        identifier = f"{method} {path}"
        if identifier in self.found.elements and host:
            identifier = f"{method} //{host}{path}"
        base, count = identifier, 1
        while identifier in self.found.elements:
            count += 1
            identifier = f"{base}#{count}"
        return identifier


_READERS = {"WebSocketRoute": "_websocket", "Mount": "_mount", "Host": "_host", "Route": "_route"}
"""Class of a route to the method that reads it; subclasses count as what they derive from."""


def is_ours(thing: Any) -> bool:  # Any: every object there is
    """Whether this is an object of this package: our own routes are no part of the app."""
    return type(thing).__module__.startswith(_OURS)


_OURS = __name__.partition(".")[0] + "."


def is_framework(thing: Any) -> bool:  # Any: as above
    """Whether Starlette itself made this."""
    return naming.module_name(naming.unwrapped(thing)).partition(".")[0] == "starlette"


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


def _first(route: Any, endpoint: Any) -> str:
    return _methods(route, endpoint)[0]


def _opaque_method(app: Any) -> str:
    return "GET" if type(app).__name__ == "StaticFiles" else ANY_METHOD


def _handler(endpoint: Any, method: str) -> Any:
    """What answers: the method of a class-based endpoint, else the endpoint."""
    if _is_endpoint_class(endpoint):
        return getattr(endpoint, method.lower(), endpoint)
    return endpoint


def _path_schema(path: str) -> str | None:
    """The JSON Schema of the parameters in a path template."""
    kinds = {"int": "integer", "float": "number"}
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    pairs = [name.partition(":") for name in names]
    if not pairs:
        return None
    properties = {name: {"type": kinds.get(convertor, "string")} for name, _, convertor in pairs}
    return to_json({"type": "object", "properties": properties, "required": list(properties)})
