"""A filter as conditions of SQL: the same answers as `filters.matcher` gives. Called by queries and retention."""

import enum
from functools import reduce
from operator import and_
from typing import Any

from peewee import SQL, ColumnBase, Expression, Field, fn

from devtools.records import Record
from devtools.storage.functions import JSON_FUNCTION, LIKE_FUNCTION
from devtools.storage.tables import MODELS, PARTIALS, SEARCH_COLUMN
from devtools.telemetry.filters import Condition, Filter

SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1
_NEVER, _ALWAYS = SQL("1 = 0"), SQL("1 = 1")

Clause = Expression | ColumnBase


def clauses_of(record_type: type[Record], query: Filter, *, time_indexed: bool = True) -> list[Clause]:
    """What must hold for a row. With `time_indexed=False` the index on time is not used for it."""
    found: list[Clause] = []
    for condition in query.conditions:
        partials = [partial for partial in PARTIALS.get(record_type, ()) if partial.covers(condition)]
        found.extend(partial.condition for partial in partials[:1])
        found.append(_clause(record_type, condition, time_indexed))
    return found


def all_of(clauses: list[Clause]) -> Clause:
    """One condition for all of these."""
    return reduce(and_, clauses) if clauses else _ALWAYS


def _clause(record_type: type[Record], condition: Condition, time_indexed: bool) -> Clause:
    name = SEARCH_COLUMN if condition.operator == "search" else condition.field
    column: Field = MODELS[record_type]._meta.fields[name]
    subject: ColumnBase = column
    if name == "time_ns" and not time_indexed:
        subject = SQL('+"time_ns"')
    test = _TESTS[condition.operator](subject, _fitting(condition.values))
    if not condition.negate:
        return test
    return ~test | column.is_null() if column.null else ~test


def _fitting(values: tuple[Any, ...]) -> list[Any]:
    """The values as they are stored, without those that no row can have."""
    stored = (value.value if isinstance(value, enum.Enum) else value for value in values)
    return [value for value in stored if _is_storable(value)]


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return value is not None


def _one_of(subject: ColumnBase, values: list[Any]) -> Clause:
    if any(isinstance(value, bool) for value in values):
        return subject.in_([SQL(str(int(value))) for value in values])
    reachable = [value for value in values if isinstance(value, str) or SMALLEST <= value <= LARGEST]
    if len(reachable) == 1:
        return subject == reachable[0]
    return subject.in_(reachable) if reachable else _NEVER


def _at_least(subject: ColumnBase, values: list[Any]) -> Clause:
    limit = values[0]
    if isinstance(limit, str):
        return subject >= limit
    return _NEVER if limit > LARGEST else subject >= max(limit, SMALLEST)


def _at_most(subject: ColumnBase, values: list[Any]) -> Clause:
    limit = values[0]
    if isinstance(limit, str):
        return subject <= limit
    return _NEVER if limit < SMALLEST else subject <= min(limit, LARGEST)


def _contains(subject: ColumnBase, values: list[Any]) -> Clause:
    # Not LIKE: it folds ASCII case and gives `%` and `_` a meaning.
    return fn.INSTR(subject, values[0]) > 0 if values else _NEVER


def _like(subject: ColumnBase, values: list[Any]) -> Clause:
    return getattr(fn, LIKE_FUNCTION)(subject, values[0]) == 1 if values else _NEVER


def _json(subject: ColumnBase, values: list[Any]) -> Clause:
    return getattr(fn, JSON_FUNCTION)(subject, *values) == 1 if len(values) == 2 else _NEVER


_TESTS = {
    "one_of": _one_of,
    "at_least": _at_least,
    "at_most": _at_most,
    "contains": _contains,
    "search": _contains,
    "like": _like,
    "json": _json,
}
