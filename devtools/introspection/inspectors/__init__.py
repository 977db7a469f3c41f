"""What can be inspected. One module per framework, each with `inspect(app, found)` that adds to what was found.

An inspector starts from the app object, `sys.modules` and the globals of the app's own modules: it never imports a framework that
the app has not imported. A framework is added by one file and one line here; another package adds one by an entry point of the
group `devtools.inspectors`, a function of the same form.
"""

import importlib.metadata
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from devtools.errors import OF_THE_APP
from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind, MiddlewareUse
from devtools.introspection.json_text import json_text
from devtools.introspection.own_modules import OwnModules
from devtools.introspection.registry import declared_id
from devtools.telemetry.payload import PayloadGuard

INSPECTORS: dict[str, str] = {
    "fastapi": "devtools.introspection.inspectors.fastapi:inspect",
    "starlette": "devtools.introspection.inspectors.starlette:inspect",
    "litestar": "devtools.introspection.inspectors.litestar:inspect",
    "flask": "devtools.introspection.inspectors.flask:inspect",
    "quart": "devtools.introspection.inspectors.quart:inspect",
    "django": "devtools.introspection.inspectors.django:inspect",
    "graphql": "devtools.introspection.inspectors.graphql:inspect",
    "sqlalchemy": "devtools.introspection.inspectors.sqlalchemy:inspect",
    "peewee": "devtools.introspection.inspectors.peewee:inspect",
    "celery": "devtools.introspection.inspectors.celery:inspect",
    "huey": "devtools.introspection.inspectors.huey:inspect",
    "taskiq": "devtools.introspection.inspectors.taskiq:inspect",
    "arq": "devtools.introspection.inspectors.arq:inspect",
    "apscheduler": "devtools.introspection.inspectors.apscheduler:inspect",
    "blinker": "devtools.introspection.inspectors.blinker:inspect",
    "svcs": "devtools.introspection.inspectors.svcs:inspect",
    "dishka": "devtools.introspection.inspectors.dishka:inspect",
}
"""Name to `module:function`, in the order in which they look."""

ENTRY_POINTS = "devtools.inspectors"

logger = logging.getLogger("devtools")

Inspector = Callable[[Any, "Found"], None]
"""Adds what it knows of an app, of any type, to what was found."""


class Mounted(NamedTuple):
    """An app of another framework that answers below a path, inside this middleware."""

    app: Any  # Any: any app
    prefix: str
    middleware: tuple[MiddlewareUse, ...] = ()


class Named(NamedTuple):
    """An element that code names by text in a call of one of these words: `enqueue_job("charge")`."""

    identifier: str
    calls: frozenset[str]


@dataclass
class Found:
    """What the inspectors have found so far."""

    own: OwnModules = field(default_factory=OwnModules)

    elements: dict[str, Element] = field(default_factory=dict[str, Element])
    things: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the elements were read off. Any: every object there is."""
    endpoints: list[Any] = field(
        default_factory=list[Any]
    )  # Any: functions, classes, ASGI apps behind routes
    mounted: list[Mounted] = field(default_factory=list[Mounted])
    """Apps that their router cannot look into."""
    recognised: dict[int, tuple[Any, str]] = field(default_factory=dict[int, tuple[Any, str]])
    """Objects that stand for an element where code names them, by `id()`. Any: every object there is."""
    named: dict[str, list[Named]] = field(default_factory=dict[str, list[Named]])
    """What code names by text, in a call."""
    makers: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """Functions that make what an element stands for: the links of their code are its links. Any: callables of every sort."""
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the app keeps in `app.state`. Any: every object there is."""
    sdl: str | None = None
    openapi: str | None = None
    has_routes: bool = False
    """Somebody has read the routes of the app."""
    has_init: bool = False
    """The app has a lifespan of its own."""

    def add(self, element: Element) -> Element:
        """Add an element; one with the same id stays as it was."""
        return self.elements.setdefault(element.id, element)

    def describe(self, kind: ElementKind, identifier: str, thing: Any, **fields: Any) -> Element:
        """Add an element with title, description and place read off the object. Any: every object there is."""
        self.things.setdefault(identifier, thing)
        title, description = naming.documentation(thing)
        file, line = naming.location(thing)
        read: dict[str, Any] = {"title": title, "description": description, "file_path": file, "line": line}
        return self.add(Element(id=identifier, kind=kind, **{**read, **fields}))

    def describe_global(self, kind: ElementKind, identifier: str, thing: Any, **fields: Any) -> Element:
        """Add an element for an object that is no class or function, placed where its global is made. Any: as above."""
        file, line = self.own.place(self.own.name_of(thing, identifier))
        self.recognise(thing, identifier)
        return self.add(Element(id=identifier, kind=kind, file_path=file, line=line, **fields))

    def change(self, identifier: str, **fields: Any) -> None:  # Any: fields of Element
        """Set fields of an element that is there."""
        self.elements[identifier] = msgspec.structs.replace(self.elements[identifier], **fields)

    def link(self, identifier: str, **links: Iterable[str]) -> None:
        """Add to the links of an element that is there: each once, in the order found, none to itself."""
        element = self.elements[identifier]
        merged = {
            name: tuple(
                dict.fromkeys((*getattr(element, name), *(other for other in found if other != identifier)))
            )
            for name, found in links.items()
        }
        self.change(identifier, **merged)

    def recognise(self, thing: Any, identifier: str) -> None:  # Any: as above
        """Code that names this object has a link to the element."""
        self.recognised.setdefault(id(thing), (thing, identifier))

    def id_of(self, thing: Any) -> str | None:  # Any: as above
        """The element that a recognised object stands for."""
        found = self.recognised.get(id(thing))
        return None if found is None else found[1]

    def name(self, text: str, identifier: str, *calls: str) -> None:
        """Code that calls one of these with this text has a link to the element."""
        self.named.setdefault(text, []).append(Named(identifier, frozenset(calls)))

    def of(self, *kinds: type[Any]) -> list[tuple[str, Any]]:
        """What globals of own modules hold of these types, and `app.state`, each once, by name. Any: as above."""
        held = self.own.of(*kinds)
        known = {id(thing) for _, thing in held}
        kept = [
            (f"app.state.{name}", thing)
            for name, thing in self.state.items()
            if issubclass(naming.kind_of(thing), kinds) and id(thing) not in known
        ]
        return [*held, *sorted(kept, key=lambda pair: pair[0])]

    def listen(self, event: str, function: Any, *, order: int | None = None, **fields: Any) -> str:
        """Add a function as a hook of an event, or the event to the hook that it is. Answers the hook's id. Any: as above."""
        identifier = naming.element_id(function)
        known = self.elements.get(identifier)
        if known is not None and known.kind is not ElementKind.hook:
            identifier = f"{identifier}@{event}"
        if identifier in self.elements:
            self.link(identifier, events=(event,))
        else:
            self.describe(ElementKind.hook, identifier, function, events=(event,), order=order, **fields)
        return identifier

    def handle(
        self, error: type[Any], function: Any, **fields: Any
    ) -> None:  # Any: as above, and fields of Element
        """Add an exception class that the app handles, and what handles it as a hook."""
        identifier, handler = declared_id(error) or naming.element_id(error), naming.element_id(function)
        self.describe(ElementKind.error, identifier, error, framework=not self.own.defines(error))
        if handler not in self.elements:
            self.describe(ElementKind.hook, handler, function, **fields)
        self.change(identifier, handled=True)
        self.link(identifier, handlers=(handler,))
        self.recognise(error, identifier)

    def applications(self, app: Any, kind: type[Any]) -> Iterator[Mounted]:  # Any: any app
        """The apps of a framework: the app itself, behind what wraps it, or mounted in it; without an app, those of own modules."""
        seen: set[int] = set()
        candidates = [Mounted(app, ""), *self.mounted]
        if app is None:
            candidates += [Mounted(thing, "") for _, thing in self.own.of(kind)]
        for candidate in candidates:
            inner = behind(candidate.app, kind)
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                yield candidate._replace(app=inner)


