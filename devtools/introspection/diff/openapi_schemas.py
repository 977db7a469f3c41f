"""Changes of JSON Schemas in an OpenAPI document, judged by who writes and who reads what they describe. Called by `openapi`."""

import enum
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from devtools.introspection.diff.changes import Severity

Node = Mapping[str, Any]  # Any: JSON
EMPTY: Node = {}

LOWER_LIMITS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_LIMITS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
DEEPEST = 40
"""Schemas nested deeper are not looked at: no reader of an interface gets there."""


class Direction(enum.Enum):
    """Who writes what the schema describes: the client, or the app."""

    REQUEST = "request"
    RESPONSE = "response"


class Finding(NamedTuple):
    """One change at one place; equal ones of several operations are one change."""

    severity: Severity
    code: str
    location: str
    message: str


class Pair(NamedTuple):
    """Two schemas at one place, still to be compared."""

    old: Any  # Any: JSON
    new: Any  # Any: JSON
    location: str

    @property
    def ends(self) -> bool:
        """Whether nothing lies within, as one of the two is no schema."""
        return self.old is EMPTY or self.new is EMPTY


class Schemas:
    """The schemas of two documents. A pair of references is named after the schema, not after the way that led to it."""

    def __init__(self, old: Node, new: Node) -> None:
        self._old, self._new = old, new
        self._known: dict[tuple[int, int, str, Direction], list[Finding | Pair]] = {}

    def resolved(self, document: Node, value: Any) -> Any:  # Any: JSON
        """The value, or what it refers to within the document."""
        for _ in range(DEEPEST):
            reference = _node(value).get("$ref")
            if not isinstance(reference, str):
                return value
            value = document
            for part in reference.removeprefix("#/").split("/"):
                value = _node(value).get(part.replace("~1", "/").replace("~0", "~"))
        return None

    def compare(self, old: Any, new: Any, location: str, direction: Direction) -> Iterator[Finding]:
        """What differs between two schemas at a place; of two that many ways lead to once, where the shortest way does."""
        level, seen = [Pair(old, new, location)], set[tuple[int, int]]()
        for _ in range(DEEPEST + 1):
            below: list[Pair] = []
            for pair in map(self._resolved_pair, level):
                # Both stay where they are in their documents, so that their identity says which they are.
                key = id(pair.old), id(pair.new)
                if key in seen and not pair.ends:
                    continue
                seen.add(key)
                for found in self._compared(pair, direction):
                    if isinstance(found, Pair):
                        below.append(found)
                    else:
                        yield found
            level = below

    def _resolved_pair(self, pair: Pair) -> Pair:
        name = _name(pair.new) if _name(pair.old) is not None else None
        return Pair(
            _node(self.resolved(self._old, pair.old)),
            _node(self.resolved(self._new, pair.new)),
            name or pair.location,
        )

    def _compared(self, pair: Pair, direction: Direction) -> list[Finding | Pair]:
        """The findings of a pair itself, and the pairs within it. Operations share what is known."""
        key = (id(pair.old), id(pair.new), pair.location, direction)
        if key not in self._known:
            self._known[key] = list(self._compare(pair, direction))
        return self._known[key]

    def _compare(self, pair: Pair, direction: Direction) -> Iterator[Finding | Pair]:
        before = [self._flat(self._old, schema) for schema in self._alternatives(self._old, pair.old)]
        after = [self._flat(self._new, schema) for schema in self._alternatives(self._new, pair.new)]
        yield from _types(before, after, pair.location, direction)
        by_type = {_type_of(schema): schema for schema in after}
        for schema in before:
            if (other := by_type.get(_type_of(schema))) is not None:
                yield from _alike(schema, other, pair.location, direction)

    def _alternatives(self, document: Node, value: Any) -> list[Node]:
        """The schema, or what it may be one of: `anyOf`, `oneOf` and lists of types are one thing here."""
        waiting, seen, found = [value], set[int](), list[Node]()
        while waiting:
            schema = _node(self.resolved(document, waiting.pop()))
            if id(schema) in seen:
                continue
            seen.add(id(schema))
            if choices := _items(schema.get("anyOf")) or _items(schema.get("oneOf")):
                waiting.extend(reversed(choices))
            else:
                found.extend(_by_type(schema))
        return found

    def _flat(self, document: Node, schema: Node) -> Node:
        """The schema with what `allOf` adds."""
        every, seen, waiting = list[Node](), set[int](), [schema]
        while waiting:
            part = waiting.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            every.append(part)
            waiting.extend(_node(self.resolved(document, item)) for item in _items(part.get("allOf")))
        every.reverse()  # what holds others says the last word
        if len(every) == 1:
            return schema
        merged: dict[str, Any] = {key: value for part in every for key, value in part.items()}
        merged["properties"] = {
            name: value for part in every for name, value in _node(part.get("properties")).items()
        }
        merged["required"] = [name for part in every for name in _items(part.get("required"))]
        return merged


def _by_type(schema: Node) -> list[Node]:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in cast("list[Any]", kinds)]
    if schema.get("nullable") is True:
        return [{**schema, "nullable": False}, {"type": "null"}]
    return [schema]


