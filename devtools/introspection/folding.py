"""Many elements as few groups: of one kind and one module or path, as fine as still fits into a picture. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from devtools.introspection.elements import Element

MOST_SHOWN = 120
"""So many nodes can be looked at in one picture."""


class Group(NamedTuple):
    """Elements that are drawn as one node; a group of one is the element itself."""

    kind: str
    name: str
    """What they have in common: a module, the beginning of a path, or nothing; of one element its id."""
    members: tuple[Element, ...]


def folded(elements: Iterable[Element], most: int = MOST_SHOWN) -> list[Group]:
    """The elements in at most `most` groups, or in one per kind where there are more kinds: the greatest are divided first."""
    groups = _grouped(tuple(elements), 0)
    while True:
        for group in sorted(groups, key=_size, reverse=True):
            divided = _divided(group)
            if divided and len(groups) - 1 + len(divided) <= most:
                place = groups.index(group)
                groups[place : place + 1] = divided
                break
        else:
            return groups


def _size(group: Group) -> int:
    return len(group.members)


def _divided(group: Group) -> list[Group]:
    """The group in several, one step finer where that divides it; empty for what cannot be divided."""
    if len(group.members) == 1:
        return []
    deepest = max(len(_parts(element)) for element in group.members)
    for level in range(1, deepest + 1):
        found = _grouped(group.members, level)
        if len(found) > 1:
            return found
    # Different only in what the parts do not say, as methods of one path are.
    return [Group(group.kind, element.id, (element,)) for element in group.members]


def _grouped(elements: Sequence[Element], level: int) -> list[Group]:
    members: dict[tuple[str, str], list[Element]] = {}
    for element in elements:
        members.setdefault((element.kind.value, _name(element, level)), []).append(element)
    return [
        Group(kind, found[0].id if len(found) == 1 else name, tuple(found))
        for (kind, name), found in members.items()
    ]


def _parts(element: Element) -> list[str]:
    """What the id is made of: segments of a path, or names between dots."""
    return element.route.path.strip("/").split("/") if element.route is not None else element.id.split(".")


def _name(element: Element, level: int) -> str:
    parts = _parts(element)[:level]
    return "/" + "/".join(parts) if element.route is not None else ".".join(parts)
