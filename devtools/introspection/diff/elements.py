"""Elements of two structures, matched by id and compared field by field."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from devtools.introspection.diff.changes import ChangeKind, ElementChange, FieldChange
from devtools.introspection.elements import Element, ElementKind, Structure

PLACES = frozenset({"id", "kind", "file_path", "line"})
"""Fields that are not compared: what an element is matched by, and where it stands."""
COMPARED = tuple(name for name in Element.__struct_fields__ if name not in PLACES)

_MOVING = re.compile(r":L\d+\b| at 0x[0-9a-fA-F]+")
"""Line and address in ids and shown values: they move without any change."""

Key = tuple[ElementKind, str, int]


def changes(old: Structure, new: Structure) -> list[ElementChange]:
    """What came, went or changed, by kind and id. The resource that stands for the app is matched by its role, not its name."""
    before, after = _by_key(_renamed(old, new.root_id)), _by_key(new)
    found = [_whole(ChangeKind.REMOVED, before[key]) for key in before.keys() - after.keys()]
    found += [_whole(ChangeKind.ADDED, after[key]) for key in after.keys() - before.keys()]
    for key in before.keys() & after.keys():
        if before[key] != after[key] and (fields := tuple(_fields(before[key], after[key]))):
            element = after[key]
            found.append(
                ElementChange(change=ChangeKind.CHANGED, id=element.id, kind=element.kind, fields=fields)
            )
    positions = {kind: at for at, kind in enumerate(ElementKind)}
    return sorted(found, key=lambda change: (positions[change.kind], change.id, change.change.value))


def _whole(change: ChangeKind, element: Element) -> ElementChange:
    return ElementChange(change=change, id=element.id, kind=element.kind)


def _by_key(structure: Structure) -> dict[Key, Element]:
    """Elements by kind and id without lines; those that are then alike are told apart by their order."""
    counts: defaultdict[tuple[ElementKind, str], int] = defaultdict(int)
    found: dict[Key, Element] = {}
    for element in structure.elements:
        name = _MOVING.sub("", element.id) if ":L" in element.id else element.id
        found[element.kind, name, counts[element.kind, name]] = element
        counts[element.kind, name] += 1
    return found


def _renamed(structure: Structure, root_id: str | None) -> Structure:
    """The structure under the other's root: an app imported by another name is the same app."""
    own = structure.root_id
    if own is None or root_id is None or own == root_id:
        return structure
    return msgspec.structs.replace(
        structure, elements=tuple(_rooted(element, own, root_id) for element in structure.elements)
    )


def _rooted(element: Element, own: str, root_id: str) -> Element:
    if element.id == own:
        title = root_id if element.title == own else element.title
        return msgspec.structs.replace(element, id=root_id, title=title)
    if element.registered_by == own:
        return msgspec.structs.replace(element, registered_by=root_id)
    return element


def _fields(old: Element, new: Element) -> Iterator[FieldChange]:
    for name in COMPARED:
        before, after = getattr(old, name), getattr(new, name)
        if before != after and _content(before) != _content(after):
            yield FieldChange(name, _plain(before), _plain(after))


def _content(value: Any) -> str:  # Any: the value of a field
    return _MOVING.sub("", msgspec.json.encode(value).decode())


def _plain(value: Any) -> Any:  # Any: as above, and JSON
    return msgspec.json.decode(msgspec.json.encode(value))
