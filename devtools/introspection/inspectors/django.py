"""Django: URL patterns composed over includes, views, the middleware chain, apps, models, databases, signals with their receivers.

Looks only once Django is set up. Of the settings it reads `MIDDLEWARE`, and of `DATABASES` the engine, host, port and name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from devtools.errors import OF_THE_APP
from devtools.introspection import naming
from devtools.introspection.elements import MiddlewareUse
from devtools.introspection.inspectors import Found, django_models, loaded, masked
from devtools.introspection.inspectors.receivers import describe_signal
from devtools.introspection.inspectors.web import (
    ANY_METHOD,
    add_middleware,
    add_route,
    answering,
)
from devtools.introspection.paths import path_schema, template

SIGNALS = ("db.models.signals", "core.signals", "db.backends.signals", "contrib.auth.signals", "test.signals")
"""Where Django keeps its own signals."""

MAX_DEPTH = 20


def inspect(app: Any, found: Found) -> None:  # Any: any app
    """Add what the Django project of this process is made of."""
    apps: Any = loaded("django.apps")
    if apps is None or not apps.apps.ready:
        return
    handlers: Any = loaded("django.core.handlers.base")
    applications = [] if handlers is None else [*found.applications(app, handlers.BaseHandler)]
    broken: BaseException | None = None
    if applications:
        # Imports the URLconf, as the first request would: receivers of signals, and more models, may stand beside the views.
        try:
            _ = loaded("django.urls").get_resolver().url_patterns
        except OF_THE_APP as error:
            broken = error
        found.own.look_again()
    django_models.inspect(apps.apps, found)
    _signals(found)
    if broken is not None:
        raise broken
    for mounted in applications:
        uses = (*mounted.middleware, *_middleware(found))
        place = Place(mounted.prefix, middleware=uses)
        Inspection(found).patterns(loaded("django.urls").get_resolver(), place)
        found.has_routes = True


def _middleware(found: Found) -> tuple[MiddlewareUse, ...]:
    """The chain in its order. What Django has not loaded yet goes by its name alone."""
    uses: list[MiddlewareUse] = []
    for dotted in loaded("django.conf").settings.MIDDLEWARE:
        module, _, name = str(dotted).rpartition(".")
        thing = naming.attribute(loaded(module), name)
        if thing is not None:
            framework = not found.own.defines(thing)
            uses.append(add_middleware(found, thing, "settings", auto_apply=True, framework=framework))
    return tuple(uses)


def _signals(found: Found) -> None:
    dispatch: Any = loaded("django.dispatch")
    if dispatch is None:
        return
    signals = {
        f"django.{module}.{name}": signal
        for module in SIGNALS
        for name, signal in sorted(naming.members(loaded(f"django.{module}")).items())
        if isinstance(signal, dispatch.Signal)
    }
    for name, signal in signals.items():
        describe_signal(found, name, signal, framework=True)
    theirs = {id(signal) for signal in signals.values()}
    for name, signal in found.own.of(dispatch.Signal):
        if id(signal) not in theirs:
            describe_signal(found, name, signal)


@dataclass(frozen=True)
class Place:
    """Where in the tree of patterns we are: what it is mounted at, rule so far, middleware, names of the namespaces."""

    prefix: str
    path: str = ""
    middleware: tuple[MiddlewareUse, ...] = ()
    namespaces: tuple[str, ...] = ()
    registrar: str | None = None
    depth: int = 0


class Inspection:
    """One look at one URLconf."""

    def __init__(self, found: Found) -> None:
        self.found = found

    def patterns(self, resolver: Any, place: Place) -> None:
        """Every pattern below a resolver."""
        if place.depth > MAX_DEPTH:
            return
        for pattern in resolver.url_patterns:
            path = place.path + rule_of(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                names = (*place.namespaces, *([pattern.namespace] if pattern.namespace else []))
                self.patterns(pattern, replace(place, path=path, namespaces=names, depth=place.depth + 1))
            else:
                self._view(pattern, path, place)

    def _view(self, pattern: Any, path: str, place: Place) -> None:
        view = pattern.callback
        shown = place.prefix + template(path)
        schema = path_schema(place.prefix + template(path, typed=True))
        view_class = naming.attribute(view, "view_class") or naming.attribute(view, "cls")
        name = ":".join((*place.namespaces, pattern.name)) if pattern.name else None
        self.found.endpoints.append(view)
        for method in methods(view, view_class, self.found):
            identifier = add_route(
                self.found,
                method,
                shown,
                self._handler(view, view_class, method),
                schema=schema,
                middleware=place.middleware,
                framework=not self.found.own.defines(view_class or naming.unwrapped(view)),
                config=masked({"name": name}) if name else None,
            )
            self.found.link(identifier, depends_on=_models(view_class, self.found))

    def _handler(self, view: Any, view_class: Any, method: str) -> Any:
        """The app's own method that answers, else the class, else the function."""
        if not isinstance(view_class, type):
            return view
        actions = naming.mapping(naming.attribute(view, "actions"))
        own = naming.attribute(view_class, actions.get(method.lower(), method.lower()))
        return own if own is not None and self.found.own.defines(own) else view_class


def methods(view: Any, view_class: Any, found: Found) -> tuple[str, ...]:
    """The methods that a view answers, as far as it says."""
    actions = naming.mapping(naming.attribute(view, "actions"))
    if actions:
        return answering([str(method).upper() for method in actions])
    if isinstance(view_class, type):
        names = [str(name) for name in naming.sequence(naming.attribute(view_class, "http_method_names"))]
        own = [name for name in names if naming.attribute(view_class, name) is not None]
        # Every view has `options`: it counts where the app has written it.
        return answering(
            [
                name.upper()
                for name in own
                if name != "options" or found.own.defines(naming.attribute(view_class, name))
            ]
        ) or (ANY_METHOD,)
    return _required(view) or (ANY_METHOD,)


def _required(view: Any) -> tuple[str, ...]:
    """The methods of `require_http_methods`, which keeps them in its closure."""
    for _ in range(20):
        required = naming.sequence(naming.closure(view).get("request_method_list"))
        if required:
            return answering([str(method) for method in required])
        view = naming.attribute(view, "__wrapped__")
    return ()


def _models(view_class: Any, found: Found) -> Iterator[str]:
    """The models that a class-based view names in its body."""
    for name in ("model", "queryset", "form_class", "serializer_class"):
        value = naming.attribute(view_class, name)
        candidates = (
            value,
            naming.attribute(value, "model"),
            naming.attribute(naming.attribute(value, "_meta"), "model"),
            naming.attribute(naming.attribute(value, "Meta"), "model"),
        )
        for candidate in candidates:
            identifier = found.id_of(candidate) if candidate is not None else None
            if identifier is not None:
                yield identifier


def rule_of(pattern: Any) -> str:
    """The part of a rule that a pattern stands for, as Django writes it. The prefix of a language changes with every request."""
    return "<language>/" if type(pattern).__name__ == "LocalePrefixPattern" else str(pattern)