def _alike(old: Node, new: Node, location: str, direction: Direction) -> Iterator[Finding | Pair]:
    yield from _enum(old, new, location, direction)
    yield from _limits(old, new, location, direction)
    yield from _properties(old, new, location, direction)
    if "items" in old and "items" in new:
        yield Pair(old["items"], new["items"], f"{location}[]")


def _properties(old: Node, new: Node, location: str, direction: Direction) -> Iterator[Finding | Pair]:
    before, after = _node(old.get("properties")), _node(new.get("properties"))
    required_before, required_after = _names(old.get("required")), _names(new.get("required"))
    for name, schema in before.items():
        where = f"{location}.{name}"
        if name not in after:
            yield _removed(where, direction)
            continue
        yield from _required(where, name in required_before, name in required_after, direction)
        yield Pair(schema, after[name], where)
    for name in after.keys() - before.keys():
        needed = name in required_after and direction is Direction.REQUEST
        severity = Severity.BREAKING if needed else Severity.SAFE
        message = f"{location}.{name} is new in a {direction.value}{' and must be sent' if needed else ''}."
        yield Finding(severity, "PROPERTY_ADDED", f"{location}.{name}", message)


def _node(value: Any) -> Node:
    return cast("Node", value) if isinstance(value, dict) else EMPTY


def _items(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _names(value: Any) -> set[str]:
    return {name for name in _items(value) if isinstance(name, str)}


def _name(schema: Any) -> str | None:
    reference = _node(schema).get("$ref")
    return reference.rpartition("/")[2] if isinstance(reference, str) else None


def _type_of(schema: Node) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "any"


def _types(old: list[Node], new: list[Node], location: str, direction: Direction) -> Iterator[Finding]:
    before, after = {_type_of(schema) for schema in old}, {_type_of(schema) for schema in new}
    # Whoever reads must take all that the other side may write.
    written, read = (before, after) if direction is Direction.REQUEST else (after, before)
    if before == after:
        return
    fits = "any" in read or written <= read | ({"integer"} if "number" in read else set())
    words = f"{' or '.join(sorted(before))} to {' or '.join(sorted(after))}"
    yield Finding(
        Severity.SAFE if fits else Severity.BREAKING,
        "TYPE_CHANGED",
        location,
        f"{location} changed from {words} in a {direction.value}.",
    )


def _enum(old: Node, new: Node, location: str, direction: Direction) -> Iterator[Finding]:
    before, after = _values(old), _values(new)
    if before == after:
        return
    if before is None or after is None:
        narrower = before is None
        breaks = narrower if direction is Direction.REQUEST else not narrower
        message = (
            f"{location} is {'limited to certain values' if narrower else 'open'} now in a {direction.value}."
        )
        yield Finding(Severity.BREAKING if breaks else Severity.SAFE, "VALUES_CHANGED", location, message)
        return
    gone, come = sorted(before - after), sorted(after - before)
    if gone:
        severity = Severity.BREAKING if direction is Direction.REQUEST else Severity.SAFE
        message = f"{location} is no longer {', '.join(gone)} in a {direction.value}."
        yield Finding(severity, "VALUE_REMOVED", location, message)
    if come:
        severity = Severity.SAFE if direction is Direction.REQUEST else Severity.DANGEROUS
        message = f"{location} may be {', '.join(come)} in a {direction.value}."
        yield Finding(severity, "VALUE_ADDED", location, message)


def _values(schema: Node) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    values = schema.get("enum")
    return {repr(value) for value in cast("list[Any]", values)} if isinstance(values, list) else None


def _limits(old: Node, new: Node, location: str, direction: Direction) -> Iterator[Finding]:
    """Only a request can be refused for a limit; a response within other limits is read as before."""
    if direction is Direction.RESPONSE:
        return
    for name in (*LOWER_LIMITS, *UPPER_LIMITS, "pattern", "format", "multipleOf"):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        tighter = after is not None
        if isinstance(before, int | float) and isinstance(after, int | float):
            tighter = name not in (*LOWER_LIMITS, *UPPER_LIMITS) or (after > before) == (name in LOWER_LIMITS)
        message = f"{location} has {name} {_shown(after)} now, which was {_shown(before)}."
        yield Finding(
            Severity.BREAKING if tighter else Severity.SAFE, "LIMIT_CHANGED", f"{location} {name}", message
        )


def _shown(value: object) -> str:
    return "not set" if value is None else str(value)


def _removed(where: str, direction: Direction) -> Finding:
    severity = Severity.DANGEROUS if direction is Direction.REQUEST else Severity.BREAKING
    return Finding(severity, "PROPERTY_REMOVED", where, f"{where} is gone from a {direction.value}.")


def _required(where: str, before: bool, after: bool, direction: Direction) -> Iterator[Finding]:
    if before == after:
        return
    breaks = after if direction is Direction.REQUEST else before
    message = f"{where} is {'required' if after else 'optional'} now in a {direction.value}."
    yield Finding(
        Severity.BREAKING if breaks else Severity.SAFE,
        "PROPERTY_REQUIRED" if after else "PROPERTY_OPTIONAL",
        where,
        message,
    )
