"""What every record has, and the marks that say what a field is for. Called by every module of declarations."""

import builtins
import enum
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import msgspec

NANOSECONDS_PER_MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Column:
    """What a field is for, beside its type. Storage, filters and GraphQL are derived from these marks.

    `one_of`, `minimum`, `maximum`, `contains` and `equals` are the snake_case names of filter arguments on this field.
    """

    index: bool = False
    json: bool = False
    """The text holds JSON."""
    hex_digits: int = 0
    """The integer is written as this many hex digits outside storage."""
    search: bool = False
    """The case-folded text takes part in `search`."""
    guard: bool = False
    """Free text from the app: bounded and masked before it is kept."""
    one_of: str | None = None
    suffix: bool = False
    """`one_of` also matches a dotted suffix of an id."""
    minimum: str | None = None
    maximum: str | None = None
    contains: str | None = None
    equals: str | None = None
    scale: int = 1
    """Filter values are multiplied by this to get stored values (milliseconds to nanoseconds)."""
    word: str | None = None
    """Name in the filter text (`level>=warn`)."""
    capitals: bool = False
    """Always in capitals, so that people need not write it so in the filter text."""


PLAIN = Column()

TimeNs = Annotated[
    int,
    Column(minimum="since_ms", maximum="until_ms", scale=NANOSECONDS_PER_MILLISECOND, word="time"),
]
CorrelationId = Annotated[str | None, Column(index=True, one_of="correlation_ids", word="trace")]
RunId = Annotated[int | None, Column(index=True, hex_digits=16)]


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An immutable fact with a time. `id` orders records within and across processes and is the cursor everywhere."""

    kind: ClassVar[str]
    """Singular name of the kind: run, log, error, emission."""

    id: int
    time_ns: TimeNs
    """Unix time in nanoseconds, UTC."""
    process_id: int = 0
    """Key of the process (table `processes`) that recorded this; 0 before a database has given one."""
    correlation_id: CorrelationId = None

    @property
    def timestamp_ms(self) -> float:
        """Unix time in milliseconds."""
        return self.time_ns / NANOSECONDS_PER_MILLISECOND


class Level(enum.Enum):
    """Log levels, in the peer's spelling."""

    trace = "trace"
    debug = "debug"
    info = "info"
    warn = "warn"
    error = "error"
    fatal = "fatal"
    log = "log"


SEVERITY: dict[enum.Enum, int] = {
    Level.trace: 1,
    Level.debug: 5,
    Level.log: 9,
    Level.info: 9,
    Level.warn: 13,
    Level.error: 17,
    Level.fatal: 21,
}
"""OpenTelemetry severity numbers; `minimum` on a level compares these."""


class NodeKind(enum.Enum):
    """What kind of element ran."""

    TASK = "TASK"
    HOOK = "HOOK"
    RESOURCE = "RESOURCE"
    MIDDLEWARE = "MIDDLEWARE"
    QUERY = "QUERY"
    CALL = "CALL"


class SourceKind(enum.Enum):
    """What kind of element an error came from."""

    TASK = "TASK"
    HOOK = "HOOK"
    RESOURCE = "RESOURCE"
    MIDDLEWARE = "MIDDLEWARE"
    INTERNAL = "INTERNAL"


class RunStatus(enum.Enum):
    """Where a run stands."""

    running = "running"
    ok = "ok"
    error = "error"
    cancelled = "cancelled"


@dataclass(frozen=True)
class RecordField:
    """One stored field of a record kind: a flat column, also where the Struct nests.

    `name` is the attribute of the record (a property where the Struct nests), the column and the snake_case GraphQL name.
    """

    name: str
    type: type[Any]  # Any: whatever the field holds
    """The bare type: int, str, bool, float or an Enum."""
    nullable: bool
    column: Column
    struct: "builtins.type[msgspec.Struct]"
    """Where the field is declared: the record itself, or the Struct nested in it."""
    attribute: str
    """Its name there."""
    parent: str | None = None
    """The record's attribute that holds the nested Struct."""


@cache
def fields_of(record_type: type[Record]) -> tuple[RecordField, ...]:
    """The stored fields of a kind in declaration order, nested Structs flattened as `parent_field`."""
    return tuple(_fields(record_type, None))


def _fields(struct: type[msgspec.Struct], parent: str | None) -> list[RecordField]:
    hints = get_type_hints(struct, include_extras=True)
    found: list[RecordField] = []
    for info in msgspec.structs.fields(struct):
        bare, nullable, column = _unwrap(hints[info.name])
        if issubclass(bare, msgspec.Struct):
            found.extend(_fields(bare, info.name))
            continue
        name = f"{parent}_{info.name}" if parent else info.name
        found.append(
            RecordField(name, bare, nullable or parent is not None, column, struct, info.name, parent)
        )
    return found


def _unwrap(hint: Any) -> tuple[type[Any], bool, Column]:  # Any: a type expression, and what it holds
    column = PLAIN
    if get_origin(hint) is Annotated:
        marks: tuple[object, ...] = hint.__metadata__
        column = next((mark for mark in marks if isinstance(mark, Column)), PLAIN)
        hint = get_args(hint)[0]
    arguments: tuple[Any, ...] = get_args(hint)  # Any: as above
    members = [member for member in arguments if member is not type(None)]
    if members and type(None) in arguments:
        return members[0], True, column
    return hint, False, column
