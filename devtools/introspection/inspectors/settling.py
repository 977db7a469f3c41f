"""Ids that are settled when everything is found: equal names are told apart by where a thing stands, not by when it came."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from devtools.introspection.elements import Element, MiddlewareUse
from devtools.introspection.inspectors import Found

Place = tuple[object, ...]
"""Where something stands, as a value to sort by."""


class Taken(NamedTuple):
    """One thing with a name that others may have too."""

    base: str
    place: Place

    @property
    def provisional(self) -> str:
        """An id until all are known."""
        return "\0".join((self.base, *map(str, self.place)))


class Numbers:
    """Gives `module.Class` to the first of its name by place, `module.Class#2` to the next."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []

    def take(self, base: str, *place: object) -> str:
        """A provisional id. Places of one base are tuples that can be compared; the last part tells equal ones apart."""
        taken = Taken(base, (*place, len(self.taken)))
        self.taken.append(taken)
        return taken.provisional

    def settle(self) -> dict[str, str]:
        """The final id of each provisional one."""
        counts: dict[str, int] = {}
        names: dict[str, str] = {}
        for taken in sorted(self.taken):
            count = counts[taken.base] = counts.get(taken.base, 0) + 1
            names[taken.provisional] = taken.base if count == 1 else f"{taken.base}#{count}"
        return names


def rename(found: Found, names: Mapping[str, str]) -> None:
    """Give elements their final ids, there and wherever they are named."""
    if not names:
        return
    found.elements = {
        names.get(old, old): _renamed(element, names) for old, element in found.elements.items()
    }
    found.mounted = [
        mounted._replace(middleware=_uses(mounted.middleware, names)) for mounted in found.mounted
    ]
    found.things = {names.get(old, old): thing for old, thing in found.things.items()}


def _renamed(element: Element, names: Mapping[str, str]) -> Element:
    shadow = element.shadowed_by
    return msgspec.structs.replace(
        element,
        id=names.get(element.id, element.id),
        shadowed_by=None if shadow is None else names.get(shadow, shadow),
        depends_on=tuple(names.get(other, other) for other in element.depends_on),
        overrides=tuple(names.get(other, other) for other in element.overrides),
        middleware=_uses(element.middleware, names),
    )


def _uses(uses: tuple[MiddlewareUse, ...], names: Mapping[str, str]) -> tuple[MiddlewareUse, ...]:
    return tuple(msgspec.structs.replace(use, id=names.get(use.id, use.id)) for use in uses)
