"""The store where no database is configured: history comes from the rings and ends with the process. Called by the application."""

import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from devtools.records import ALL, NANOSECONDS_PER_MILLISECOND, TELEMETRY, Record, Run, RunStatus
from devtools.storage.behaviour import Behaviour, Traffic
from devtools.storage.behaviour_queries import of_durations
from devtools.storage.rollups import HOUR_NS
from devtools.storage.siblings import workers
from devtools.storage.snapshot_store import SnapshotStore
from devtools.storage.status import KindStatus, ProcessStatus, Removed, SchemaStatus, StoreStatus
from devtools.telemetry.recorder import Recorder, Wake


class MemoryStore:
    """The rings as a store. Makes no file and no thread."""

    def __init__(
        self,
        recorder: Recorder,
        snapshots: SnapshotStore,
        *,
        app: str,
        role: str = "main",
        version: str | None = None,
        why: str | None = None,
    ) -> None:
        self.recorder = recorder
        self.history = recorder.rings
        self.snapshots = snapshots
        self.snapshot_version: Callable[[], int | None] = lambda: None
        """Gives the version of the structure that runs are under now. Set by the application."""
        self._why = why or "no database is configured"
        self._app, self._role, self._version = app, role, version
        self._started_ms = recorder.clocks.time_ns() / NANOSECONDS_PER_MILLISECOND

    def status(self) -> StoreStatus:
        """Which store, and how it is."""
        return StoreStatus(kind="memory", url=None, why=self._why + self._warning(), healthy=True)

    def _warning(self) -> str:
        beside = workers()
        if beside < 2:
            return ""
        return f"; {beside} workers run, and each shows only what it recorded itself: set database to see all of them in each"

    def kinds(self) -> Sequence[KindStatus]:
        """Every kind, in the order of `records.ALL`."""
        return [self._kind(record_type) for record_type in ALL]

    def _kind(self, record_type: type[Record]) -> KindStatus:
        ring = self.recorder.rings.of(record_type)
        kept = ring.snapshot()
        return KindStatus(
            record_type=record_type,
            kept=len(kept),
            evicted=ring.evicted,
            dropped=self.recorder.dropped[record_type.kind],
            stored=None,
            oldest_ms=kept[0].timestamp_ms if kept else None,
            newest_ms=kept[-1].timestamp_ms if kept else None,
            bytes=None,
        )

    def processes(self) -> Sequence[ProcessStatus]:
        """This process alone."""
        now_ms = self.recorder.clocks.time_ns() / NANOSECONDS_PER_MILLISECOND
        return [
            ProcessStatus(
                id=self.recorder.process_id,
                app=self._app,
                role=self._role,
                host=socket.gethostname(),
                pid=os.getpid(),
                started_ms=self._started_ms,
                last_seen_ms=now_ms,
                version=self._version,
            )
        ]

    def schema(self) -> SchemaStatus:
        """Memory has no schema."""
        return SchemaStatus(None, (), None, None, None)

    def await_own(self, timeout: float = 0.2) -> None:
        """What was recorded is there at once."""

    def catch_up(self) -> None:
        """There are no other processes to follow."""

    def watch(self, wake: Wake) -> Callable[[], None]:  # noqa: ARG002 - the same as of every store
        """Nothing ever comes from others."""
        return lambda: None

    def flush(self, timeout: float = 5.0) -> bool:  # noqa: ARG002 - the same as of every store
        """What was recorded is there at once."""
        return True

    def close(self, timeout: float = 5.0) -> int:  # noqa: ARG002
        """Nothing to let go of."""
        return 0

    cpu_seconds = 0.0
    """There is no thread."""

    def behaviour(
        self, version: int, app: str | None = None, role: str | None = None
    ) -> Mapping[str, Behaviour]:
        """By element id, how every element behaved whose runs are in memory: all ran under the version of now unless they say."""
        if (app or self._app, role or self._role) != (self._app, self._role):
            return {}
        current = self.snapshot_version()
        runs: dict[str, list[Run]] = {}
        for run in self.recorder.rings.of(Run).snapshot():
            if (run.snapshot_version or current) == version:
                runs.setdefault(run.node_id, []).append(run)
        return {
            node_id: of_durations(
                [run.duration_ns for run in alike], sum(run.status is RunStatus.error for run in alike)
            )
            for node_id, alike in runs.items()
        }

    def traffic(
        self, since_ns: int, app: str | None = None, role: str | None = None
    ) -> Mapping[str, Traffic]:
        """By element id, how often every element ran since an hour began whose runs are in memory, and failed."""
        if (app or self._app, role or self._role) != (self._app, self._role):
            return {}
        runs, errors = Counter[str](), Counter[str]()
        for run in self.recorder.rings.of(Run).snapshot():
            if run.time_ns // HOUR_NS >= since_ns // HOUR_NS:
                runs[run.node_id] += 1
                errors[run.node_id] += run.status is RunStatus.error
        return {node_id: Traffic(runs=count, errors=errors[node_id]) for node_id, count in runs.items()}

    def prune(self, record_type: type[Record] | None, older_than_ns: int | None) -> Sequence[Removed]:
        """Remove what is strictly older than a Unix time in nanoseconds; the rings keep to their own limit."""
        if older_than_ns is None:
            return [Removed(kind, 0) for kind in _kinds(record_type)]
        limit_ns = older_than_ns
        rings = self.recorder.rings
        return [
            Removed(kind, rings.of(kind).remove(lambda record: record.time_ns < limit_ns))
            for kind in _kinds(record_type)
        ]

    def clear(self, record_type: type[Record] | None) -> Sequence[Removed]:
        """Remove every record of a kind, or of all telemetry."""
        return [Removed(kind, self.recorder.rings.of(kind).clear()) for kind in _kinds(record_type)]


def _kinds(record_type: type[Record] | None) -> tuple[type[Record], ...]:
    return TELEMETRY if record_type is None else (record_type,)
