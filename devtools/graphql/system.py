"""What the server says about itself: its store, what is kept of each kind, processes, capabilities, overhead, schema, structure."""

import enum
from typing import Annotated

import strawberry

from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.policies import WHY_NEVER, how_to_switch_on
from devtools.graphql.services import KindStatus, ProcessStatus, StoreStatus
from devtools.introspection.exchange import exported_structure
from devtools.records import ALL, BY_KIND, Record


@strawberry.enum(description="The kinds of record.")
class RecordKind(enum.Enum):
    """The kinds of record, in GraphQL's spelling: one member for each of `records.ALL`."""

    _ignore_ = ["kind"]
    for kind in ALL:
        vars()[kind.kind.upper()] = kind.kind


def kind_of(record_type: type[Record]) -> RecordKind:
    """A kind of record as an enum value."""
    return RecordKind(record_type.kind)


def record_type_of(kind: RecordKind) -> type[Record]:
    """The record type of a kind."""
    return BY_KIND[kind.value]


@object_type
class Pragma:
    """One setting of an SQLite connection."""

    name: str
    value: str


@object_type
class StoreInfo:
    """Which store answers history, and why."""

    kind: Annotated[str, strawberry.field(description="memory, sqlite, postgresql or mysql")]
    url: Annotated[str | None, strawberry.field(description="Where it is, without secrets.")]
    why: str
    healthy: bool
    last_error: str | None
    size_bytes: float | None
    pragmas: list[Pragma]
    sqlite_version: str | None


@object_type
class KindInfo:
    """What there is of one kind of record."""

    kind: RecordKind
    kept: Annotated[int, strawberry.field(description="In memory.")]
    evicted: Annotated[float, strawberry.field(description="Dropped from memory because newer ones came.")]
    dropped: Annotated[
        float,
        strawberry.field(description="Lost on the way: the queue was full, or the record could not be made."),
    ]
    stored: Annotated[float | None, strawberry.field(description="In the database; null without one.")]
    oldest_ms: float | None
    newest_ms: float | None
    bytes: float | None


@object_type
class Process:
    """One process that records into this store."""

    id: strawberry.ID
    app: str
    role: str
    host: str
    pid: int
    started_ms: float
    last_seen_ms: float
    version: str | None


@object_type
class Capability:
    """Something that this server can do, or could if it were switched on."""

    enabled: bool
    how: Annotated[str, strawberry.field(description="How to switch it on, or why it is off for good.")]


@object_type
class Capabilities:
    """What this server allows and stores."""

    write: Annotated[Capability, strawberry.field(description="Mutations.")]
    record: Annotated[
        Capability, strawberry.field(description="Recording an app: off where stored history is only read.")
    ]
    store: Annotated[Capability, strawberry.field(description="History that outlives the process.")]
    invoke: Annotated[
        Capability, strawberry.field(description="Running tasks and emitting events from here: both are on.")
    ]
    invoke_task: Annotated[Capability, strawberry.field(description="Running declared tasks from here.")]
    invoke_event: Annotated[Capability, strawberry.field(description="Emitting declared events from here.")]
    import_: Annotated[
        Capability, strawberry.field(name="import", description="Storing exported structures from here.")
    ]
    remote: Annotated[Capability, strawberry.field(description="Clients that are not on this machine.")]
    change_code: Annotated[
        Capability, strawberry.field(description="Replacing tasks, editing files, evaluating code.")
    ]


@object_type
class Overhead:
    """What this package costs the app."""

    enqueue_p50_us: float | None
    enqueue_p99_us: float | None
    queue_depth: int
    dropped: float
    cpu_share: Annotated[
        float, strawberry.field(description="Share of one core, 0..1, of our own threads since the start.")
    ]
    disk_bytes: float | None


@object_type
class SchemaState:
    """The state of the database's own schema."""

    version: str | None
    pending: list[str]
    lease_holder: Annotated[
        str | None, strawberry.field(description="`host:pid` of the process that does the housekeeping.")
    ]
    next_prune_ms: float | None
    next_vacuum_ms: float | None


@strawberry.enum(description="Where the structure comes from.")
class StructureSource(enum.Enum):
    """Where the structure comes from."""

    live = "live"
    restored = "restored"
    empty = "empty"


@object_type
class StructureState:
    """Where the structure comes from: the running app, a snapshot, or nowhere."""

    state: StructureSource
    snapshot_version: int | None
    since_ms: float | None

    @field
    def document(self, info: Info) -> str:
        """The structure of now as a file, such as `importSnapshot` and `devtools check --against FILE` read."""
        services = info.context.services
        now_ns = services.recorder.clocks.time_ns()
        return exported_structure(info.context.graph.structure, services.app, services.role, now_ns)


