"""A database behind the recorder: opens it, registers this process, starts the writer. Called by the application."""

import logging
import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from devtools.errors import (
    BusyError,
    ConstraintError,
    DevToolsError,
    LimitExceededError,
    UnavailableError,
    ValidationError,
)
from devtools.records import ALL, TELEMETRY, Record, Run
from devtools.settings import ROLLUP, Resolved, retention_of
from devtools.storage import behaviour_queries, processes, recount, retention, targets
from devtools.storage.behaviour import Behaviour, Traffic
from devtools.storage.faults import fault_of
from devtools.storage.following import Follower
from devtools.storage.housekeeping import Housekeeping
from devtools.storage.lease import Lease
from devtools.storage.migrate import Migrations, Step
from devtools.storage.queries import DatabaseHistory, Total
from devtools.storage.snapshots import DatabaseSnapshots, key_of
from devtools.storage.sqlite import Sqlite
from devtools.storage.status import KindStatus, ProcessStatus, Removed, SchemaStatus, StoreStatus
from devtools.storage.writer import CLOSE_SECONDS, Writer
from devtools.telemetry.recorder import Recorder, Wake

PRUNED_AT_START = 10_000
"""Rows of a kind that may be removed before the app goes on starting; the rest follows in the background."""
COUNTS_SECONDS = 0.5
"""How long a question about behaviour waits for what this process has counted."""
CLOSING_SECONDS = 0.1
"""Kept of the time given to `close()` for what comes after waiting."""
COUNTED_TIMES = 100
LONGEST_COUNTED_SECONDS = 2.0
"""What was counted is used again for so many times as long as counting took: a hundredth of a processor at most."""

GIVEN_BY = {
    "argument": "the option database",
    "environment": "DEVTOOLS_DATABASE",
    "file": "pyproject.toml",
    "default": "default",
}
"""Where the setting came from, in words."""

logger = logging.getLogger("devtools")


