"""Everything the app has declared, by id. One registry a process; the decorators of `declarations` fill it."""

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from devtools.errors import ValidationError
from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind, MiddlewareUse, TagUse

HealthAnswer = bool | tuple[Literal["healthy", "degraded", "unhealthy"], str] | None
HealthCheck = Callable[[], HealthAnswer | Awaitable[HealthAnswer]]
"""None or True is healthy, False or an exception unhealthy, a pair says it in words."""

Reference = Any
"""What may stand in a link: an id, a handle, a decorated function, a class. Any, because every class is one."""
Links = Iterable[Reference]

ID = "__devtools_id__"
ANY_EVENT = "*"


@dataclass(frozen=True)
class Declared:
    """One declared thing: the element without its links, which may name what is declared later, and what it stands for."""

    element: Element
    thing: Any = None  # Any: the function, class or value behind it
    links: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict[str, tuple[Reference, ...]])
    health: HealthCheck | None = None
    payload: Any = None  # Any: a type expression
    """What an event carries."""
    schema_of: Callable[[], str | None] | None = None
    """Makes the JSON Schema when somebody looks: by then every type that an annotation names is there."""

    @property
    def place(self) -> tuple[str | None, str | None]:
        """Where it is declared: the same place again is a reload, another one an override."""
        return self.element.file_path, naming.module_name(self.thing) if self.thing is not None else None


class Registry:
    """Everything declared in this process, by id."""

    def __init__(self) -> None:
        self.declared: dict[str, Declared] = {}
        self.overridden: list[Declared] = []
        self.revision = 0
        """Moves with every declaration."""
        self._hooks: tuple[int, dict[str, list[Declared]]] = (-1, {})

    def add(self, entry: Declared) -> None:
        """Declare. The same id from another place overrides what was there."""
        identifier = entry.element.id
        known = self.declared.get(identifier)
        if known is not None and known.place != entry.place:
            again = {known.place, entry.place}
            self.overridden = [
                other
                for other in self.overridden
                if other.element.id != identifier or other.place not in again
            ]
            self.overridden.append(known)
        self.declared[identifier] = entry
        self.revision += 1
        self._hooks = (-1, {})

    def hooks_of(self, event_id: str) -> list[Declared]:
        """The hooks of an event and those of every event, by order, then id."""
        revision, known = self._hooks
        if revision != self.revision:
            self._hooks = revision, known = self.revision, {}
        if event_id not in known:
            known[event_id] = self._find_hooks(event_id)
        return known[event_id]

    def _find_hooks(self, event_id: str) -> list[Declared]:
        found = [
            entry
            for entry in tuple(self.declared.values())
            if entry.element.kind is ElementKind.hook
            and not {event_id, ANY_EVENT}.isdisjoint(entry.element.events)
        ]
        return sorted(found, key=lambda entry: (entry.element.order or 0, entry.element.id))

    def health_checks(self) -> dict[str, HealthCheck]:
        """The health checks by resource id."""
        return {
            name: entry.health for name, entry in tuple(self.declared.items()) if entry.health is not None
        }


registry = Registry()


def declared_id(thing: Any) -> str | None:  # Any: every object there is
    """The id that a decorator gave, also inside a partial; a subclass does not inherit it."""
    while isinstance(thing, functools.partial | functools.partialmethod):
        thing = cast("Any", thing).func
    found = vars(thing).get(ID) if isinstance(thing, type) else naming.attribute(thing, ID)
    return found if isinstance(found, str) else None


def id_of(reference: Reference) -> str:
    """The id that a link names. Raises ValidationError for what cannot be an element."""
    if isinstance(reference, str):
        return reference
    declared = declared_id(reference)
    if declared is not None:
        return declared
    if callable(reference):
        return naming.element_id(reference)
    raise ValidationError(
        f"Cannot link to {reference!r}: pass an id, a handle, a decorated function or a class.",
        field="link",
        value=reference,
    )


def linked(entry: Declared, base: Element) -> Element:
    """The element with its links as ids."""
    ids: dict[str, Any] = {
        name: tuple(dict.fromkeys(id_of(reference) for reference in references))
        for name, references in entry.links.items()
    }
    if "tags" in ids:
        ids["tags"] = tuple(TagUse(identifier) for identifier in ids["tags"])
    if "middleware" in ids:
        ids["middleware"] = tuple(
            MiddlewareUse(identifier, origin="declared") for identifier in ids["middleware"]
        )
    if entry.schema_of is not None:
        ids["schema"] = entry.schema_of()
    return msgspec.structs.replace(base, **ids)


def declared_elements(found: Registry = registry) -> Sequence[Element]:
    """Every declared element with its links; what was overridden under `id@module`, named by the one that overrides it."""
    elements: list[Element] = []
    replaced: dict[str, list[str]] = {}
    for entry in found.overridden:
        file, module = entry.place
        old = f"{entry.element.id}@{module or Path(file or '').stem}"
        replaced.setdefault(entry.element.id, []).append(old)
        elements.append(linked(entry, msgspec.structs.replace(entry.element, id=old)))
    for identifier, entry in tuple(found.declared.items()):
        element = linked(entry, entry.element)
        overrides = (*element.overrides, *replaced.get(identifier, ()))
        elements.append(msgspec.structs.replace(element, overrides=overrides))
    return elements
