"""Records to rows and back, compiled once per kind. Called by the writer and by queries."""

import enum
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

from devtools.records import Record, RecordField, fields_of
from devtools.storage.tables import columns_of

R = TypeVar("R", bound=Record)
Row = tuple[Any, ...]  # Any: the types of the columns


@cache
def row_of(record_type: type[R]) -> Callable[[R], Row]:
    """A function from a record to its row: the columns of the kind, then the search text."""
    own, nested = _parts(record_type)
    read_own = _getter(own)
    read_search = _getter([field.name for field in fields_of(record_type) if field.column.search])
    folded = "\n".join
    if not nested:
        return lambda record: (*read_own(record), folded(filter(None, read_search(record))).casefold())
    ((parent, names),) = nested.items()
    read_parent = attrgetter(parent)
    read_nested = _getter(names)
    absent = (None,) * len(names)

    def flat(record: R) -> Row:
        inner = read_parent(record)
        return (
            *read_own(record),
            *(absent if inner is None else read_nested(inner)),
            folded(filter(None, read_search(record))).casefold(),
        )

    return flat


def _parts(record_type: type[Record]) -> tuple[list[str], dict[str, list[str]]]:
    own: list[str] = []
    nested: dict[str, list[str]] = {}
    for field in fields_of(record_type):
        # `_value_` is the plain attribute behind the slower property `value`.
        name = f"{field.attribute}._value_" if issubclass(field.type, enum.Enum) else field.attribute
        (own if field.parent is None else nested.setdefault(field.parent, [])).append(name)
    order = columns_of(record_type)
    flattened = [f"{parent}_{name}" for parent, names in nested.items() for name in names]
    if len(nested) > 1 or (nested and list(order[len(own) :]) != flattened):
        raise TypeError(f"{record_type.__name__} may nest one Struct, and as its last field.")
    return own, nested


def _getter(names: Sequence[str]) -> Callable[[Any], Row]:  # Any: a record or a Struct inside one
    read = attrgetter(*names)
    if len(names) == 1:
        return lambda value: (read(value),)
    return read


def parameters(rows: Iterable[Row]) -> list[Any]:
    """Many rows as the parameters of one statement."""
    return list(chain.from_iterable(rows))


class Reader(Generic[R]):
    """Rows to records. A row that was damaged in the file is still read; `damaged` counts such rows."""

    def __init__(self, record_type: type[R]) -> None:
        self.record_type = record_type
        self.fields = fields_of(record_type)
        self.damaged = 0
        self._read: Callable[[Row], R] = _compile(record_type)

    def records(self, rows: Iterable[Row]) -> list[R]:
        """The records of these rows, in their order. Takes the columns of the kind in order."""
        read = self._read
        found = list(rows)
        try:
            return [read(row) for row in found]
        except KeyError:
            return [self._read_or_mend(row) for row in found]

    def _read_or_mend(self, row: Row) -> R:
        try:
            return self._read(row)
        except KeyError:
            self.damaged += 1
            return self._read(tuple(map(_mended, self.fields, row)))


def _mended(field: RecordField, value: object) -> object:
    """The value, or for a word that is not in the enum its least specific member, the last."""
    if not issubclass(field.type, enum.Enum):
        return value
    members = list(field.type)
    return value if any(member.value == value for member in members) else members[-1].value


def _compile(record_type: type[R]) -> Callable[[Row], R]:
    """One function with a constructor call in it: three times as fast as building by keyword from a dictionary."""
    scope: dict[str, Any] = {"new": record_type}  # Any: what the source below names
    own: list[str] = []
    nested: dict[str, list[str]] = {}
    required: dict[str, str] = {}
    for index, field in enumerate(fields_of(record_type)):
        value = _source(field, index, scope)
        if field.parent is None:
            own.append(f"{field.attribute}={value}")
            continue
        nested.setdefault(field.parent, []).append(f"{field.attribute}={value}")
        scope[f"new_{field.parent}"] = field.struct
        required.setdefault(field.parent, f"row[{index}]")
    for parent, arguments in nested.items():
        build = f"new_{parent}({', '.join(arguments)})"
        own.append(f"{parent}=None if {required[parent]} is None else {build}")
    source = f"lambda row: new({', '.join(own)})"
    return eval(source, scope)  # noqa: S307 - the source is made of our own declarations


def _source(field: RecordField, index: int, scope: dict[str, Any]) -> str:
    value = f"row[{index}]"
    if issubclass(field.type, enum.Enum):
        members = f"members_{index}"
        scope[members] = {member.value: member for member in field.type}
        if field.nullable:
            scope[members][None] = None
        return f"{members}[{value}]"
    return f"bool({value})" if field.type is bool else value


def replaced(rows: list[Row], position: int, value: object) -> list[Row]:
    """The rows with the value where the column was empty."""
    return [
        row if row[position] is not None else (*row[:position], value, *row[position + 1 :]) for row in rows
    ]
