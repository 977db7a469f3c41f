"""What one process does for a database now and then: checkpoints, retention, a sign of life. Called by the store."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from devtools.errors import DevToolsError, UnavailableError
from devtools.records import NANOSECONDS_PER_MILLISECOND, Record
from devtools.settings import Retention
from devtools.storage import commits, processes, recount, retention
from devtools.storage.lease import Lease
from devtools.storage.sqlite import LogFile, Sqlite
from devtools.telemetry.context import internal

TICK_SECONDS = 1.0
"""How often the lease is asked for: a dead holder is followed within this time."""
SEEN_SECONDS = 10.0
RECOUNT_SECONDS = 10.0
ROWS_SECONDS = 10.0
PROCESSES_SECONDS = 600.0
AGE_SECONDS = 3_600.0
RETRY_SECONDS = 10.0
"""The longest until failed work is tried again; sooner once the writer could write."""
ROWS_PER_CHECKPOINT = 1_000
LOG_BYTES_PER_CHECKPOINT = 4_000_000
"""The log of all processes together, where others write as well."""

Work = Callable[[], object]

logger = logging.getLogger("devtools")


class Housekeeping:
    """The housekeeping thread of one store. Every process says that it lives; the holder of the lease does the rest."""

    def __init__(
        self,
        database: Sqlite,
        lease: Lease,
        limits: Mapping[type[Record], Retention],
        rollup_limits: Retention,
        is_open: Callable[[], bool],
        say_seen: Work,
        time_ns: Callable[[], int],
    ) -> None:
        self.database = database
        self.lease = lease
        self.limits = limits
        self.rollup_limits = rollup_limits
        self.cpu_seconds = 0.0
        self.checkpoints = 0
        self.failure: DevToolsError | None = None
        """Why some of the work is put off; None while all of it is done."""
        self._is_open = is_open
        self._say_seen = say_seen
        self._time_ns = time_ns
        self._committed = 0
        self._checkpointed = 0
        self._log: LogFile | None = None
        self._due: dict[Work, tuple[float, float]] = {}
        self._failed: dict[Work, DevToolsError] = {}
        self._is_writable_again = False
        self._signal = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        now = time.monotonic()
        self._due = {
            self._say_seen: (now + SEEN_SECONDS, SEEN_SECONDS),
            self._recount: (now, RECOUNT_SECONDS),
            self._prune_rows: (now, ROWS_SECONDS),
            self._prune_commits: (now + ROWS_SECONDS, ROWS_SECONDS),
            self._prune_age: (now, AGE_SECONDS),
            self._prune_processes: (now + ROWS_SECONDS, PROCESSES_SECONDS),
        }
        self._thread = threading.Thread(target=self._run, name="devtools-housekeeping", daemon=True)
        self._thread.start()

    def committed(self, rows: int) -> None:
        """The writer stored so many rows."""
        self._committed += rows
        self._is_writable_again = True
        if self._waiting_rows >= ROWS_PER_CHECKPOINT and self.lease.held:
            self._signal.set()

    def next_prune_ms(self) -> float | None:
        """Unix milliseconds of the next pass of retention by this process; None where another holds the lease."""
        if not self.lease.held or self._prune_rows not in self._due:
            return None
        wait = self._due[self._prune_rows][0] - time.monotonic()
        return self._time_ns() / NANOSECONDS_PER_MILLISECOND + max(0.0, wait) * 1_000

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopping = True
        self._signal.set()

    def close(self, timeout: float) -> bool:
        """Wait until the thread has ended; False when it hangs in the database."""
        self.stop()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        internal.set(True)
        while not self._stopping:
            self._tick()
            self.cpu_seconds = time.thread_time()
            self._signal.wait(TICK_SECONDS)
            if not self._stopping:
                self._signal.clear()

    def _tick(self) -> None:
        if not self._is_open():
            return  # the database could not be opened yet, which the writer tells of
        retry, self._is_writable_again = self._is_writable_again, False
        self._attempt(self._ask_for_lease)
        now = time.monotonic()
        for work, (due, interval) in list(self._due.items()):
            is_due = due <= now or (retry and work in self._failed)
            if is_due and not self._stopping and (self.lease.held or work == self._say_seen):
                self._due[work] = (now + interval, interval)
                if not self._attempt(work):
                    self._due[work] = (time.monotonic() + min(interval, RETRY_SECONDS), interval)
        if self.lease.held and self._is_log_long():
            self._attempt(self._checkpoint)

    def _attempt(self, work: Work) -> bool:
        try:
            work()
        except Exception as error:  # the border: whatever happens, the thread lives on
            self._put_off(work, error)
            return False
        if self._failed.pop(work, None) is not None and not self._failed:
            logger.warning("Housekeeping of %s goes on again.", self.database.url)
        self.failure = next(iter(self._failed.values()), None)
        return True

    def _put_off(self, work: Work, error: Exception) -> None:
        if not isinstance(error, DevToolsError):
            error = UnavailableError(f"{self.database.url} cannot be kept in order: {error!r}.")
        if not self._failed:
            logger.warning("Housekeeping of %s was put off: %s", self.database.url, error)
        self._failed[work] = self.failure = error

    @property
    def _waiting_rows(self) -> int:
        return self._committed - self._checkpointed

    def _is_log_long(self) -> bool:
        log = self.database.log()
        return self._waiting_rows >= ROWS_PER_CHECKPOINT or (
            log.size > LOG_BYTES_PER_CHECKPOINT and log != self._log
        )

    def _ask_for_lease(self) -> None:
        self.lease.try_acquire()

    def _checkpoint(self) -> None:
        committed = self._committed
        self.database.checkpoint()
        self.checkpoints += 1
        self._checkpointed = committed
        self._log = self.database.log()

    def _recount(self) -> None:
        recount.of_ended(self.database, self._time_ns())

    def _prune_rows(self) -> None:
        retention.by_rows(self.database, self.limits)

    def _prune_commits(self) -> None:
        commits.prune(self.database)

    def _prune_age(self) -> None:
        retention.by_age(self.database, self.limits, self._time_ns())
        retention.rollups_by_age(self.database, self.rollup_limits, self._time_ns())

    def _prune_processes(self) -> None:
        processes.prune(self.database, self._time_ns())
