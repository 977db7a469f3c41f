"""What the decorators have in common: an element from a thing and its keywords, and the thing with its calls recorded."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from devtools.errors import ValidationError
from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.instrumentation import instrument
from devtools.introspection.registry import ID, Links, Reference, id_of
from devtools.introspection.resources import instrument_class, instrument_resource
from devtools.records import NodeKind
from devtools.telemetry.payload import PayloadGuard

F = TypeVar("F", bound=Callable[..., Any])  # Any: every function there is


def links_of(**given: Links) -> dict[str, tuple[Reference, ...]]:
    """The links that were given, by name."""
    return {name: _references(references) for name, references in given.items() if references}


def _references(given: Links) -> tuple[Reference, ...]:
    """The references of a link, refused here where they are written; one id alone is a list of one."""
    references = (given,) if isinstance(given, str) else tuple(given)
    for reference in references:
        id_of(reference)
    return references


def element_of(
    kind: ElementKind,
    identifier: str,
    thing: Any = None,  # Any: every object there is
    *,
    title: str | None = None,
    description: str | None = None,
    **fields: Any,  # Any: fields of Element
) -> Element:
    """The element of a thing, with its documentation and place unless others are given."""
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


def caller() -> tuple[str | None, int | None]:
    """File and line of the code that calls a decorator."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame and frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else (None, None)


def decorate(
    function: Any, identifier: str, kind: NodeKind
) -> Any:  # Any: functions, and static or class methods
    """The function recorded; static and class methods keep their kind."""
    if isinstance(function, type):
        setattr(function, ID, identifier)
        instrument_class(function, identifier)
    if isinstance(function, staticmethod | classmethod):
        kept: Any = staticmethod if isinstance(function, staticmethod) else classmethod
        return kept(decorate(cast("Any", function).__func__, identifier, kind))
    if not inspect.isfunction(function):
        return function
    is_resource = kind is NodeKind.RESOURCE
    wrapped = (
        instrument_resource(function, identifier) if is_resource else instrument(function, identifier, kind)
    )
    setattr(wrapped, ID, identifier)
    return wrapped


def at(element: Element, place: tuple[str | None, int | None]) -> Element:
    """The element at another place."""
    return msgspec.structs.replace(element, file_path=place[0], line=place[1])


def config_of(config: Any) -> str | None:  # Any: JSON values
    """A configuration as JSON, guarded."""
    return None if config is None else PayloadGuard().json(config)


def callable_hook(function: F) -> F:
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
