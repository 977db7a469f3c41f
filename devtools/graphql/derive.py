"""GraphQL types and filter inputs derived from the record declarations. Called by `records` and by whoever adds a kind.

A field of the record becomes a field of the type with its own name and type, except: `id` is an ID, integers marked with hex digits
are hex text, times and durations are milliseconds, and JSON is text with the decoded value beside it (`data`, `dataJson`).
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
import strawberry
from strawberry.scalars import JSON
from strawberry.types.field import StrawberryField

from devtools.records import (
    NANOSECONDS_PER_MILLISECOND,
    Level,
    NodeKind,
    Record,
    RecordField,
    RunStatus,
    SourceKind,
    fields_of,
)
from devtools.telemetry.filters import Argument, arguments_of
from devtools.telemetry.identifiers import to_hex

T = TypeVar("T")
Leaf = Callable[[Any], Any]  # Any: a record, and the value of one of its fields

LEAF = "devtools.leaf"
"""Key in the metadata of a field: how to read its value from the record, without arguments or context."""
COLUMN = "devtools.column"
"""Key in the metadata of a field: how to read its values from many records at once, equal to reading the attribute of each."""
BY_CLASS = "devtools_by_class"
"""Attribute of an `is_type_of` that looks at nothing but the class of a value."""

strawberry.enum(Level, name="LogLevelEnum", description="Level of a log.")
strawberry.enum(NodeKind, name="NodeKindEnum", description="What kind of element ran.")
strawberry.enum(SourceKind, name="SourceKindEnum", description="What kind of element an error came from.")
strawberry.enum(RunStatus, name="RunStatus", description="Where a run stands.")


def record_type(
    record: type[Record], *, name: str, decoded: tuple[str, ...] = ()
) -> Callable[[type[T]], type[T]]:
    """Make the class a GraphQL type whose values are these records. What the class declares itself goes before what is derived.

    Fields in `decoded` are the JSON value itself, without the text.
    """

    def make(cls: type[T]) -> type[T]:
        own = inspect.get_annotations(cls)
        derived = _annotations(cls, record, decoded)
        cls.__annotations__ = {**derived, **own}
        made: Any = strawberry.type(
            cls, name=name, description=inspect.getdoc(cls)
        )  # Any: its type is the class's
        made.__strawberry_definition__.is_type_of = _is_record(record)
        return made

    return make


def _is_record(record: type[Record]) -> Callable[[object, object], bool]:
    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, record)

    setattr(is_type_of, BY_CLASS, True)
    return is_type_of


def _annotations(cls: type[Any], record: type[Record], decoded: tuple[str, ...]) -> dict[str, Any]:
    annotations: dict[str, Any] = {"timestamp_ms": float}
    cls.timestamp_ms = strawberry.field(metadata={COLUMN: _milliseconds("time_ns")})
    for stored in fields_of(record):
        if stored.name in decoded:
            setattr(
                cls,
                stored.name,
                _leaf(lambda value, name=stored.name: decode(getattr(value, name)), JSON | None),
            )
        elif stored.column.hex_digits:
            kind: Any = strawberry.ID | None if stored.nullable else strawberry.ID
            setattr(cls, stored.name, _leaf(lambda value, name=stored.name: _hex(getattr(value, name)), kind))
        elif stored.name.endswith("_ns"):
            milliseconds = f"{stored.name.removesuffix('_ns')}_ms"
            if hasattr(record, milliseconds):
                annotations[milliseconds] = float
                setattr(cls, milliseconds, strawberry.field(metadata={COLUMN: _milliseconds(stored.name)}))
        else:
            annotations[stored.name] = _optional(_output(stored), stored.nullable)
            if stored.column.json:
                reading = _leaf(lambda value, name=stored.name: decode(getattr(value, name)), JSON | None)
                setattr(cls, f"{stored.name}_json", reading)
    return annotations


def _leaf(read: Leaf, kind: Any) -> StrawberryField:  # Any: a type expression
    def resolve(root: Any) -> Any:
        return read(root)

    resolve.__annotations__ = {"root": Any, "return": kind}
    return strawberry.field(resolver=resolve, metadata={LEAF: read})


def _milliseconds(name: str) -> Callable[[Sequence[Any]], list[float]]:
    read = attrgetter(name)
    return lambda records: [value / NANOSECONDS_PER_MILLISECOND for value in map(read, records)]


def _hex(value: int | None) -> str | None:
    return None if value is None else to_hex(value)


def _output(stored: RecordField) -> Any:  # Any: a type expression
    if stored.name in {"id", "process_id"}:
        return strawberry.ID
    # GraphQL integers have 32 bits: what counts bytes may be larger.
    return float if stored.type is int and stored.name.endswith("_bytes") else stored.type


def _optional(kind: Any, nullable: bool) -> Any:
    return kind | None if nullable else kind


def decode(text: str | None) -> Any:
    """The value of a JSON field. Text that is not meant to be JSON is itself; damaged JSON is null."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None if text.lstrip()[:1] in {"{", "[", '"'} else text


def filter_input(record: type[Record], *, ids: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Give the class every filter argument of a kind, and `apps` and `roles` for the processes. `ids` are arguments of IDs."""

    def make(cls: type[T]) -> type[T]:
        arguments = arguments_of(record).values()
        annotations: dict[str, Any] = {
            argument.name: _input(argument, argument.name in ids) for argument in arguments
        }
        annotations |= {"apps": list[str] | None, "roles": list[str] | None}
        cls.__annotations__ = annotations
        for name in annotations:
            setattr(cls, name, strawberry.UNSET)
        description = f"Which {record.kind}s: all that is given must hold; a list means one of."
        return strawberry.input(cls, description=description)

    return make


def _input(argument: Argument, is_id: bool) -> Any:
    kind: Any = str if argument.field is None else argument.field.type
    if is_id:
        kind = strawberry.ID
    elif argument.is_milliseconds:
        kind = float
    return list[kind] | None if argument.is_list else kind | None


def given(value: object) -> Mapping[str, Any]:  # Any: as the client sent it, coerced
    """The arguments of a filter input that were given."""
    if value is None or value is strawberry.UNSET:
        return {}
    return {
        name: found
        for name, found in vars(value).items()
        if found is not strawberry.UNSET and found is not None
    }
