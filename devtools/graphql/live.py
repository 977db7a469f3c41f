"""What the app is doing now: the newest records in memory, what is running, and how the process is."""

import enum
from collections.abc import Sequence
from typing import Annotated

import strawberry

from devtools.errors import ValidationError
from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.reading import newest
from devtools.graphql.records import (
    EmissionEntry,
    EmissionFilterInput,
    ErrorEntry,
    ErrorFilterInput,
    LogEntry,
    LogFilterInput,
    RunFilterInput,
    RunRecord,
)
from devtools.graphql.services import HealthEntry
from devtools.records import NANOSECONDS_PER_MILLISECOND, Emission, Error, Log, NodeKind, Run, RunStatus
from devtools.telemetry.identifiers import to_hex


@object_type
class MemoryStats:
    """Memory of the process in bytes."""

    heap_used: Annotated[
        float,
        strawberry.field(
            description="Private memory that is resident: Python's objects and what extensions allocated."
        ),
    ]
    heap_total: Annotated[
        float, strawberry.field(description="Private memory that was asked for, resident or not.")
    ]
    rss: Annotated[
        float, strawberry.field(description="All that is resident, with shared libraries and mapped files.")
    ]


@object_type
class CpuStats:
    """Use of the processor."""

    usage: Annotated[
        float,
        strawberry.field(
            description="Processor time of this process per second since the last reading, 0..1; 1 is one core fully busy."
        ),
    ]
    load_average: Annotated[float, strawberry.field(description="Load of the machine over the last minute.")]


@object_type
class EventLoopStats:
    """Lateness of the app's event loop."""

    lag: Annotated[
        float,
        strawberry.field(
            description="Greatest lateness in milliseconds over the last ten seconds, or since the last reset."
        ),
    ]


@object_type
class GcStats:
    """Garbage collections of the interpreter."""

    collections: int
    duration: Annotated[float, strawberry.field(description="Milliseconds they took together.")]


@strawberry.enum(description="How a resource is.")
class ResourceHealthStatus(enum.Enum):
    """How a resource is."""

    healthy = "healthy"
    degraded = "degraded"
    unhealthy = "unhealthy"


@object_type
class ResourceHealthTotals:
    """How many resources are how."""

    resources: int
    healthy: int
    degraded: int
    unhealthy: int


@object_type
class ResourceHealthEntry:
    """The health of one resource."""

    id: str
    status: ResourceHealthStatus
    message: str | None
    details: str | None
    initialized: bool


@object_type
class ResourceHealthReport:
    """The health of all resources that can say how they are."""

    totals: ResourceHealthTotals
    report: list[ResourceHealthEntry]


@object_type
class RunningRun:
    """A run that has not ended."""

    run_id: strawberry.ID
    parent_run_id: strawberry.ID | None
    correlation_id: str
    node_id: str
    node_kind: NodeKind
    name: str
    status: RunStatus
    started_at_ms: float
    age_ms: Annotated[float, strawberry.field(description="How long it has been running.")]


