"""The tables, derived from the declarations in `devtools.records`. Called by everything in this package.

A table per kind of record with real typed columns, and a handful of tables for what belongs to the store itself. No model is
bound to a database: queries are run with `database.execute(query)`.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    DoubleField,
    Field,
    Model,
    Node,
    TextField,
)

from devtools.records import ALL, Level, Log, Record, RecordField, Run, fields_of
from devtools.telemetry.filters import Condition

SEARCH_COLUMN = "search_text"
ALERTS = (Level.warn, Level.error, Level.fatal)
"""Levels that people look for: the newest of them are found without reading the others."""


@dataclass(frozen=True)
class Partial:
    """A partial index by id over the rows with one of these values, and when a filter may use it.

    Databases use a partial index only where its own condition stands in the query, as literals.
    """

    name: str
    field: str
    values: tuple[object, ...]
    lead: str | None = None
    """Column before the id."""

    @property
    def condition(self) -> SQL:
        """The index's own condition."""
        return SQL(f'"{self.field}" IN ({", ".join(_literal(value) for value in self.values)})')

    def covers(self, condition: Condition) -> bool:
        """Whether every row that passes the condition is in the index."""
        return (
            condition.field == self.field
            and condition.operator == "one_of"
            and not condition.negate
            and set(condition.values) <= set(self.values)
        )


PARTIALS: Mapping[type[Record], tuple[Partial, ...]] = {
    Run: (Partial("failed", "ok", (False,)), Partial("failed_by_node_id", "ok", (False,), lead="node_id")),
    Log: (Partial("alerts", "level", ALERTS),),
}


class RecordTable(Model):
    """What the tables of all kinds have in common."""

    id: BigIntegerField
    time_ns: BigIntegerField
    process_id: BigIntegerField


def columns_of(record_type: type[Record]) -> tuple[str, ...]:
    """The columns of a kind in order, without the search text."""
    return tuple(field.name for field in fields_of(record_type))


def _literal(value: object) -> str:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        return str(int(value))
    return "'" + str(value).replace("'", "''") + "'"


_FIELDS: dict[type, type[Field]] = {str: TextField, int: BigIntegerField, float: DoubleField}


def _column(field: RecordField) -> Field:
    if field.name == "id":
        return BigIntegerField(primary_key=True)
    options: dict[str, Any] = {"null": field.nullable}  # Any: the options of a field are open
    if issubclass(field.type, enum.Enum):
        return TextField(**options, constraints=[_one_of(field, tuple(field.type))])
    if field.type is bool:
        return BooleanField(**options, constraints=[_one_of(field, (False, True))])
    return _FIELDS[field.type](**options)


def _one_of(field: RecordField, values: tuple[object, ...]) -> Node:
    return Check(f'"{field.name}" IN ({", ".join(_literal(value) for value in values)})')


def _model(record_type: type[Record]) -> type[RecordTable]:
    table = f"{record_type.kind}s"
    body: dict[str, object] = {field.name: _column(field) for field in fields_of(record_type)}
    body[SEARCH_COLUMN] = TextField()
    body["Meta"] = type("Meta", (), {"table_name": table, "legacy_table_names": False})
    model: type[RecordTable] = type(RecordTable)(record_type.__name__, (RecordTable,), body)  # pyright: ignore[reportCallIssue] - a metaclass
    for fields, where, name in _indexes(record_type, model):
        model.add_index(*fields, where=where, name=f"{table}_{name}", safe=True)
    return model


def _indexes(record_type: type[Record], model: type[Model]) -> Iterator[tuple[list[Field], SQL | None, str]]:
    columns = model._meta.fields
    yield [columns["time_ns"]], None, "by_time"
    for field in fields_of(record_type):
        if field.column.index:
            present = SQL(f'"{field.name}" IS NOT NULL') if field.nullable else None
            yield [columns[field.name], columns["id"]], present, f"by_{field.name}"
    for partial in PARTIALS.get(record_type, ()):
        lead = [columns[partial.lead]] if partial.lead else []
        yield [*lead, columns["id"]], partial.condition, partial.name


MODELS: dict[type[Record], type[RecordTable]] = {record_type: _model(record_type) for record_type in ALL}


class Process(Model):
    """One process that records into this database. Its key also numbers its record ids."""

    id = BigIntegerField(primary_key=True)
    app = TextField()
    role = TextField()
    host = TextField()
    pid = BigIntegerField()
    started_ns = BigIntegerField()
    last_seen_ns = BigIntegerField()
    version = TextField(null=True)

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "processes"
        legacy_table_names = False


class Counter(Model):
    """Numbers that must never go back or be given twice."""

    name = TextField(primary_key=True)
    value = BigIntegerField()

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "counters"
        legacy_table_names = False


class Commit(Model):
    """One committed batch of records, in the order of commits: how other processes learn of it."""

    id = AutoField()
    process_id = BigIntegerField()
    first_id = BigIntegerField()
    last_id = BigIntegerField()

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "commits"
        legacy_table_names = False


class ActiveSnapshot(Model):
    """The active version per app and role: exactly one by construction."""

    app = TextField()
    role = TextField()
    version = BigIntegerField()

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "active_snapshot"
        legacy_table_names = False
        primary_key = CompositeKey("app", "role")


class Snapshot(Model):
    """One stored version of an app's structure."""

    app = TextField()
    role = TextField()
    version = BigIntegerField()
    created_ns = BigIntegerField()
    last_seen_ns = BigIntegerField()
    label = TextField(null=True)
    content_hash = TextField()
    app_version = TextField(null=True)
    git_revision = TextField(null=True)
    git_dirty = BooleanField(null=True)
    python_version = TextField()
    element_count = BigIntegerField()
    content = BlobField()

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "snapshots"
        legacy_table_names = False
        primary_key = CompositeKey("app", "role", "version")


class RunRollup(Model):
    """What ran in one hour: one row per element, version of the structure and process. `devtools.storage.rollups` writes it."""

    hour = BigIntegerField()
    node_id = TextField()
    snapshot_version = BigIntegerField()
    process_id = BigIntegerField()
    node_kind = TextField()
    runs = BigIntegerField()
    errors = BigIntegerField()
    duration_ns = BigIntegerField()
    histogram = BlobField()

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "run_rollups"
        legacy_table_names = False
        primary_key = CompositeKey("hour", "node_id", "snapshot_version", "process_id")


RunRollup.add_index(
    RunRollup.snapshot_version, RunRollup.process_id, name="run_rollups_by_snapshot_version", safe=True
)

TABLES: tuple[type[Model], ...] = (
    *MODELS.values(),
    Process,
    Counter,
    Commit,
    Snapshot,
    ActiveSnapshot,
    RunRollup,
)
"""Every table that migrations make, beside the two in which they keep their own history."""
