"""Litestar: routes over routers and controllers, dependencies, guards, middleware by layer, listeners, hooks, OpenAPI."""

from collections.abc import Iterable
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind, MiddlewareUse
from devtools.introspection.inspectors import Found, Mounted, is_made_by, loaded
from devtools.introspection.inspectors.jobs import add_hook
from devtools.introspection.inspectors.web import (
    ANY_METHOD,
    add_middleware,
    add_route,
    answering,
)
from devtools.introspection.json_text import json_text
from devtools.introspection.paths import path_schema

HOOKS = ("on_startup", "on_shutdown")
LAYERED = ("before_request", "after_request", "after_response")


def inspect(app: Any, found: Found) -> None:  # Any: any app
    """Add what the Litestar apps at hand are made of."""
    module: Any = loaded("litestar.app")
    if module is None:
        return
    for mounted in found.applications(app, module.Litestar):
        Inspection(found, mounted).all()


class Inspection:
    """One look at one app."""

    def __init__(self, found: Found, mounted: Mounted) -> None:
        self.found = found
        self.mounted = mounted
        self.app = mounted.app
        self.uses: dict[int, MiddlewareUse] = {}
        """Middleware by the object that was given for it: one entry of a layer serves every route below."""

    def all(self) -> None:
        """Everything there is."""
        self._events()
        for route in sorted(self.app.routes, key=lambda route: route.path_format):
            for handler in _handlers(route):
                self._route(route, handler)
        self.found.has_routes = True
        for error, function in naming.mapping(self.app.exception_handlers).items():
            if isinstance(error, type) and not is_made_by(function, "litestar"):
                self.found.handle(error, function)
        for hook in HOOKS:
            for order, function in enumerate(naming.sequence(naming.attribute(self.app, hook))):
                add_hook(self.found, f"litestar.{hook}", function, order=order)
        lifespans = naming.sequence(naming.attribute(self.app, "_lifespan_managers"))
        self.found.has_init = self.found.has_init or any(self.found.own.defines(found) for found in lifespans)
        if self.app.openapi_config is not None and not self.mounted.prefix:
            self.found.openapi = json_text(self.app.openapi_schema.to_schema(), default=str)

    def _events(self) -> None:
        """Listeners by the names of their events, which `emit` names by text."""
        listeners = naming.mapping(naming.attribute(naming.attribute(self.app, "event_emitter"), "listeners"))
        for event, functions in sorted(listeners.items()):
            self.found.add(Element(id=event, kind=ElementKind.event))
            self.found.name(event, event, "emit")
            for listener in sorted(functions, key=naming.element_id):
                # Litestar puts a function around it that catches what it raises.
                self.found.listen(event, _plain(naming.closure(listener.fn).get("fn", listener.fn)))

    # Routes

    def _route(self, route: Any, handler: Any) -> None:
        function = _plain(handler.fn)
        self.found.endpoints.append(function)
        path = self.mounted.prefix.rstrip("/") + (route.path_format or "/")
        typed = self.mounted.prefix.rstrip("/") + (route.path or "/")
        middleware = (*self.mounted.middleware, *self._middleware(handler))
        hidden = naming.attribute(handler, "include_in_schema") is False
        private: dict[str, Any] = (
            {"is_private": True, "visibility_reason": "include_in_schema=False"} if hidden else {}
        )
        framework = not self.found.own.defines(naming.unwrapped(function))
        for method in _methods(route, handler):
            if framework and method == "OPTIONS":  # which every path has
                continue
            identifier = add_route(
                self.found,
                method,
                path,
                function,
                middleware=middleware,
                schema=path_schema(typed),
                framework=framework,
                **private,
            )
            self.found.link(identifier, depends_on=self._dependencies(handler))
        for layer in handler.ownership_layers:
            for hook in LAYERED:
                add_hook(self.found, f"litestar.{hook}", naming.attribute(layer, hook))

    def _dependencies(self, handler: Any) -> Iterable[str]:
        """What fills in parameters, and the guards before it: resources that the route depends on."""
        providers = [
            _plain(naming.attribute(provide, "dependency") or provide)
            for provide in handler.resolve_dependencies().values()
        ]
        parameters = naming.mapping(naming.attribute(handler.parsed_fn_signature, "parameters"))
        named = {name for name in handler.resolve_dependencies() if name in parameters}
        used = [
            provider
            for name, provider in zip(handler.resolve_dependencies(), providers, strict=True)
            if name in named
        ]
        for thing in (*used, *map(_plain, handler.resolve_guards())):
            identifier = naming.element_id(thing)
            self.found.describe(ElementKind.resource, identifier, thing)
            yield identifier

    def _middleware(self, handler: Any) -> tuple[MiddlewareUse, ...]:
        uses: list[MiddlewareUse] = []
        for layer in handler.ownership_layers:
            for entry in naming.sequence(naming.attribute(layer, "middleware")):
                if id(entry) not in self.uses:
                    self.uses[id(entry)] = self._use(entry, layer)
                uses.append(self.uses[id(entry)])
        return tuple(uses)

    def _use(self, entry: Any, layer: Any) -> MiddlewareUse:
        factory = naming.attribute(entry, "middleware") or entry
        options = naming.mapping(naming.attribute(entry, "kwargs"))
        is_app = layer is self.app
        origin = (
            "app"
            if is_app
            else f"{type(layer).__name__.lower()} {naming.attribute(layer, 'path') or ''}".strip()
        )
        kind = (
            factory
            if isinstance(factory, type) or naming.attribute(factory, "__qualname__")
            else type(factory)
        )
        framework = is_made_by(kind, "litestar")
        return add_middleware(
            self.found, kind, origin, options=dict(options), auto_apply=is_app, framework=framework
        )


def _handlers(route: Any) -> list[Any]:
    listed = naming.sequence(naming.attribute(route, "route_handlers"))
    return list(listed) if listed else [route.route_handler]


def _methods(route: Any, handler: Any) -> tuple[str, ...]:
    methods = naming.attribute(handler, "http_methods")
    if methods:
        return answering([str(naming.attribute(method, "value") or method) for method in methods])
    return ("WS",) if type(route).__name__ == "WebSocketRoute" else (ANY_METHOD,)


def _plain(function: Any) -> Any:
    """The function itself: Litestar keeps some in a holder with a `value`, and calls plain ones through a thread."""
    for name in ("value", "func"):
        inner = naming.attribute(function, name)
        if callable(inner) and not isinstance(function, type):
            function = inner
    return function
