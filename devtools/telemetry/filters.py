"""One value that says which records: the same for ring, SQL, live stream, CLI. Derived from the marks on the records.

`from_arguments` builds it from named arguments (GraphQL inputs, options); `matcher` makes a predicate for rings and streams;
`devtools.storage` compiles the same value to SQL.
"""

import enum
import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import compress
from operator import attrgetter, ge, le
from typing import Any, Literal, TypeVar, cast

import msgspec

from devtools.errors import ValidationError
from devtools.records import SEVERITY, Record, RecordField, fields_of

R = TypeVar("R", bound=Record)

Operator = Literal["one_of", "at_least", "at_most", "contains", "search", "like", "json"]

SEARCH_ARGUMENT = "search"
FLOAT_SLACK_NS = 512
"""More than `timestampMs` loses as a double until the year 2049, in nanoseconds: a record's own one includes it."""


@dataclass(frozen=True)
class Condition:
    """One test on one field. A null field never passes; `negate` turns the answer, so a null field passes a negated one.

    `one_of` equals one of `values`; `at_least`, `at_most` compare with `values[0]`; `contains` finds `values[0]` in the text, case
    exact; `search` finds the case-folded `values[0]` in `search_text`, and names no field; `like` is the whole text, where `*` in
    `values[0]` stands for anything, case exact; `json` compares what stands in JSON at the path `values[0]` (keys and dots),
    written as text, with `values[1]`.
    """

    field: str
    operator: Operator
    values: tuple[Any, ...]  # Any: the type of the field
    negate: bool = False


@dataclass(frozen=True)
class Filter:
    """Which records of one kind: all conditions hold."""

    conditions: tuple[Condition, ...] = ()

    def __and__(self, other: "Filter") -> "Filter":
        return Filter(self.conditions + other.conditions) if other.conditions else self


EVERYTHING = Filter()


@dataclass(frozen=True)
class Argument:
    """One filter argument of a kind, as derived from the declaration."""

    name: str
    operator: Operator
    field: RecordField | None
    """None for `search`."""
    is_list: bool = False
    is_milliseconds: bool = False


@cache
def arguments_of(record_type: type[Record]) -> dict[str, Argument]:
    """The filter arguments of a kind by snake_case name."""
    found: dict[str, Argument] = {}
    for field in fields_of(record_type):
        column = field.column
        scaled = column.scale != 1
        names: tuple[tuple[str | None, Operator, bool], ...] = (
            (column.one_of, "one_of", True),
            (column.equals, "one_of", False),
            (column.minimum, "at_least", False),
            (column.maximum, "at_most", False),
            (column.contains, "contains", False),
        )
        for name, operator, is_list in names:
            if name is not None:
                found[name] = Argument(name, operator, field, is_list, scaled)
    found[SEARCH_ARGUMENT] = Argument(SEARCH_ARGUMENT, "search", None)
    return found


def from_arguments(record_type: type[Record], arguments: Mapping[str, Any] | None) -> Filter:
    """The filter that these arguments mean. `None` and empty lists filter nothing.

    Raises ValidationError for an unknown argument or a value of the wrong type.
    """
    known = arguments_of(record_type)
    conditions: list[Condition] = []
    for name, value in (arguments or {}).items():
        if name not in known:
            raise ValidationError(
                f"Cannot filter {record_type.kind}s by {name!r}. Known: {', '.join(known)}.",
                field=name,
                value=value,
            )
        if value is None or (known[name].is_list and not value):
            continue
        conditions.append(_condition(known[name], value))
    return Filter(tuple(conditions))


def _condition(argument: Argument, value: Any) -> Condition:
    if argument.field is None:
        return Condition("", "search", (_text(argument, value).casefold(),))
    if argument.operator == "contains":
        return Condition(argument.field.name, "contains", (_text(argument, value),))
    if argument.operator == "one_of":
        values = value if argument.is_list else [value]
        return Condition(argument.field.name, "one_of", tuple(_value(argument, item) for item in values))
    return compare(argument.field, argument.operator, _value(argument, value))


def compare(field: RecordField, operator: Operator, value: Any) -> Condition:
    """A condition that orders: by number, or by severity where the field is a level."""
    if isinstance(value, enum.Enum):
        wanted, compares = SEVERITY[value], ge if operator == "at_least" else le
        levels = tuple(level for level in type(value) if compares(SEVERITY[level], wanted))
        return Condition(field.name, "one_of", levels)
    return Condition(field.name, operator, (to_stored(field, operator, value),))


def to_stored(field: RecordField, operator: Operator, value: float) -> int | float:
    """A limit in the unit of the field, exact: milliseconds become nanoseconds."""
    if field.column.scale == 1:
        return value
    exact = Fraction(value) * field.column.scale
    slack = FLOAT_SLACK_NS if field.name == "time_ns" else 0
    return math.ceil(exact) - slack if operator == "at_least" else math.floor(exact) + slack


