"""Brings what other processes record into this one's memory, so that `live` looks the same from each. Called by the store.

One thread, started when somebody first looks: it reads when asked (`catch_up`), and again and again while somebody watches.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

from devtools.errors import DevToolsError, UnavailableError
from devtools.storage.commits import Commits
from devtools.storage.sqlite import Sqlite
from devtools.telemetry.context import internal
from devtools.telemetry.recorder import Recorder, Wake

POLL_SECONDS = 0.02
"""Between two looks while somebody watches."""
RETRY_SECONDS = 1.0
"""After a look that failed."""
CATCH_UP_SECONDS = 2.0
"""How long a reader waits for a look. Memory answers then as it is."""

logger = logging.getLogger("devtools")


class Follower:
    """Follows the other processes of one database."""

    def __init__(self, database: Sqlite, recorder: Recorder) -> None:
        self.recorder = recorder
        self.failure: DevToolsError | None = None
        """Why the last look failed; None while all is well."""
        self._database = database
        self._commits = Commits(database, recorder.rings.capacity)
        self._cursor: int | None = None
        self._watchers: tuple[Wake, ...] = ()
        self._asked: deque[threading.Event] = deque()
        self._signal = threading.Event()
        self._lock = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def catch_up(self, timeout: float = CATCH_UP_SECONDS) -> None:
        """Wait until memory holds what others had committed before this call, at most `timeout` seconds."""
        done = threading.Event()
        self._asked.append(done)
        if self._go() and self.failure is None:
            done.wait(timeout)

    def watch(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` whenever records of others have come, until the answer is called."""
        self._watchers = (*self._watchers, wake)
        self._go()

        def stop() -> None:
            self._watchers = tuple(other for other in self._watchers if other is not wake)

        return stop

    def begin_anew(self) -> None:
        """The database is another one now: read all of it."""
        self._cursor = None

    def close(self, timeout: float) -> bool:
        """End the thread; False when it hangs in the database."""
        with self._lock:
            self._stopping = True
        self._signal.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _go(self) -> bool:
        """Let the thread look now, starting it where there is none. False once it has been closed."""
        with self._lock:
            if self._stopping:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="devtools-follower", daemon=True)
                self._thread.start()
        self._signal.set()
        return True

    def _run(self) -> None:
        internal.set(True)
        while not self._stopping:
            self._signal.clear()
            asked = [self._asked.popleft() for _ in range(len(self._asked))]
            self._attempt()
            for done in asked:
                done.set()
            self._rest()

    def _rest(self) -> None:
        if self.failure is not None and self._watchers:
            self._signal.wait(RETRY_SECONDS)
        else:
            self._signal.wait(POLL_SECONDS if self._watchers else None)

    def _attempt(self) -> None:
        try:
            self._look()
        except DevToolsError as error:
            self._failed(error)
        except Exception as error:  # the border: whatever happens, the thread lives on
            self._failed(UnavailableError(f"{self._database.url} cannot be followed: {error!r}."))
        else:
            self.failure = None

    def _failed(self, error: DevToolsError) -> None:
        if self.failure is None and not self._stopping:
            logger.warning("%s What other processes record is not followed meanwhile.", error)
        self.failure = error

    def _look(self) -> None:
        if self._cursor == self._commits.newest():
            return
        rings = self.recorder.rings
        found = self._commits.since(self._cursor, rings.heads, lambda: self.recorder.process_id)
        rings.join(found.records, found.lost, found.heads)
        self._cursor = found.cursor
        if any(found.records.values()):
            for wake in self._watchers:
                wake()
