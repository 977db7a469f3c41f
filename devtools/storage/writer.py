"""Moves records from the recorder's queue into the database: one thread, many rows a transaction. Called by the store."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from devtools.errors import ConstraintError, DevToolsError, UnavailableError
from devtools.records import Record
from devtools.storage.commits import CommitNotes
from devtools.storage.insert import Insertions
from devtools.storage.rollups import Rollups
from devtools.storage.sqlite import Sqlite
from devtools.telemetry.context import internal
from devtools.telemetry.identifiers import SLOTS
from devtools.telemetry.recorder import Recorder

GATHER_SECONDS = 0.03
"""How long the first record waits for others: a transaction costs as much as twenty rows."""
IDLE_SECONDS = 60.0
ROLL_UP_SECONDS = 2.0
"""How often counts are written while nobody asks for them."""
BATCH = 2_048
FIRST_BACK_OFF_SECONDS = 0.05
LONGEST_BACK_OFF_SECONDS = 2.0
CLOSE_SECONDS = 5.0

Recover = Callable[[DevToolsError | None], None]

logger = logging.getLogger("devtools")


class Writer:
    """The writing thread of one store.

    `recover` is called before each attempt after a failure, with what failed, and with None when the database is `stale`; it may
    raise. `on_committed` gets the number of rows after each transaction. `snapshot_version` is what runs are under now.
    """

    def __init__(
        self,
        database: Sqlite,
        recorder: Recorder,
        *,
        stale: Callable[[], bool],
        recover: Recover,
        on_committed: Callable[[int], None],
        snapshot_version: Callable[[], int | None],
    ) -> None:
        self.database = database
        self.recorder = recorder
        self.failure: DevToolsError | None = None
        """Why the last attempt failed; None while all is well."""
        self.written = 0
        self.conflicts = 0
        """Rows whose id was in the table already."""
        self.refused = 0
        """Rows that the database does not take."""
        self.cpu_seconds = 0.0
        """What this thread has used of the processor."""
        self._stale = stale
        self._recover = recover
        self._on_committed = on_committed
        self._snapshot_version = snapshot_version
        self._insertions = Insertions(database.conflict_clause, database.max_parameters)
        self._notes = CommitNotes()
        self.rollups = Rollups()
        self._roll_up_at = 0.0
        self._counts_asked = False
        self._pending: list[Record] = []
        self._busy = False
        self._asked: deque[threading.Event] = deque()
        self._promised: list[threading.Event] = []
        self._signal = threading.Event()
        self._hurry = threading.Event()
        self._give_up_at: float | None = None
        self._back_off = FIRST_BACK_OFF_SECONDS
        self._running = False
        self._thread: threading.Thread | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def unwritten(self) -> int:
        """Records that wait to be written."""
        return len(self._pending) + len(self.recorder.queue or ())

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs; after `close()`, that it hangs in the database."""
        return self._running

    def start(self, failure: DevToolsError | None = None) -> None:
        """Begin; what is queued already is written first. `failure`: the database could not be opened yet."""
        if failure is not None:
            self._failed(failure)
        self._unsubscribe = self.recorder.on_wake(self._signal.set)
        self._running = True
        self._thread = threading.Thread(target=self._run, name="devtools-writer", daemon=True)
        self._thread.start()

    def flush(self, timeout: float = CLOSE_SECONDS, *, counts: bool = False) -> bool:
        """Wait until everything recorded before this call is committed; False when that took longer.

        With `counts` the rollups of it, too.
        """
        # `_busy` is set before a record leaves the queue: an empty queue and an idle writer mean that all is committed.
        is_idle = not self.recorder.queue and not self._busy and not (counts and self.rollups.pending)
        if self._thread is None or is_idle:
            return self.unwritten == 0
        self._counts_asked = self._counts_asked or counts
        done = threading.Event()
        self._asked.append(done)
        self._call()
        return done.wait(timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """Write what is queued and stop, in at most `timeout` seconds; answers how many records had to be dropped."""
        thread, self._thread = self._thread, None
        self._unsubscribe()
        if thread is None:
            return 0
        self._give_up_at = time.monotonic() + timeout
        self._call()
        thread.join(timeout)
        lost = [*self._pending, *(self.recorder.queue or ())]
        for record in lost:
            self.recorder.dropped[record.kind] += 1
        if lost:
            logger.warning(
                "%d records could not be stored before the end: %s",
                len(lost),
                self.failure or "time ran out.",
            )
        return len(lost)

    def forget(self) -> None:
        """In a forked child, where the thread does not exist: what is queued is the parent's to write."""
        self._unsubscribe()
        self.rollups.clear()
        self._thread = None

    @property
    def pending(self) -> Sequence[Record]:
        """What was taken from the queue and is not committed yet."""
        return self._pending

    def wake(self) -> None:
        """Look after the database now, also where nothing waits."""
        self._signal.set()

    def _call(self) -> None:
        self._hurry.set()
        self._signal.set()

    # -- the thread

    def _run(self) -> None:
        internal.set(True)
        ended = False
        while not ended:
            ending = self._give_up_at
            self._attempt()
            self.cpu_seconds = time.thread_time()
            if ending is not None and (self.failure is None or time.monotonic() >= ending):
                ended = True
            elif self.failure is None:
                self._await_records()
            else:
                self._await_retry()
        self._running = False

    def _attempt(self) -> None:
        try:
            if self.failure is not None or self._stale():
                self._recover(self.failure)
            self._drain()
        except DevToolsError as error:
            self._failed(error)
        except Exception as error:  # the border: whatever happens, the thread lives on
            self._failed(UnavailableError(f"{self.database.url} cannot be written: {error!r}."))
        else:
            self._succeeded()

    def _failed(self, error: DevToolsError) -> None:
        if self.failure is None:
            logger.warning("%s The newest records are kept in memory meanwhile.", error)
        self.failure = error

    def _succeeded(self) -> None:
        if self.failure is not None:
            logger.warning("%s is written again.", self.database.url)
            self.failure = None
            self._back_off = FIRST_BACK_OFF_SECONDS
        for done in self._promised:
            done.set()
        self._promised.clear()

    def _drain(self) -> None:
        """Store what is queued now. Who asked before this began has waited long enough when it ends."""
        while self._asked:
            self._promised.append(self._asked.popleft())
        left = len(self.recorder.queue or ())
        if self._pending:
            self._pending = self._identified(self._pending)
            self._store()
        while left > 0:
            self._busy = True
            batch = self.recorder.take(min(BATCH, left))
            left -= len(batch)
            self._pending = self._identified(batch)
            self._store()
        self._roll_up()
        self._busy = False

    def _roll_up(self) -> None:
        """Write what was counted, when somebody asks for it, at the end, and every few seconds."""
        is_due = self._counts_asked or self._give_up_at is not None or time.monotonic() >= self._roll_up_at
        if not self.rollups.pending or not is_due:
            return
        self._counts_asked = False
        with self.database.writing() as connection:
            self.rollups.write(connection)
        self.rollups.clear()
        self._roll_up_at = time.monotonic() + ROLL_UP_SECONDS

    def _identified(self, batch: list[Record]) -> list[Record]:
        """The batch with this process's key, also in what was recorded before this database had given it."""
        key = self.recorder.process_id
        return [
            record
            if record.process_id == key or not key
            else msgspec.structs.replace(record, process_id=key, id=record.id & -SLOTS | key % SLOTS)
            for record in batch
        ]

    def _store(self) -> None:
        batch, version = self._pending, self._snapshot_version()
        stored: Sequence[Record] = batch
        try:
            with self.database.writing() as connection:
                inserted = self._insertions.store(connection, batch, version)
                self._notes.add(connection, batch)
                self.rollups.reopen(connection, self.recorder.process_id)
        except Exception as error:
            if isinstance(error, DevToolsError) and not isinstance(error, ConstraintError):
                raise
            stored = self._store_each(batch, version, error)
            inserted = len(stored)
        else:
            # After a failure the batch may have been committed in spite of it: then its rows are there already.
            if inserted != len(batch) and self.failure is None:
                self._count_conflicts(len(batch) - inserted)
        self._pending = []
        self.rollups.count(stored, version)
        self.written += inserted
        self._on_committed(inserted)

    def _store_each(self, batch: list[Record], version: int | None, error: Exception) -> Sequence[Record]:
        """A value in the batch cannot be stored: leave out that record alone. Answers the others."""
        with self.database.writing() as connection:
            refused = self._insertions.store_each(connection, batch, version)
            self._notes.add(connection, batch)
            self.rollups.reopen(connection, self.recorder.process_id)
        if not self.refused:
            logger.warning("A record cannot be stored and is left out: %s Counted from now on.", error)
        self.refused += len(refused)
        for record in refused:
            self.recorder.dropped[record.kind] += 1
        out = {record.id for record in refused}
        return [record for record in batch if record.id not in out]

    def _count_conflicts(self, count: int) -> None:
        if not self.conflicts:
            logger.warning("%d records have an id that another record has and are not stored.", count)
        self.conflicts += count

    def _await_records(self) -> None:
        self.recorder.arm()
        if not self.recorder.queue and not self._asked and self._give_up_at is None:
            self._signal.wait(ROLL_UP_SECONDS if self.rollups.pending else IDLE_SECONDS)
        self._signal.clear()
        if self.recorder.queue:
            self._hurry.wait(GATHER_SECONDS)
        self._hurry.clear()

    def _await_retry(self) -> None:
        self._hurry.wait(self._back_off if self._give_up_at is None else FIRST_BACK_OFF_SECONDS)
        self._hurry.clear()
        self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF_SECONDS)