def _value(argument: Argument, value: Any) -> Any:
    assert argument.field is not None  # noqa: S101 - search has no value conversion
    wanted = argument.field.type
    if issubclass(wanted, enum.Enum):
        return _enum(argument, wanted, value)
    if wanted is bool:
        if isinstance(value, bool):
            return value
    elif wanted is str:
        return _text(argument, value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        if argument.field.column.hex_digits or argument.operator == "one_of":
            return int(value)
        return value
    raise ValidationError(
        f"{argument.name} cannot be {value!r}: it must be {_type_name(wanted)}.",
        field=argument.name,
        value=value,
    )


def _enum(argument: Argument, wanted: type[enum.Enum], value: Any) -> enum.Enum:
    if isinstance(value, wanted):
        return value
    try:
        return wanted(value)
    except ValueError:
        known = ", ".join(str(member.value) for member in wanted)
        raise ValidationError(
            f"{argument.name} cannot be {value!r}: it must be one of {known}.",
            field=argument.name,
            value=value,
        ) from None


def _text(argument: Argument, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValidationError(
        f"{argument.name} cannot be {value!r}: it must be text.", field=argument.name, value=value
    )


def _type_name(wanted: type) -> str:
    return {bool: "true or false", int: "a number", float: "a number"}.get(wanted, "text")


def resolve_ids(record_type: type[Record], query: Filter, known: Callable[[str], Iterable[str]]) -> Filter:
    """The filter with ids given as a dotted suffix replaced by the known ids they stand for, beside themselves."""
    if not query.conditions:
        return query
    suffixed = {field.name for field in fields_of(record_type) if field.column.suffix}
    return Filter(
        tuple(
            replace(condition, values=_expand(condition.values, known))
            if condition.field in suffixed and condition.operator == "one_of"
            else condition
            for condition in query.conditions
        )
    )


def _expand(values: tuple[str, ...], known: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    found = dict.fromkeys(values)
    for value in values:
        found.update(dict.fromkeys(known(value)))
    return tuple(found)


def search_text(record: Record) -> str:
    """The case-folded text that `search` looks in: the marked fields, one a line. Stored beside the row in databases."""
    texts = (getattr(record, name) for name in _searched(type(record)))
    return "\n".join(text for text in texts if text).casefold()


@cache
def _searched(record_type: type[Record]) -> tuple[str, ...]:
    return tuple(field.name for field in fields_of(record_type) if field.column.search)


Select = Callable[[Sequence[R]], Iterable[R]]
"""Of some records those that pass, in their order."""


def selection(query: Filter) -> Select[Any]:  # Any: the kind the filter was made for
    """The same as `matcher` for many records at once: "one of" is tested column by column, at a fifth of the time."""
    columns = [part for part in query.conditions if part.operator == "one_of" and not part.negate]
    passes = matcher(Filter(tuple(part for part in query.conditions if part not in columns)))
    is_whole = len(columns) == len(query.conditions)
    tests = [(attrgetter(part.field), _members(part).__contains__) for part in columns]

    def select(records: Sequence[R]) -> Iterable[R]:
        for read, holds in tests:
            records = list(compress(records, map(holds, map(read, records))))
        return records if is_whole else filter(passes, records)

    return select


def _members(condition: Condition) -> Container[object]:
    values = frozenset(condition.values)
    # Members are found by identity: hashing one is a call of Python.
    return tuple(values) if all(isinstance(value, enum.Enum) for value in values) else values


def matcher(query: Filter) -> Callable[[Record], bool]:
    """A predicate for records of the kind the filter was made for."""
    tests = [_test(condition) for condition in query.conditions]
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def _test(condition: Condition) -> Callable[[Record], bool]:
    holds = _TESTS[condition.operator](condition)
    if condition.negate:
        return lambda record: not holds(record)
    return holds


def _one_of(condition: Condition) -> Callable[[Record], bool]:
    name, values = condition.field, _members(condition)
    return lambda record: (found := getattr(record, name)) is not None and found in values


def _at_least(condition: Condition) -> Callable[[Record], bool]:
    name, limit = condition.field, condition.values[0]
    return lambda record: (found := getattr(record, name)) is not None and found >= limit


def _at_most(condition: Condition) -> Callable[[Record], bool]:
    name, limit = condition.field, condition.values[0]
    return lambda record: (found := getattr(record, name)) is not None and found <= limit


def _contains(condition: Condition) -> Callable[[Record], bool]:
    name, text = condition.field, condition.values[0]
    return lambda record: (found := getattr(record, name)) is not None and text in found


def _search(condition: Condition) -> Callable[[Record], bool]:
    text = condition.values[0]
    return lambda record: text in search_text(record)


def _like(condition: Condition) -> Callable[[Record], bool]:
    name, pattern = condition.field, condition.values[0]
    return lambda record: (found := getattr(record, name)) is not None and is_like(found, pattern)


def is_like(text: str, pattern: str) -> bool:
    """Whether a pattern, where `*` stands for anything, is the whole text."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first) or not text[len(first) :].endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _json(condition: Condition) -> Callable[[Record], bool]:
    name, (path, wanted) = condition.field, condition.values
    keys = path.split(".")
    return lambda record: (found := getattr(record, name)) is not None and json_at(found, keys) == wanted


def json_at(text: str, keys: list[str]) -> str | None:
    """What stands at a path of keys in JSON, written as text; None where there is no such scalar or the text is no JSON."""
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return None
        value = cast("dict[str, Any]", value)[key]
    if isinstance(value, str):
        return value
    return None if isinstance(value, dict | list) else msgspec.json.encode(value).decode()


_TESTS: dict[Operator, Callable[[Condition], Callable[[Record], bool]]] = {
    "one_of": _one_of,
    "at_least": _at_least,
    "at_most": _at_most,
    "contains": _contains,
    "search": _search,
    "like": _like,
    "json": _json,
}