WRAPPING = ("app", "wsgi_app", "asgi_app", "wsgi", "application")
"""Where adapters and middleware keep what they wrap."""
MAX_WRAPPED = 20


def behind(app: Any, kind: type[Any]) -> Any:  # Any: any app
    """The app of this type behind middleware and adapters, None where there is none."""
    waiting = [app]
    for _ in range(MAX_WRAPPED):
        if not waiting:
            return None
        thing = waiting.pop(0)
        if issubclass(type(thing), kind):
            return thing
        waiting += [inner for name in WRAPPING if callable(inner := naming.attribute(thing, name))]
        waiting += [inner for inner in (naming.attribute(thing, "__self__"),) if inner is not None]
    return None


def inspect(app: Any, name: str = "") -> Found:  # Any: any app
    """Ask every inspector. One that fails, or cannot be loaded, is a warning; the others go on. `name` is the app's import name."""
    found = Found(OwnModules(name))
    state = naming.attribute(app, "state")
    found.state = dict(naming.mapping(naming.attribute(state, "_state")) or naming.mapping(state))
    for label, load in _inspectors():
        try:
            load()(app, found)
        except OF_THE_APP:
            logger.warning(
                "The inspector %r failed: what it knows of the app is missing.", label, exc_info=True
            )
    return found


def _inspectors() -> Iterator[tuple[str, Callable[[], Inspector]]]:
    """Ours, then those of other packages by name, each to be loaded when its turn has come."""
    for name, target in INSPECTORS.items():
        yield name, partial(_load, target)
    for entry in sorted(
        importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, entry.value)
    ):
        yield entry.name, entry.load


def _load(target: str) -> Inspector:
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)


def loaded(module: str) -> Any:  # Any: a module that is not typed here
    """A module that the app has imported, None where it has not."""
    return sys.modules.get(module)


_OURS = __name__.partition(".")[0] + "."


def is_ours(thing: Any) -> bool:  # Any: every object there is
    """Whether this is an object of this package: our own routes and tables are no part of the app."""
    return type(thing).__module__.startswith(_OURS)


def is_made_by(thing: Any, *packages: str) -> bool:  # Any: as above
    """Whether a function, class or object is written in one of these packages."""
    return naming.module_name(naming.unwrapped(thing)).partition(".")[0] in packages


def masked(value: Any) -> str | None:  # Any: options and settings
    """Options as bounded JSON text, secrets masked; None where there are none."""
    text = to_json(value)
    return None if text is None else PayloadGuard().json_text(text)


def to_json(value: Any) -> str | None:  # Any: options of a middleware
    """Options as JSON text, what is not JSON by its name."""
    if not value:
        return None
    return json_text(value, default=_name, sort_keys=True)


def _name(value: Any) -> str:
    return naming.element_id(value) if callable(value) else type(value).__qualname__
