"""The decorators that say what an app is made of: tasks, hooks, events, resources, tags, errors, async contexts.

A decorated function stays what it was, type included, and works with no DevTools running.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict, TypeVar, Unpack, cast, overload

from devtools.errors import ValidationError
from devtools.introspection import naming, schemas
from devtools.introspection.declaring import (
    at,
    callable_hook,
    caller,
    config_of,
    decorate,
    element_of,
    links_of,
)
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.events import Event
from devtools.introspection.registry import ID, Declared, HealthCheck, Links, id_of, registry
from devtools.records import NodeKind

F = TypeVar("F", bound=Callable[..., Any])  # Any: every function there is
T = TypeVar("T")
E = TypeVar("E", bound=type[BaseException])
P = TypeVar("P")


class Described(TypedDict, total=False):
    """What every declaration may say in words."""

    title: str | None
    description: str | None
    tags: Links


class TaskOptions(Described, total=False):
    """The keywords of `task`."""

    id: str | None
    emits: Links
    depends_on: Links
    throws: Links
    middleware: Links
    contexts: Links


class ResourceOptions(Described, total=False):
    """The keywords of `resource`, whatever it declares."""

    config: Any  # Any: JSON values
    health: HealthCheck | None
    depends_on: Links
    emits: Links
    provides: Links
    overrides: Links


class ErrorOptions(Described, total=False):
    """The keywords of `error`, whatever it declares."""

    data: Any  # Any: a type


@overload
def task(function: F, /) -> F: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[F], F]: ...
def task(
    function: Any = None,
    /,
    *,
    id: str | None = None,  # noqa: A002
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
    emits: Links = (),
    depends_on: Links = (),
    throws: Links = (),
    middleware: Links = (),
    contexts: Links = (),
) -> Any:
    """Declare a function as a task: a unit of the app's work. Each call is recorded as a run.

    Raises ValidationError for an id that is not passed as `id=`.
    """
    if isinstance(function, str):
        raise ValidationError(
            f"@task cannot take {function!r}: it decorates a function. Write @task(id={function!r}).",
            field="function",
            value=function,
        )

    def declare(function: F) -> F:
        identifier = id or naming.element_id(function)
        links = links_of(
            tags=tags,
            emits=emits,
            depends_on=depends_on,
            throws=throws,
            middleware=middleware,
            contexts=contexts,
        )
        element = element_of(
            ElementKind.task,
            identifier,
            function,
            title=title,
            description=description,
        )
        registry.add(Declared(element, function, links, schema_of=partial(schemas.of_call, function)))
        return decorate(function, identifier, NodeKind.TASK)

    return declare if function is None else declare(function)


def hook(
    *events: "Event[Any] | str",  # Any: every payload
    id: str | None = None,  # noqa: A002
    order: int = 0,
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
    emits: Links = (),
    depends_on: Links = (),
    throws: Links = (),
    middleware: Links = (),
) -> Callable[[F], F]:
    """Declare a function of one argument, the payload, that runs when one of these events is emitted; `"*"` is every event.

    Hooks run by `order`, then id. Each call is recorded as a run. Raises ValidationError without an event, and for what is none.
    """
    if not events or not all(isinstance(each, str | Event) for each in cast("tuple[object, ...]", events)):
        raise ValidationError(
            'A hook needs an event: @hook(event), or @hook("*") for every one.', field="events", value=events
        )

    def declare(function: F) -> F:
        identifier = id or naming.element_id(function)
        element = element_of(
            ElementKind.hook,
            identifier,
            function,
            title=title,
            description=description,
            events=tuple(id_of(event) for event in events),
            order=order,
        )
        wrapped = decorate(callable_hook(function), identifier, NodeKind.HOOK)
        links = links_of(tags=tags, emits=emits, depends_on=depends_on, throws=throws, middleware=middleware)
        registry.add(Declared(element, wrapped, links, schema_of=partial(schemas.of_call, function)))
        return wrapped

    return declare


@overload
def event(id: str, payload: type[P], **options: Unpack[Described]) -> Event[P]: ...
@overload
def event(id: str, payload: None = None, **options: Unpack[Described]) -> Event[Any]: ...
def event(
    id: str,  # noqa: A002
    payload: Any = None,
    *,
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
) -> Event[Any]:
    """Declare an event by name, with the type of its payload; without one it may carry anything."""
    file, line = caller()
    element = Element(
        id=id,
        kind=ElementKind.event,
        title=title,
        description=description,
        file_path=file,
        line=line,
    )
    schema_of = partial(schemas.of_type, payload)
    registry.add(Declared(element, None, links_of(tags=tags), payload=payload, schema_of=schema_of))
    return Event(id)


@dataclass(frozen=True)
class Handle:
    """A declared tag, resource, error or async context, to be named in links."""

    id: str

    @property
    def __devtools_id__(self) -> str:
        return self.id


def tag(id: str, config: Any = None, *, title: str | None = None, description: str | None = None) -> Handle:  # noqa: A002
    """Declare a tag by name, with a configuration of JSON values."""
    file, line = caller()
    element = Element(
        id=id,
        kind=ElementKind.tag,
        title=title,
        description=description,
        file_path=file,
        line=line,
        config=config_of(config),
    )
    registry.add(Declared(element))
    return Handle(id)


@overload
def resource(thing: str, /, **options: Unpack[ResourceOptions]) -> Handle: ...
@overload
def resource(thing: T, /) -> T: ...
@overload
def resource(*, id: str | None = None, **options: Unpack[ResourceOptions]) -> Callable[[T], T]: ...
def resource(
    thing: Any = None,
    /,
    *,
    id: str | None = None,  # noqa: A002
    config: Any = None,
    health: HealthCheck | None = None,
    title: str | None = None,
    description: str | None = None,
    depends_on: Links = (),
    tags: Links = (),
    emits: Links = (),
    provides: Links = (),
    overrides: Links = (),
) -> Any:
    """Declare what tasks depend on: a class, a function that makes it, or a name alone, which answers a handle.

    Calls of a decorated function are recorded as runs. `health` is run by `live { healthReport }`.
    """
    links = links_of(depends_on=depends_on, tags=tags, emits=emits, provides=provides, overrides=overrides)
    place = caller()

    def declare(found: Any) -> Any:
        named = isinstance(found, str)
        identifier = found if named else id or naming.element_id(found)
        element = element_of(
            ElementKind.resource,
            identifier,
            None if named else found,
            title=title,
            description=description,
            config=config_of(config),
            has_init=isinstance(found, type) and "__init__" in vars(found),
            has_health_check=health is not None,
        )
        if named:
            element = at(element, place)
        schema_of = None if named else partial(schemas.of_call, found)
        registry.add(Declared(element, None if named else found, links, health, schema_of))
        return Handle(identifier) if named else decorate(found, identifier, NodeKind.RESOURCE)

    return declare if thing is None else declare(thing)


@overload
def error(thing: E, /) -> E: ...
@overload
def error(thing: str, /, **options: Unpack[ErrorOptions]) -> Handle: ...
@overload
def error(*, id: str | None = None, **options: Unpack[ErrorOptions]) -> Callable[[E], E]: ...
def error(
    thing: Any = None,
    /,
    *,
    id: str | None = None,  # noqa: A002
    title: str | None = None,
    description: str | None = None,
    data: Any = None,
    tags: Links = (),
) -> Any:
    """Declare an error of the app: an exception class, or a name. `data` is the type of what it carries."""
    place = caller()

    def declare(found: Any) -> Any:
        named = isinstance(found, str)
        identifier = found if named else id or naming.element_id(found)
        element = element_of(
            ElementKind.error,
            identifier,
            None if named else found,
            title=title,
            description=description,
        )
        if named:
            element = at(element, place)
        else:
            setattr(found, ID, identifier)
        schema_of = partial(schemas.of_type, data)
        registry.add(Declared(element, None if named else found, links_of(tags=tags), schema_of=schema_of))
        return Handle(identifier) if named else found

    return declare if thing is None else declare(thing)


def async_context(
    id: str,  # noqa: A002
    variable: ContextVar[T],
    *,
    title: str | None = None,
    description: str | None = None,
) -> Handle:
    """Declare a context variable that tasks read (`contexts=`) and resources or middleware set (`provides=`)."""
    file, line = caller()
    element = Element(
        id=id,
        kind=ElementKind.async_context,
        title=title or variable.name,
        description=description,
        file_path=file,
        line=line,
    )
    registry.add(Declared(element, variable))
    return Handle(id)
