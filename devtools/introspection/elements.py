"""What an app is made of, as values: elements with links by id, and the structure that holds them all.

Inspectors make these, snapshots store them, `Graph` answers questions about them. Nothing here knows a framework.
"""

import enum
from collections.abc import Mapping

import msgspec


class ElementKind(enum.Enum):
    """The kinds of element. A route is a task with a `route`."""

    task = "task"
    hook = "hook"
    resource = "resource"
    middleware = "middleware"
    event = "event"
    tag = "tag"
    error = "error"
    async_context = "async_context"


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a task answers HTTP: method (`WS` for WebSockets) and composed path template."""

    method: str
    path: str
    host: str = ""
    """The only host it answers at; empty where it answers at any."""


class TagUse(msgspec.Struct, frozen=True):
    """A tag on an element, with the configuration given there as JSON text."""

    id: str
    config: str | None = None


class MiddlewareUse(msgspec.Struct, frozen=True):
    """A middleware on an element, in order from the outside in. `origin` says who put it there."""

    id: str
    config: str | None = None
    origin: str | None = None


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the app. Links are ids of other elements; the ways back are derived by `Graph`."""

    id: str
    kind: ElementKind
    title: str | None = None
    description: str | None = None
    tags: tuple[TagUse, ...] = ()
    file_path: str | None = None
    """Relative to the project root where it lies inside, else absolute."""
    line: int | None = None
    is_private: bool = False
    visibility_reason: str | None = None
    framework: bool = False
    """Made by the framework, not by the app: hidden by default in diagnostics."""
    registered_by: str | None = None
    overrides: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    throws: tuple[str, ...] = ()
    middleware: tuple[MiddlewareUse, ...] = ()
    contexts: tuple[str, ...] = ()
    """Async contexts it reads."""
    provides: tuple[str, ...] = ()
    """Async contexts it sets."""
    schema: str | None = None
    """JSON Schema as text: of the input (task, hook), config (resource, middleware, tag), payload (event) or data (error)."""
    result_schema: str | None = None
    """JSON Schema as text of what a task answers."""
    has_untyped_result: bool = False
    """Nothing says what a task answers, and its framework would describe it."""
    config: str | None = None
    """Configuration of a resource or tag, options of a task, as JSON text, secrets masked."""
    route: Route | None = None
    scopes: tuple[str, ...] = ()
    """OAuth 2 scopes that a caller of a route needs."""
    deprecated: bool = False
    shadowed_by: str | None = None
    """The route or mount that answers everything this route could."""
    events: tuple[str, ...] = ()
    """Events a hook listens to; `*` is every event."""
    order: int | None = None
    """Order of a hook among the hooks of its event."""
    applies_to: ElementKind | None = None
    """What a middleware wraps: `task` (requests, functions) or `resource`."""
    handled: bool = False
    """An error that the app has a handler for."""
    handlers: tuple[str, ...] = ()
    """What handles an error."""
    auto_apply: bool = False
    """A middleware that wraps everything without being named there."""
    has_init: bool = False
    has_dispose: bool = False
    has_ready: bool = False
    has_health_check: bool = False


class AppInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The app a structure describes."""

    name: str
    version: str | None = None
    python_version: str
    git_revision: str | None = None
    git_dirty: bool | None = None


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of an app at one time: elements sorted by kind and id, its GraphQL SDL and OpenAPI document."""

    app: AppInfo
    root_id: str | None = None
    """The resource that stands for the app itself."""
    elements: tuple[Element, ...] = ()
    sdl: str | None = None
    """The app's own GraphQL schema, parseable."""
    openapi: str | None = None
    """The app's OpenAPI document as JSON text."""


EMPTY = Structure(app=AppInfo(name="", python_version=""))


def sort_elements(elements: Mapping[str, Element]) -> tuple[Element, ...]:
    """Elements in the one order every structure uses: by kind as declared, then by id."""
    position = {kind: index for index, kind in enumerate(ElementKind)}
    return tuple(sorted(elements.values(), key=lambda element: (position[element.kind], element.id)))
