"""Flask: routes, blueprints within blueprints, hooks of a request, error handlers, extensions, WSGI middleware.

Quart is built on the same parts: its inspector adds what is its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind, MiddlewareUse
from devtools.introspection.inspectors import Found, Mounted, is_made_by, is_ours, loaded
from devtools.introspection.inspectors.web import add_middleware, add_route, answering
from devtools.introspection.paths import path_schema, template

HOOKS: Mapping[str, str] = {
    "url_value_preprocessors": "url_value_preprocessor",
    "before_request_funcs": "before_request",
    "after_request_funcs": "after_request",
    "teardown_request_funcs": "teardown_request",
    "template_context_processors": "context_processor",
    "url_default_functions": "url_defaults",
    "teardown_appcontext_funcs": "teardown_appcontext",
}
"""Where functions are kept, by blueprint or in one list, and the word people register them with."""

REVERSED = frozenset(
    {"after_request", "teardown_request", "teardown_appcontext", "after_websocket", "teardown_websocket"}
)
"""What Flask runs the last one of first."""


def inspect(app: Any, found: Found) -> None:  # Any: any app
    """Add what the Flask apps at hand are made of."""
    flask = loaded("flask.app")
    if flask is not None:
        for mounted in found.applications(app, flask.Flask):
            Inspection(found, "flask", mounted, is_main=app is None or not mounted.prefix).all(HOOKS)


@dataclass
class Inspection:
    """One look at one app of Flask, or of what is built like it."""

    found: Found
    framework: str
    mounted: Mounted
    is_main: bool
    registrar: str | None = None
    blueprints: dict[str, str] = field(default_factory=dict[str, str])
    """Element of a blueprint by the name it is registered under, `admin.users` for one within another."""

    @property
    def app(self) -> Any:
        """The app that is looked at."""
        return self.mounted.app

    def all(self, hooks: Mapping[str, str]) -> None:
        """Everything there is."""
        if not self.is_main:
            self.registrar = self.found.own.name_of(self.app, f"{self.app.import_name}.{self.framework}")
            self._global(self.registrar, self.app, title=f"{self.framework.capitalize()} app {self.app.name}")
        self._blueprints()
        self._hooks(hooks)
        self._errors()
        self._extensions()
        self._routes(self._middleware())

    def _global(self, identifier: str, thing: Any, **fields: Any) -> Element:
        return self.found.describe_global(ElementKind.resource, identifier, thing, **fields)

    def _blueprints(self) -> None:
        for name, blueprint in sorted(self.app.blueprints.items()):
            base = self.found.own.name_of(blueprint, f"{blueprint.import_name}.{name}")
            identifier = base if base not in self.found.elements else f"{base}:{name}"
            self.blueprints[name] = identifier
            self._global(
                identifier,
                blueprint,
                title=f"Blueprint {name}",
                registered_by=self.blueprints.get(name.rpartition(".")[0], self.registrar),
            )

    def _hooks(self, hooks: Mapping[str, str]) -> None:
        for attribute, word in hooks.items():
            kept: Any = naming.attribute(self.app, attribute) or ()
            by_blueprint = naming.mapping(kept) or {None: kept}
            for blueprint, functions in by_blueprint.items():
                own = [
                    function
                    for function in functions
                    if not is_made_by(function, self.framework, "flask", "quart")
                ]
                for order, function in enumerate(reversed(own) if word in REVERSED else own):
                    self._hook(
                        f"{self.framework}.{word}", function, order, self.blueprints.get(blueprint or "")
                    )

    def _hook(self, event: str, function: Any, order: int, blueprint: str | None) -> None:
        self.found.add(Element(id=event, kind=ElementKind.event, framework=True))
        self.found.listen(event, function, order=order, registered_by=blueprint or self.registrar)

    def _errors(self) -> None:
        for blueprint, by_code in self.app.error_handler_spec.items():
            registrar = self.blueprints.get(blueprint or "", self.registrar)
            for handlers in by_code.values():
                for error, function in handlers.items():
                    self.found.handle(error, function, registered_by=registrar)

    def _extensions(self) -> None:
        for name, extension in sorted(self.app.extensions.items()):
            identifier = self.found.own.name_of(extension, f"{self.framework}.extensions.{name}")
            kind = naming.kind_of(extension)
            title = f"Extension {name}"
            description = f"{kind.__module__}.{kind.__qualname__}"
            if identifier not in self.found.elements and not is_ours(extension):
                self._global(
                    identifier, extension, title=title, description=description, registered_by=self.registrar
                )

    # Routes

    def _routes(self, middleware: tuple[MiddlewareUse, ...]) -> None:
        for rule in self.app.url_map.iter_rules():
            view = self.app.view_functions.get(rule.endpoint)
            if view is None or is_ours(naming.unwrapped(view)):
                continue
            path = self.mounted.prefix + template(rule.rule)
            schema = path_schema(self.mounted.prefix + template(rule.rule, typed=True))
            for method in self._methods(rule):
                add_route(
                    self.found,
                    method,
                    path,
                    _handler(view, method),
                    schema=schema,
                    host=rule.host or rule.subdomain or "",
                    middleware=middleware,
                    framework=is_made_by(view, self.framework),
                    registered_by=self.blueprints.get(rule.endpoint.rpartition(".")[0], self.registrar),
                )

    def _methods(self, rule: Any) -> tuple[str, ...]:
        """The methods of a rule without the OPTIONS that Flask answers itself."""
        if naming.attribute(rule, "websocket"):
            return ("WS",)
        automatic: set[str] = {"OPTIONS"} if naming.attribute(rule, "provide_automatic_options") else set()
        return answering(set(rule.methods or ()) - automatic)

    def _middleware(self) -> tuple[MiddlewareUse, ...]:
        """What `app.wsgi_app` was wrapped in, outermost first, inside what the app itself is mounted in."""
        layers = [
            add_middleware(self.found, type(layer), self.framework, auto_apply=True)
            for layer in _layers(
                naming.attribute(self.app, "wsgi_app") or naming.attribute(self.app, "asgi_app")
            )
        ]
        return (*self.mounted.middleware, *layers)


def _layers(inner: Any) -> Iterator[Any]:
    for _ in range(20):
        following = next(
            (
                naming.attribute(inner, name)
                for name in ("app", "wsgi_app", "asgi_app")
                if naming.attribute(inner, name)
            ),
            None,
        )
        if following is None:
            return
        if not is_ours(inner):
            yield inner
        inner = following


def _handler(view: Any, method: str) -> Any:
    """The function or method that answers: class-based views keep their class on the function."""
    view_class = naming.attribute(view, "view_class")
    if isinstance(view_class, type):
        return naming.attribute(view_class, method.lower()) or view_class
    return view