@object_type
class System:
    """What the server says about itself."""

    @field
    def store(self, info: Info) -> StoreInfo:
        """Which store answers history, and why."""
        return _store(info.context.services.store.status())

    @field
    def kinds(self, info: Info) -> list[KindInfo]:
        """What there is of each kind of record."""
        return [_kind(status) for status in info.context.services.store.kinds()]

    @field
    def processes(self, info: Info) -> list[Process]:
        """The processes that record into this store, newest first."""
        return [_process(process) for process in info.context.services.store.processes()]

    @field
    def capabilities(self, info: Info) -> Capabilities:
        """What this server allows, and how to switch on what it does not."""
        return _capabilities(info.context)

    @field
    def overhead(self, info: Info) -> Overhead:
        """What this package costs the app."""
        found = info.context.services.overhead()
        return Overhead(
            enqueue_p50_us=found.enqueue_p50_us,
            enqueue_p99_us=found.enqueue_p99_us,
            queue_depth=found.queue_depth,
            dropped=found.dropped,
            cpu_share=found.cpu_share,
            disk_bytes=found.disk_bytes,
        )

    @field
    def schema(self, info: Info) -> SchemaState:
        """The state of the database's own schema."""
        found = info.context.services.store.schema()
        return SchemaState(
            version=found.version,
            pending=list(found.pending),
            lease_holder=found.lease_holder,
            next_prune_ms=found.next_prune_ms,
            next_vacuum_ms=found.next_vacuum_ms,
        )

    @field
    def structure(self, info: Info) -> StructureState:
        """Where the structure comes from."""
        found = info.context.services.structure()
        return StructureState(
            state=StructureSource(found.state),
            snapshot_version=found.snapshot_version,
            since_ms=found.since_ms,
        )

    @field
    def recording(self, info: Info) -> bool:
        """Whether records are made; see the mutation `recording`."""
        return not info.context.services.recorder.paused

    @field
    def version(self, info: Info) -> str:
        """Version of this package."""
        return info.context.services.version

    @field
    def subscribers(self, info: Info) -> int:
        """How many live followers there are."""
        return info.context.services.subscribers.count


def _store(status: StoreStatus) -> StoreInfo:
    return StoreInfo(
        kind=status.kind,
        url=status.url,
        why=status.why,
        healthy=status.healthy,
        last_error=status.last_error,
        size_bytes=status.size_bytes,
        pragmas=[Pragma(name=name, value=value) for name, value in status.pragmas],
        sqlite_version=status.sqlite_version,
    )


def _kind(status: KindStatus) -> KindInfo:
    return KindInfo(
        kind=kind_of(status.record_type),
        kept=status.kept,
        evicted=status.evicted,
        dropped=status.dropped,
        stored=status.stored,
        oldest_ms=status.oldest_ms,
        newest_ms=status.newest_ms,
        bytes=status.bytes,
    )


def _process(process: ProcessStatus) -> Process:
    return Process(
        id=strawberry.ID(str(process.id)),
        app=process.app,
        role=process.role,
        host=process.host,
        pid=process.pid,
        started_ms=process.started_ms,
        last_seen_ms=process.last_seen_ms,
        version=process.version,
    )


def _capabilities(context: Context) -> Capabilities:
    settings = context.services.settings
    return Capabilities(
        write=Capability(
            enabled=context.request.access == "write",
            how="Use the token of DEVTOOLS_TOKEN; that of DEVTOOLS_READ_TOKEN only reads.",
        ),
        record=Capability(
            enabled=context.services.records,
            how="Mount devtools in the app: `devtools serve` reads what apps have stored.",
        ),
        store=Capability(
            enabled=context.services.store.status().kind != "memory",
            how="Set database, as in database='sqlite:///devtools.db' or DEVTOOLS_DATABASE.",
        ),
        invoke=Capability(
            enabled=settings.invoke_tasks and settings.invoke_events,
            how=f"{how_to_switch_on('invoke_tasks')} {how_to_switch_on('invoke_events')}",
        ),
        invoke_task=Capability(enabled=settings.invoke_tasks, how=how_to_switch_on("invoke_tasks")),
        invoke_event=Capability(enabled=settings.invoke_events, how=how_to_switch_on("invoke_events")),
        import_=Capability(enabled=settings.import_snapshots, how=how_to_switch_on("import_snapshots")),
        remote=Capability(
            enabled=settings.allow_remote, how="Set allow_remote=True and a token of at least 32 characters."
        ),
        change_code=Capability(enabled=False, how=WHY_NEVER),
    )
