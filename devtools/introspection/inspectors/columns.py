"""Columns of a table as JSON Schema, the same for every mapper: type, what may be left out, keys and references in words."""

import datetime
import decimal
import enum
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from devtools.introspection.json_text import json_text

_KINDS: tuple[tuple[type[Any], dict[str, Any]], ...] = (
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (decimal.Decimal, {"type": "string", "format": "decimal"}),
    (datetime.datetime, {"type": "string", "format": "date-time"}),
    (datetime.date, {"type": "string", "format": "date"}),
    (datetime.time, {"type": "string", "format": "time"}),
    (datetime.timedelta, {"type": "string", "format": "duration"}),
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (str, {"type": "string"}),
    (bytes, {"type": "string", "format": "binary"}),
    (dict, {"type": "object"}),
    (list, {"type": "array"}),
)
"""Python types as JSON Schema; the first that fits, so a type stands before those it derives from."""


class Column(NamedTuple):
    """What a mapper says of one column. `kind` is the Python type of its values, `type_name` what the mapper calls its type."""

    name: str
    kind: type[Any] | None
    type_name: str
    is_required: bool = False
    is_nullable: bool = False
    max_length: int | None = None
    notes: tuple[str, ...] = ()
    """`primary key`, `references orders.id`."""


def table_schema(columns: Iterable[Column]) -> str | None:
    """The JSON Schema of one row; None where there are no columns."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for column in columns:
        properties[column.name] = _schema(column)
        if column.is_required:
            required.append(column.name)
    if not properties:
        return None
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return json_text({**schema, "required": required} if required else schema)


def _schema(column: Column) -> dict[str, Any]:
    schema = _of_kind(column)
    if column.max_length is not None and "enum" not in schema:
        schema["maxLength"] = column.max_length
    if column.is_nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if column.notes:
        schema["description"] = ", ".join(column.notes)
    return schema


def _of_kind(column: Column) -> dict[str, Any]:
    kind = column.kind
    if kind is None:
        return {"title": column.type_name}
    if issubclass(kind, enum.Enum):
        return {"type": "string", "enum": [member.name for member in kind]}
    for known, schema in _KINDS:
        if issubclass(kind, known):
            return dict(schema)
    return {"title": column.type_name}
