"""Every record kind, declared once. Tables, filters, GraphQL types and exports are derived from these Structs."""

from devtools.records.audit import Audit
from devtools.records.base import (
    NANOSECONDS_PER_MILLISECOND,
    SEVERITY,
    Column,
    Level,
    NodeKind,
    Record,
    RecordField,
    RunStatus,
    SourceKind,
    fields_of,
)
from devtools.records.telemetry import Emission, Error, Http, Log, Run

TELEMETRY: tuple[type[Record], ...] = (Run, Log, Error, Emission)
"""What sources capture: bounded by retention, removed by `clear`."""

ALL: tuple[type[Record], ...] = (*TELEMETRY, Audit)
"""Every kind, in the order in which they are shown. A new kind is added here."""

BY_KIND: dict[str, type[Record]] = {record_type.kind: record_type for record_type in ALL}

__all__ = [
    "ALL",
    "BY_KIND",
    "NANOSECONDS_PER_MILLISECOND",
    "SEVERITY",
    "TELEMETRY",
    "Audit",
    "Column",
    "Emission",
    "Error",
    "Http",
    "Level",
    "Log",
    "NodeKind",
    "Record",
    "RecordField",
    "Run",
    "RunStatus",
    "SourceKind",
    "fields_of",
]
