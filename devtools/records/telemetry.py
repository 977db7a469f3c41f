"""The four kinds of telemetry: runs, logs, errors, emissions."""

from typing import Annotated, ClassVar

import msgspec

from devtools.records.base import (
    NANOSECONDS_PER_MILLISECOND,
    Column,
    Level,
    NodeKind,
    Record,
    RunId,
    RunStatus,
    SourceKind,
)

GuardedJson = Annotated[str | None, Column(json=True, guard=True)]


class Http(msgspec.Struct, frozen=True, gc=False):
    """The HTTP or WebSocket side of a run. Status and error follow OpenTelemetry's HTTP server convention."""

    method: Annotated[str, Column(one_of="http_methods", word="method", capitals=True)]
    """`GET`, …, or `WS` for a WebSocket session."""
    route: Annotated[str | None, Column(one_of="http_routes", word="route")]
    """The path template that matched; null when none did."""
    path: Annotated[str, Column(guard=True, search=True, word="path")]
    query: Annotated[str | None, Column(guard=True)] = None
    """The query string, secrets masked."""
    status: Annotated[int | None, Column(one_of="http_statuses", word="code")] = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    client: str | None = None
    """Address of the client."""


class Run(Record, frozen=True, kw_only=True, gc=False):
    """One execution of an element; what OpenTelemetry calls a span. `time_ns` is its end."""

    kind: ClassVar[str] = "run"

    run_id: Annotated[int, Column(index=True, hex_digits=16)]
    """Random 63 bits, given at the start."""
    node_id: Annotated[str, Column(index=True, one_of="node_ids", suffix=True, word="node")]
    node_kind: Annotated[NodeKind, Column(one_of="node_kinds", word="kind")]
    name: Annotated[str, Column(search=True)]
    duration_ns: Annotated[
        int,
        Column(
            minimum="min_duration_ms",
            maximum="max_duration_ms",
            scale=NANOSECONDS_PER_MILLISECOND,
            word="dur",
        ),
    ]
    status: Annotated[RunStatus, Column(one_of="statuses", word="status")]
    ok: Annotated[bool, Column(equals="ok", word="ok")]
    error: Annotated[str | None, Column(guard=True, search=True)] = None
    """Message of the exception that ended it."""
    parent_run_id: RunId = None
    root_run_id: Annotated[int | None, Column(hex_digits=16)] = None
    parent_id: Annotated[str | None, Column(one_of="parent_ids", suffix=True)] = None
    """Node id of the parent run, as in the peer; the outermost run has none."""
    root_id: Annotated[str | None, Column(one_of="root_ids", suffix=True)] = None
    """Node id of the outermost run; the outermost run names itself."""
    session_id: Annotated[str | None, Column(one_of="session_ids", word="session")] = None
    snapshot_version: Annotated[int | None, Column(one_of="snapshot_versions", word="version")] = None
    """Version of the structure it ran under; filled in by the writer."""
    input: GuardedJson = None
    output: GuardedJson = None
    attributes: GuardedJson = None
    http: Http | None = None

    @property
    def started_ns(self) -> int:
        """Unix time of the start in nanoseconds, UTC."""
        return self.time_ns - self.duration_ns

    @property
    def started_at_ms(self) -> float:
        """Unix time of the start in milliseconds."""
        return self.started_ns / NANOSECONDS_PER_MILLISECOND

    @property
    def duration_ms(self) -> float:
        """Length in milliseconds, from the monotonic clock."""
        return self.duration_ns / NANOSECONDS_PER_MILLISECOND


class Log(Record, frozen=True, kw_only=True, gc=False):
    """One line of a log."""

    kind: ClassVar[str] = "log"

    level: Annotated[Level, Column(one_of="levels", minimum="min_level", word="level")]
    message: Annotated[str, Column(search=True, guard=True, contains="message_includes", word="message")]
    source_id: Annotated[str | None, Column(index=True, one_of="source_ids", suffix=True, word="source")] = (
        None
    )
    """Name of the logger, or id of the element that wrote it."""
    data: Annotated[str | None, Column(json=True, guard=True, word="data")] = None
    run_id: RunId = None
    location: str | None = None
    """`file:line` of the call."""


class Error(Record, frozen=True, kw_only=True, gc=False):
    """One exception, however many runs it passed through."""

    kind: ClassVar[str] = "error"

    source_id: Annotated[str, Column(index=True, one_of="source_ids", suffix=True, word="source")]
    source_kind: Annotated[SourceKind, Column(one_of="source_kinds", word="kind")]
    type: Annotated[str, Column(one_of="types", search=True, word="type")]
    """Qualified name of the exception's class."""
    message: Annotated[str, Column(search=True, guard=True, contains="message_includes", word="message")]
    stack: Annotated[str | None, Column(guard=True)] = None
    cause: GuardedJson = None
    """The chain of causes, nearest first: a JSON list of `{type, message}`."""
    data: Annotated[str | None, Column(json=True, guard=True, word="data")] = None
    fingerprint: Annotated[str, Column(index=True, one_of="fingerprints", word="fingerprint")]
    """Equal for errors of one type, normalised message and top frame."""
    run_id: RunId = None


class Emission(Record, frozen=True, kw_only=True, gc=False):
    """One event that was emitted."""

    kind: ClassVar[str] = "emission"

    event_id: Annotated[str, Column(index=True, one_of="event_ids", suffix=True, search=True, word="event")]
    emitter_id: Annotated[str | None, Column(one_of="emitter_ids", suffix=True, word="emitter")] = None
    payload: Annotated[str | None, Column(json=True, guard=True, search=True, word="data")] = None
    run_id: RunId = None


def _flatten_http() -> None:
    """Give `Run` a property per field of `Http`, so that every reader sees one flat record."""
    for info in msgspec.structs.fields(Http):
        name = info.name

        def read(run: Run, name: str = name) -> object:
            return None if run.http is None else getattr(run.http, name)

        setattr(Run, f"http_{name}", property(read))


_flatten_http()
