"""The decorators that say what an app is made of: tasks, hooks, events, resources, tags, errors, async contexts.

A decorated function stays what it was, type included, and works with no DevTools running.
"""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast, overload

import msgspec

from devtools.errors import ValidationError
from devtools.introspection import naming, schemas
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.instrumentation import instrument
from devtools.introspection.registry import ID, Declared, HealthCheck, Links, Reference, id_of, registry
from devtools.introspection.resources import instrument_class, instrument_resource
from devtools.records import Emission, NodeKind
from devtools.telemetry import active, context
from devtools.telemetry.payload import PayloadGuard

F = TypeVar("F", bound=Callable[..., Any])  # Any: every function there is
T = TypeVar("T")
E = TypeVar("E", bound=type[BaseException])
P = TypeVar("P")


def _links(**given: Links) -> dict[str, tuple[Reference, ...]]:
    return {name: _references(references) for name, references in given.items() if references}


def _references(given: Links) -> tuple[Reference, ...]:
    """The references of a link, refused here where they are written; one id alone is a list of one."""
    references = (given,) if isinstance(given, str) else tuple(given)
    for reference in references:
        id_of(reference)
    return references


def _element(
    kind: ElementKind,
    identifier: str,
    thing: Any = None,  # Any: every object there is
    *,
    title: str | None = None,
    description: str | None = None,
    **fields: Any,  # Any: fields of Element
) -> Element:
    own_title, own_description = naming.documentation(thing) if thing is not None else (None, None)
    file, line = naming.location(thing) if thing is not None else (None, None)
    return Element(
        id=identifier,
        kind=kind,
        title=title or own_title,
        description=description or own_description,
        file_path=file,
        line=line,
        **fields,
    )


