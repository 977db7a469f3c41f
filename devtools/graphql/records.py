"""The types of records, in live and history alike, their filter inputs, and the links from a record to others."""

from typing import Any

import strawberry

from devtools.graphql.connections import Connection
from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field
from devtools.graphql.derive import filter_input, record_type
from devtools.graphql.elements import BaseElement, EventType, named
from devtools.graphql.parts import PartsListing
from devtools.graphql.reading import first_of, or_none
from devtools.introspection.elements import ElementKind
from devtools.records import ALL, Audit, Emission, Error, Log, Record, Run


@filter_input(Run, ids=("session_ids",))
class RunFilterInput:
    """Which runs."""


@filter_input(Log)
class LogFilterInput:
    """Which logs."""


@filter_input(Error, ids=("source_ids",))
class ErrorFilterInput:
    """Which errors."""


@filter_input(Emission)
class EmissionFilterInput:
    """Which emissions."""


@record_type(Log, name="LogEntry")
class LogEntry:
    """One line of a log."""


@record_type(Error, name="ErrorEntry")
class ErrorEntry:
    """One exception, however many runs it passed through."""

    source_id: strawberry.ID

    @field
    @staticmethod
    def source_resolved(root: strawberry.Parent[Error], info: Info) -> BaseElement | None:
        """The element it came from; a minimal one where it is not known."""
        return named(info.context.graph, root.source_id)


@record_type(Emission, name="EmissionEntry")
class EmissionEntry:
    """One event that was emitted."""

    @field
    @staticmethod
    def event_resolved(root: strawberry.Parent[Emission], info: Info) -> EventType | None:
        """The event; a minimal one where it is not known."""
        return named(info.context.graph, root.event_id, ElementKind.event)

    @field
    @staticmethod
    def emitter_resolved(root: strawberry.Parent[Emission], info: Info) -> BaseElement | None:
        """The element that emitted it; a minimal one where it is not known."""
        return None if root.emitter_id is None else named(info.context.graph, root.emitter_id)


@filter_input(Audit)
class AuditFilterInput:
    """Which actions."""


@record_type(Audit, name="AuditEntry")
class AuditEntry:
    """One action that somebody asked this server for, written down before it was done."""


@record_type(Run, name="RunRecord", decoded=("attributes",))
class RunRecord:
    """One execution of an element. `timestampMs` is its end. Node ids and kinds are ids and kinds of elements."""

    started_at_ms: float
    session_id: strawberry.ID | None

    @field
    @staticmethod
    def node_resolved(root: strawberry.Parent[Run], info: Info) -> BaseElement | None:
        """The element that ran; a minimal one where it is not known."""
        return named(info.context.graph, root.node_id)

    @field
    @staticmethod
    def app(root: strawberry.Parent[Run], info: Info) -> str:
        """Name of the app it ran in."""
        return _process(info.context, root)[0]

    @field
    @staticmethod
    def role(root: strawberry.Parent[Run], info: Info) -> str:
        """Which part of the app it ran in: main, worker, …"""
        return _process(info.context, root)[1]

    @field
    @staticmethod
    def logs(
        root: strawberry.Parent[Run], info: Info, first: int | None = strawberry.UNSET
    ) -> Connection[LogEntry]:
        """What was logged in it, not in the runs below it. Oldest first."""
        return _parts(info.context, Log, "run_id", root.run_id, first)

    @field
    @staticmethod
    def errors(
        root: strawberry.Parent[Run], info: Info, first: int | None = strawberry.UNSET
    ) -> Connection[ErrorEntry]:
        """Errors that were recorded in it, not in the runs below it. Oldest first."""
        return _parts(info.context, Error, "run_id", root.run_id, first)

    @field
    @staticmethod
    def children(
        root: strawberry.Parent[Run], info: Info, first: int | None = strawberry.UNSET
    ) -> Connection["RunRecord"]:
        """The runs that it began. Oldest first."""
        return _parts(info.context, Run, "parent_run_id", root.run_id, first)


def _process(context: Context, run: Run) -> tuple[str, str]:
    process = context.processes.get(run.process_id)
    return ("unknown", "unknown") if process is None else (process.app, process.role)


def _parts(context: Context, kind: type[Record], link: str, run_id: int, first: int | None) -> Any:
    length = first_of(context, or_none(first))
    asked = PartsListing(
        context.parts, lambda: context.history, kind, link, run_id, length, context.evicted_before
    )
    return connection(kind, asked)


TYPES: dict[type[Record], Any] = {
    Run: RunRecord,
    Log: LogEntry,
    Error: ErrorEntry,
    Emission: EmissionEntry,
    Audit: AuditEntry,
}
"""The GraphQL type of every kind. Any: types are values to Strawberry."""

FILTERS: dict[type[Record], Any] = {
    Run: RunFilterInput,
    Log: LogFilterInput,
    Error: ErrorFilterInput,
    Emission: EmissionFilterInput,
    Audit: AuditFilterInput,
}
"""The filter input of every kind."""


def _derive_missing() -> None:
    """A kind that nothing more is said about has what its declaration says."""
    for kind in ALL:
        if kind not in TYPES:
            TYPES[kind] = record_type(kind, name=kind.__name__)(
                type(kind.__name__, (), {"__doc__": kind.__doc__})
            )
            FILTERS[kind] = filter_input(kind)(type(f"{kind.__name__}FilterInput", (), {}))


_derive_missing()


def connection(kind: type[Record], found: Any) -> Any:  # Any: a listing of this kind, and its type
    """A connection of this kind over a listing."""
    return Connection[TYPES[kind]](listing=found)