class DatabaseStore:
    """The store of one database. Make it with `open()`; `start()` begins to write, `close()` ends it."""

    def __init__(self, database: Sqlite, lease: Lease, resolved: Resolved) -> None:
        self.database = database
        self.lease = lease
        self.settings = resolved.settings
        self.history = DatabaseHistory(database)
        self.snapshots = DatabaseSnapshots(database, max_snapshots=resolved.settings.max_snapshots)
        self.snapshot_version: Callable[[], int | None] = lambda: None
        """Gives the version of the structure that runs are under now. Set by the application."""
        self.on_new_file: Callable[[], None] = lambda: None
        """Called when the file in use was replaced by one that knows nothing of us. Set by the application."""
        self.recorder: Recorder | None = None
        self.writer: Writer | None = None
        self.housekeeping: Housekeeping | None = None
        self.follower: Follower | None = None
        self._limits = {record_type: retention_of(resolved, record_type.kind) for record_type in ALL}
        self._rollup_limits = retention_of(resolved, ROLLUP)
        self._why = f"{database.url}, given by {GIVEN_BY[resolved.origins['database']]}"
        self._told: list[str] = []
        self._unopened: DevToolsError | None = None
        self._anew: str | None = None
        """What to say of the file that took the place of the one in use, once it is open."""
        self._process: tuple[str, str, str | None] = ("", "", None)
        self._registered_as = 0
        self._await_no_record: Callable[[], None] = lambda: None
        """A forked child no longer begins to write with its first record."""
        self._totals: tuple[dict[type[Record], Total], float] = {}, 0.0
        """What was counted, and until when that is used again."""

    @classmethod
    def open(cls, resolved: Resolved, *, read_only: bool = False) -> "DatabaseStore":
        """Open the database of the settings, making directory, file and tables where they are missing.

        Raises ValidationError for a setting that cannot be used and MigrationError for a schema that cannot. A database that is
        locked, full or away is no error here: the store starts, says so in `status()`, and goes on by itself when it is back.
        Reading only, it makes nothing and raises UnavailableError instead.
        """
        configured = resolved.settings.database
        if configured is None:
            raise ValidationError(
                "There is no database to open: the setting database is unset.", field="database"
            )
        target = targets.parse(configured)
        database: Sqlite = targets.driver(target)(target, read_only=read_only)
        store = cls(database, Lease(database.lock_path), resolved)
        _stores.add(store)
        try:
            store._open()
        except (UnavailableError, BusyError) as error:
            if read_only:
                raise
            store._unopened = error
        return store

    def _open(self) -> None:
        told = self.database.open(self.lease, upgrade=self.settings.upgrade)
        if told is not None:
            self._tell(told)

    def _tell(self, told: str) -> None:
        if told not in self._told:
            self._told.append(told)
        logger.warning("%s.", told)

    # -- running

    def start(self, recorder: Recorder, app: str, role: str, version: str | None = None) -> None:
        """Register this process, follow the others, and write what is recorded from now on."""
        if self.database.read_only:
            raise UnavailableError(
                f"{self.database.url} was opened for reading only: nothing can be recorded in it."
            )
        self.recorder = recorder
        self._process = (app, role, version)
        recorder.queue = deque()
        if self._unopened is None:
            try:
                self._register()
                self._tidy_at_start()
            except (UnavailableError, BusyError, ConstraintError) as error:
                self._unopened = error
        self.follow(recorder)
        self._start_threads(recorder, self._unopened)

    def follow(self, recorder: Recorder) -> None:
        """Bring what other processes recorded into this recorder's rings, when somebody looks at them."""
        self.follower = Follower(self.database, recorder)

    def catch_up(self) -> None:
        """Wait until the rings hold what other processes had committed before this call."""
        if self.follower is not None:
            self.follower.catch_up()

    def watch(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` when records of other processes have come into the rings, until the answer is called."""
        return self.follower.watch(wake) if self.follower is not None else lambda: None

    def _start_threads(self, recorder: Recorder, failure: DevToolsError | None) -> None:
        self.housekeeping = Housekeeping(
            self.database,
            self.lease,
            self._limits,
            self._rollup_limits,
            self._is_open,
            self._say_seen,
            recorder.clocks.time_ns,
        )
        self.writer = Writer(
            self.database,
            recorder,
            stale=lambda: self._unopened is not None or self.database.replaced(),
            recover=self._recover,
            on_committed=self.housekeeping.committed,
            snapshot_version=lambda: self.snapshot_version(),
        )
        self.writer.start(failure)
        self.housekeeping.start()

    def _register(self) -> None:
        assert self.recorder is not None  # noqa: S101 - set by `start`
        processes.withdraw(self.database, self._registered_as)
        queue = self.recorder.queue
        waiting = (self.writer.pending if self.writer is not None else ()) or queue
        oldest_id = waiting[0].id if waiting else None
        now_ns = self.recorder.clocks.time_ns()
        given = processes.register(self.database, *self._process, now_ns, oldest_id)
        self._registered_as = given.process_id
        self.recorder.identify(given.process_id, above=given.greatest_id)

    def _is_open(self) -> bool:
        """Whether there is a file to keep in order; one that was removed is made again, also where nothing is recorded."""
        if self._unopened is None and self.database.replaced():
            if self.writer is not None:
                self.writer.wake()
            return False
        return self._unopened is None and self._registered_as != 0

    def _say_seen(self) -> None:
        assert self.recorder is not None  # noqa: S101 - set by `start`
        processes.seen(self.database, self._registered_as, *self._process, self.recorder.clocks.time_ns())

    def _tidy_at_start(self) -> None:
        if self.lease.try_acquire():
            assert self.recorder is not None  # noqa: S101 - set by `start`
            # What a killed process left is counted before any of it goes.
            recount.of_ended(self.database, self.recorder.clocks.time_ns())
            retention.by_rows(self.database, self._limits, most=PRUNED_AT_START)

    def _recover(self, failure: DevToolsError | None) -> None:
        """Open again where opening failed, the file is another one now, or it was found damaged."""
        fault = fault_of(failure) if failure is not None else None
        told = self.database.set_damaged_aside(self.lease) if fault == "damaged" else None
        if self._unopened is None and (fault in {"damaged", "missing"} or self.database.replaced()):
            self._unopened = UnavailableError(f"{self.database.url} is another file now, and not open yet.")
            self._anew = told or (
                f"{self.database.url} was removed or replaced while it was in use; records go into the file that is there now"
            )
        elif told is not None:
            self._tell(told)
        if self._unopened is None:
            return
        self.database.disconnect()
        if self._anew is not None:
            self.lease.release()  # its file may be another one, too
        self._open()
        self._register()
        if self.follower is not None:
            self.follower.begin_anew()
        self._unopened = None
        if self._anew is not None:
            self._begin_anew(self._anew)

    def _begin_anew(self, told: str) -> None:
        """The file knows nothing of what this process has counted, nor of its structure."""
        self._anew = None
        self._tell(told)
        assert self.writer is not None  # noqa: S101 - which calls this
        self.writer.rollups.clear()
        self.on_new_file()

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Wait until everything recorded before now is committed; False when that took longer.

        A store that was opened for reading has nothing to commit: True.
        """
        return self.writer is None or self.writer.flush(timeout)

    def await_own(self, timeout: float = 0.2) -> None:
        """Wait until what this process recorded before now can be read in `history`, at most `timeout` seconds."""
        self.flush(timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """Write what is queued and let go of the database, in at most `timeout` seconds; answers how many records were dropped."""
        _stores.discard(self)
        deadline = time.monotonic() + timeout - min(CLOSING_SECONDS, timeout / 10)
        dropped, ended = 0, True
        if self.housekeeping is not None:
            self.housekeeping.stop()
        if self.writer is not None:
            dropped = self.writer.close(max(0.0, deadline - time.monotonic()))
            ended = not self.writer.is_alive
        if self.housekeeping is not None:
            ended = self.housekeeping.close(max(0.0, deadline - time.monotonic())) and ended
        if self.follower is not None:
            ended = self.follower.close(max(0.0, deadline - time.monotonic())) and ended
        if self.recorder is not None:
            self.recorder.queue = None
        processes.withdraw(self.database, self._registered_as)
        self.lease.release()
        if ended:  # a thread that hangs in the database still holds its connection
            self.database.close(max(0.0, deadline - time.monotonic()))
        return dropped

    @property
    def cpu_seconds(self) -> float:
        """What our threads have used of the processor."""
        return sum(thread.cpu_seconds for thread in (self.writer, self.housekeeping) if thread is not None)

    # -- after a fork

    def before_fork(self) -> bool:
        """Keep writers out while the process is doubled."""
        return self.database.hold()

    def in_child(self) -> None:
        """Let go of what belongs to the parent. Threads and connections come with the child's first record."""
        self.database.abandon()
        self.lease.release()
        if self.follower is not None:
            self.follow(self.follower.recorder)
        if self.writer is None or self.recorder is None:
            return
        self.writer.forget()
        self._registered_as = 0
        self._unopened = UnavailableError(f"{self.database.url} is not open yet in this forked process.")
        recorder = self.recorder
        recorder.queue = deque()
        recorder.identify(0)

        def restart() -> None:
            self._await_no_record()
            self._start_threads(recorder, None)

        # A child of a child that recorded nothing: once is enough, or two writers would share the queue.
        self._await_no_record()
        self._await_no_record = recorder.on_wake(restart)
        recorder.arm()

    def behaviour(
        self, version: int, app: str | None = None, role: str | None = None
    ) -> Mapping[str, Behaviour]:
        """By element id, how every element behaved that ran under a version of the structure."""
        self._await_counts()
        with self.database.reading() as connection:
            return behaviour_queries.read(connection, version, *key_of(connection, app, role))

    def traffic(
        self, since_ns: int, app: str | None = None, role: str | None = None
    ) -> Mapping[str, Traffic]:
        """By element id, how often every element ran since the hour of a Unix time in nanoseconds began, and failed."""
        self._await_counts()
        with self.database.reading() as connection:
            return behaviour_queries.traffic(connection, since_ns, *key_of(connection, app, role))

    def _await_counts(self) -> None:
        if self.writer is not None:
            self.writer.flush(COUNTS_SECONDS, counts=True)

    # -- what it says about itself

    def status(self) -> StoreStatus:
        """Which store, and how it is."""
        failure = self.writer.failure if self.writer is not None else self._unopened
        if failure is None and self.housekeeping is not None:
            failure = self.housekeeping.failure
        return StoreStatus(
            kind=self.database.kind,
            url=self.database.url,
            why="; ".join([self._why, *self._told]),
            healthy=failure is None,
            last_error=str(failure) if failure is not None else None,
            size_bytes=self.database.size_bytes(),
            pragmas=self.database.pragmas,
            sqlite_version=self.database.version,
        )

    def kinds(self) -> Sequence[KindStatus]:
        """Every kind, in the order of `records.ALL`.

        Pages ask every second. What is in the database is counted again only after a hundred times as long as counting took, two
        seconds at most; after removing by hand at once. While the database cannot be read there are no counts of it.
        """
        totals = self._counted()
        return [self._kind(record_type, totals.get(record_type)) for record_type in ALL]

    def _counted(self) -> dict[type[Record], Total]:
        if self._is_closed_to_us:
            return {}
        totals, until = self._totals
        if (started := time.monotonic()) < until:
            return totals
        totals = {}
        with suppress(UnavailableError, BusyError, LimitExceededError):
            totals = self.history.totals()
        ended = time.monotonic()
        reused = min(LONGEST_COUNTED_SECONDS, (ended - started) * COUNTED_TIMES)
        self._totals = totals, ended + reused
        return totals

    @property
    def _is_closed_to_us(self) -> bool:
        """Whether another process kept us out from the start: reading would only wait for the lock again."""
        return isinstance(self._unopened, BusyError)

    def _kind(self, record_type: type[Record], total: Total | None) -> KindStatus:
        recorder = self.recorder
        ring = recorder.rings.of(record_type) if recorder is not None else None
        return KindStatus(
            record_type=record_type,
            kept=len(ring) if ring is not None else 0,
            evicted=ring.evicted if ring is not None else 0,
            dropped=recorder.dropped[record_type.kind] if recorder is not None else 0,
            stored=total.stored if total is not None else None,
            oldest_ms=total.oldest_ms if total is not None else None,
            newest_ms=total.newest_ms if total is not None else None,
            bytes=None,
        )

    def processes(self) -> Sequence[ProcessStatus]:
        """The processes that record here, newest first; none while the database cannot be read, which `status()` says."""
        if self._is_closed_to_us:
            return ()
        with suppress(UnavailableError, BusyError):
            return processes.listed(self.database)
        return ()

    def schema(self) -> SchemaStatus:
        """The state of the database's own schema."""
        version, pending = None, ()
        if not self._is_closed_to_us:
            with suppress(UnavailableError, BusyError), self.database.reading() as connection:
                migrations = Migrations(connection, self.database.url)
                version, pending = migrations.version(), migrations.pending()
        return SchemaStatus(
            version=version,
            pending=pending,
            lease_holder=self.lease.holder(),
            next_prune_ms=self.housekeeping.next_prune_ms() if self.housekeeping is not None else None,
            next_vacuum_ms=None,
        )

    def steps(self) -> Sequence[Step]:
        """Every migration that the code or the database knows, in order."""
        with self.database.reading() as connection:
            return Migrations(connection, self.database.url).steps()

    # -- removing

    def prune(self, record_type: type[Record] | None, older_than_ns: int | None) -> Sequence[Removed]:
        """Apply retention now, or remove what is strictly older than a Unix time in nanoseconds."""
        self.flush()
        recount.of_ended(self.database, time.time_ns())
        kinds = TELEMETRY if record_type is None else (record_type,)
        if older_than_ns is not None:
            return [self._remove_older(kind, older_than_ns) for kind in kinds]
        limits = {kind: self._limits[kind] for kind in kinds}
        by_rows = retention.by_rows(self.database, limits)
        by_age = retention.by_age(self.database, limits, time.time_ns(), automatic=False)
        self._totals = {}, 0.0
        return [Removed(kind, by_rows[kind] + by_age[kind]) for kind in kinds]

    def _remove_older(self, record_type: type[Record], limit_ns: int) -> Removed:
        removed = retention.older_than(self.database, record_type, limit_ns)
        self._totals = {}, 0.0
        if self.recorder is not None:
            self.recorder.rings.of(record_type).remove(lambda record: record.time_ns < limit_ns)
        return Removed(record_type, removed)

    def clear(self, record_type: type[Record] | None) -> Sequence[Removed]:
        """Remove every record of a kind, or of all telemetry."""
        if self.writer is not None:
            self.writer.flush(counts=True)
        return [self._clear(kind) for kind in (TELEMETRY if record_type is None else (record_type,))]

    def _clear(self, record_type: type[Record]) -> Removed:
        removed = retention.everything(self.database, record_type)
        if record_type is Run:
            retention.all_rollups(self.database)
        self._totals = {}, 0.0
        if self.recorder is not None:
            self.recorder.rings.of(record_type).clear()
        return Removed(record_type, removed)


_stores: "weakref.WeakSet[DatabaseStore]" = weakref.WeakSet()
_held: list[DatabaseStore] = []


def _before_fork() -> None:
    # No statement of ours may be under way: the child would inherit SQLite's own locks as they are.
    _held.extend(store for store in list(_stores) if store.before_fork())


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().database.let_go()


def _after_fork_in_child() -> None:
    _held.clear()
    for store in list(_stores):
        store.in_child()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
)