def _caller() -> tuple[str | None, int | None]:
    """File and line of the code that calls a public function of this module."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame and frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else (None, None)


def _decorate(
    function: Any, identifier: str, kind: NodeKind
) -> Any:  # Any: functions, and static or class methods
    """The function recorded; static and class methods keep their kind."""
    if isinstance(function, type):
        setattr(function, ID, identifier)
        instrument_class(function, identifier)
    if isinstance(function, staticmethod | classmethod):
        kept: Any = staticmethod if isinstance(function, staticmethod) else classmethod
        return kept(_decorate(cast("Any", function).__func__, identifier, kind))
    if not inspect.isfunction(function):
        return function
    is_resource = kind is NodeKind.RESOURCE
    wrapped = (
        instrument_resource(function, identifier) if is_resource else instrument(function, identifier, kind)
    )
    setattr(wrapped, ID, identifier)
    return wrapped


@overload
def task(function: F, /) -> F: ...
@overload
def task(
    *,
    id: str | None = None,
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
    emits: Links = (),
    depends_on: Links = (),
    throws: Links = (),
    middleware: Links = (),
    contexts: Links = (),
) -> Callable[[F], F]: ...
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
    """Declare a function as a task: a unit of the app's work. Each call is recorded as a run."""

    def declare(function: F) -> F:
        identifier = id or naming.element_id(function)
        links = _links(
            tags=tags,
            emits=emits,
            depends_on=depends_on,
            throws=throws,
            middleware=middleware,
            contexts=contexts,
        )
        element = _element(
            ElementKind.task,
            identifier,
            function,
            title=title,
            description=description,
        )
        registry.add(Declared(element, function, links, schema_of=partial(schemas.of_call, function)))
        return _decorate(function, identifier, NodeKind.TASK)

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

    Hooks run by `order`, then id. Each call is recorded as a run. Raises ValidationError without an event.
    """
    if not events:
        raise ValidationError(
            'A hook needs an event: @hook(event), or @hook("*") for every one.', field="events"
        )

    def declare(function: F) -> F:
        identifier = id or naming.element_id(function)
        element = _element(
            ElementKind.hook,
            identifier,
            function,
            title=title,
            description=description,
            events=tuple(id_of(event) for event in events),
            order=order,
        )
        wrapped = _decorate(_callable_hook(function), identifier, NodeKind.HOOK)
        links = _links(tags=tags, emits=emits, depends_on=depends_on, throws=throws, middleware=middleware)
        registry.add(Declared(element, wrapped, links, schema_of=partial(schemas.of_call, function)))
        return wrapped

    return declare


def _callable_hook(function: F) -> F:
    """The function, refused where an emission could not run it."""
    why = None
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        why = "it yields, and the code of a generator would never run"
    elif not _takes_one_argument(function):
        why = "it must take the payload and nothing more; a method needs @staticmethod"
    if why is not None:
        raise ValidationError(f"Cannot hook {naming.element_id(function)}: {why}.", field="function")
    return function


def _takes_one_argument(function: Any) -> bool:  # Any: class methods are not even callable
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


class Event(Generic[P]):
    """An event of the app. `emit` runs its hooks in order; an exception in a hook ends the emission and reaches the emitter."""

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        setattr(self, ID, identifier)

    def __repr__(self) -> str:
        return f"<Event {self.id}>"

    async def emit(self, payload: P = None) -> None:  # type: ignore[assignment] # an event without payload
        """Record the emission and run the hooks, sync and async ones, one after the other."""
        self._record(payload)
        for entry in registry.hooks_of(self.id):
            answer = entry.thing(payload)
            if inspect.isawaitable(answer):
                await answer

    def emit_sync(self, payload: P = None) -> None:  # type: ignore[assignment] # as above
        """As `emit`, from sync code. Raises ValidationError naming the hooks that are async, before any hook runs."""
        hooks = registry.hooks_of(self.id)
        waiting = [entry.element.id for entry in hooks if inspect.iscoroutinefunction(entry.thing)]
        if waiting:
            raise self._must_be_awaited(waiting)
        self._record(payload)
        for entry in hooks:
            answer = entry.thing(payload)
            if inspect.isawaitable(answer):
                if inspect.iscoroutine(answer):
                    answer.close()
                raise self._must_be_awaited([entry.element.id])

    def _must_be_awaited(self, hooks: list[str]) -> ValidationError:
        return ValidationError(
            f"Cannot emit {self.id} from sync code: {', '.join(hooks)} must be awaited. Use `await event.emit(…)`.",
            field="hooks",
            value=hooks,
        )

    def _record(self, payload: P) -> None:
        recorder = active.recorder
        if recorder is None or context.internal.get():
            return
        run = context.current.get()
        recorder.record(
            Emission,
            event_id=self.id,
            emitter_id=run.node_id if run is not None else None,
            payload=recorder.guard.json(payload),
        )


@overload
def event(
    id: str,
    payload: type[P],
    *,
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
) -> Event[P]: ...
@overload
def event(
    id: str,
    payload: None = None,
    *,
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
) -> Event[Any]: ...
def event(
    id: str,  # noqa: A002
    payload: Any = None,
    *,
    title: str | None = None,
    description: str | None = None,
    tags: Links = (),
) -> Event[Any]:
    """Declare an event by name, with the type of its payload; without one it may carry anything."""
    file, line = _caller()
    element = Element(
        id=id,
        kind=ElementKind.event,
        title=title,
        description=description,
        file_path=file,
        line=line,
    )
    schema_of = partial(schemas.of_type, payload)
    registry.add(Declared(element, None, _links(tags=tags), payload=payload, schema_of=schema_of))
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
    file, line = _caller()
    element = Element(
        id=id,
        kind=ElementKind.tag,
        title=title,
        description=description,
        file_path=file,
        line=line,
        config=_config(config),
    )
    registry.add(Declared(element))
    return Handle(id)


def _config(config: Any) -> str | None:  # Any: JSON values
    return None if config is None else PayloadGuard().json(config)


@overload
def resource(
    thing: str,
    /,
    *,
    config: Any = None,
    health: HealthCheck | None = None,
    title: str | None = None,
    description: str | None = None,
    depends_on: Links = (),
    tags: Links = (),
    emits: Links = (),
    provides: Links = (),
    overrides: Links = (),
) -> Handle: ...
@overload
def resource(thing: T, /) -> T: ...
@overload
def resource(
    *,
    id: str | None = None,
    config: Any = None,
    health: HealthCheck | None = None,
    title: str | None = None,
    description: str | None = None,
    depends_on: Links = (),
    tags: Links = (),
    emits: Links = (),
    provides: Links = (),
    overrides: Links = (),
) -> Callable[[T], T]: ...
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
    links = _links(depends_on=depends_on, tags=tags, emits=emits, provides=provides, overrides=overrides)
    place = _caller()

    def declare(found: Any) -> Any:
        named = isinstance(found, str)
        identifier = found if named else id or naming.element_id(found)
        element = _element(
            ElementKind.resource,
            identifier,
            None if named else found,
            title=title,
            description=description,
            config=_config(config),
            has_init=isinstance(found, type) and "__init__" in vars(found),
            has_health_check=health is not None,
        )
        if named:
            element = _at(element, place)
        schema_of = None if named else partial(schemas.of_call, found)
        registry.add(Declared(element, None if named else found, links, health, schema_of))
        return Handle(identifier) if named else _decorate(found, identifier, NodeKind.RESOURCE)

    return declare if thing is None else declare(thing)


def _at(element: Element, place: tuple[str | None, int | None]) -> Element:
    return msgspec.structs.replace(element, file_path=place[0], line=place[1])


@overload
def error(thing: E, /) -> E: ...
@overload
def error(
    thing: str,
    /,
    *,
    title: str | None = None,
    description: str | None = None,
    data: Any = None,
    tags: Links = (),
) -> Handle: ...
@overload
def error(
    *,
    id: str | None = None,
    title: str | None = None,
    description: str | None = None,
    data: Any = None,
    tags: Links = (),
) -> Callable[[E], E]: ...
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
    place = _caller()

    def declare(found: Any) -> Any:
        named = isinstance(found, str)
        identifier = found if named else id or naming.element_id(found)
        element = _element(
            ElementKind.error,
            identifier,
            None if named else found,
            title=title,
            description=description,
        )
        if named:
            element = _at(element, place)
        else:
            setattr(found, ID, identifier)
        schema_of = partial(schemas.of_type, data)
        registry.add(Declared(element, None if named else found, _links(tags=tags), schema_of=schema_of))
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
    file, line = _caller()
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