@object_type
class Live:
    """What the app is doing now. Lists: the newest `last` records in memory (200; with `afterTimestamp` all), oldest first."""

    @field
    def memory(self, info: Info) -> MemoryStats:
        """Memory of the process."""
        found = info.context.services.gauges.memory()
        return MemoryStats(heap_used=found.heap_used, heap_total=found.heap_total, rss=found.rss)

    @field
    def cpu(self, info: Info) -> CpuStats:
        """Use of the processor."""
        found = info.context.services.gauges.cpu()
        return CpuStats(usage=found.usage, load_average=found.load_average)

    @field
    def event_loop(self, info: Info, reset: bool | None = strawberry.UNSET) -> EventLoopStats:
        """Lateness of the app's event loop; with `reset`, begin to measure anew afterwards."""
        return EventLoopStats(lag=info.context.services.gauges.event_loop_lag_ms(reset=reset is True))

    @field
    def gc(self, info: Info, window_ms: float | None = strawberry.UNSET) -> GcStats:
        """Garbage collections in the last `windowMs`, or since the start."""
        found = info.context.services.gauges.collections(_window(window_ms))
        return GcStats(collections=found.count, duration=found.duration_ms)

    @field
    def logs(
        self,
        info: Info,
        after_timestamp: float | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        where: Annotated[LogFilterInput | None, strawberry.argument(name="filter")] = strawberry.UNSET,
    ) -> list[LogEntry]:
        """The newest logs."""
        return newest(info.context, Log, after_timestamp, last, where)

    @field
    def emissions(
        self,
        info: Info,
        after_timestamp: float | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        where: Annotated[EmissionFilterInput | None, strawberry.argument(name="filter")] = strawberry.UNSET,
    ) -> list[EmissionEntry]:
        """The newest emissions of events."""
        return newest(info.context, Emission, after_timestamp, last, where)

    @field
    def errors(
        self,
        info: Info,
        after_timestamp: float | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        where: Annotated[ErrorFilterInput | None, strawberry.argument(name="filter")] = strawberry.UNSET,
    ) -> list[ErrorEntry]:
        """The newest errors."""
        return newest(info.context, Error, after_timestamp, last, where)

    @field
    def runs(
        self,
        info: Info,
        after_timestamp: float | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        where: Annotated[RunFilterInput | None, strawberry.argument(name="filter")] = strawberry.UNSET,
    ) -> list[RunRecord]:
        """The newest runs that ended: of tasks (requests among them) and hooks, unless `nodeKinds` asks for more."""
        return newest(info.context, Run, after_timestamp, last, where)

    @field
    def running(self, info: Info) -> list[RunningRun]:
        """What is running now in this process, oldest first."""
        return _running(info.context)

    @field
    def capacity(self, info: Info) -> int:
        """How many records of a kind are kept in memory."""
        return info.context.services.recorder.rings.of(Run).capacity

    @field
    def health_report(self, info: Info) -> ResourceHealthReport | None:
        """What the health checks of resources say; null without a running app."""
        entries = info.context.services.health()
        return None if entries is None else _report(entries)


def _window(window_ms: float | None) -> float | None:
    if window_ms is None or window_ms is strawberry.UNSET:
        return None
    if window_ms < 0:
        raise ValidationError(
            f"windowMs cannot be {window_ms}: it must be 0 or more.", field="windowMs", value=window_ms
        )
    return window_ms


def _running(context: Context) -> list[RunningRun]:
    recorder = context.services.recorder
    now, now_ns = recorder.clocks.monotonic_ns(), recorder.clocks.time_ns()
    active = [run for run in list(recorder.running.values()) if run.status is RunStatus.running]
    found = [
        RunningRun(
            run_id=strawberry.ID(to_hex(run.run_id)),
            parent_run_id=None if (parent := run.parent_run_id) is None else strawberry.ID(to_hex(parent)),
            correlation_id=run.correlation_id,
            node_id=run.node_id,
            node_kind=run.node_kind,
            name=run.title,
            status=run.status,
            started_at_ms=(now_ns - (now - run.started)) / NANOSECONDS_PER_MILLISECOND,
            age_ms=(now - run.started) / NANOSECONDS_PER_MILLISECOND,
        )
        for run in active
    ]
    return sorted(found, key=lambda run: (-run.age_ms, run.run_id))


def _report(entries: Sequence[HealthEntry]) -> ResourceHealthReport:
    counts = {
        status: sum(entry.status == status.value for entry in entries) for status in ResourceHealthStatus
    }
    return ResourceHealthReport(
        totals=ResourceHealthTotals(
            resources=len(entries),
            healthy=counts[ResourceHealthStatus.healthy],
            degraded=counts[ResourceHealthStatus.degraded],
            unhealthy=counts[ResourceHealthStatus.unhealthy],
        ),
        report=[
            ResourceHealthEntry(
                id=entry.id,
                status=ResourceHealthStatus(entry.status),
                message=entry.message,
                details=entry.details,
                initialized=entry.initialized,
            )
            for entry in entries
        ],
    )
