"""The only way in: guards a fact and keeps it. A fact becomes a record when somebody reads: a query, a stream, the writer.

On the app's hot path: no I/O, no lock shared with I/O, and nothing is ever raised into the app.
"""

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from itertools import islice, repeat, starmap
from typing import TYPE_CHECKING, Any, TypeVar

from devtools.errors import UnavailableError
from devtools.records import ALL, Level, Log, Record, Run, RunStatus, fields_of
from devtools.telemetry.context import current, internal
from devtools.telemetry.cost import SAMPLE_MASK, Cost
from devtools.telemetry.facts import LineFields, LogFact
from devtools.telemetry.identifiers import EPOCH_NS, SLOT_BITS, SLOTS, Clocks, SystemClocks, first_id, reseed
from devtools.telemetry.payload import PayloadGuard
from devtools.telemetry.ring import Rings

if TYPE_CHECKING:
    from devtools.telemetry.runs import ActiveRun

R = TypeVar("R", bound=Record)
Callback = Callable[[Record], object]
Wake = Callable[[], None]

CAPACITY = 10_000
"""Records of a kind that are kept in memory unless somebody wants more."""
QUEUE_LIMIT = 50_000
UNREAD = 500
"""Facts that may wait for a writer before the app's own thread makes records of them."""
HOLD_SECONDS = 1.0
"""How long a fork waits for records that are being made."""
_STEP = 1 << SLOT_BITS

logger = logging.getLogger("devtools")

_current, _is_internal = current.get, internal.get


class Recorder:
    """Keeps the newest records of every kind and queues them for the writer where there is one.

    `capacity` is records per kind. Ids increase strictly, in the order in which facts came, over all kinds.
    """

    def __init__(
        self,
        *,
        capacity: int = CAPACITY,
        clocks: Clocks | None = None,
        guard: PayloadGuard | None = None,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self.clocks = clocks or SystemClocks()
        self.monotonic_ns = self.clocks.monotonic_ns
        self.guard = guard or PayloadGuard()
        self.rings = Rings(capacity, self.settle, lambda: self._lock)
        self.running: dict[int, ActiveRun] = {}
        self.queue_limit = queue_limit
        self.paused = False
        self.process_id = 0
        self.dropped: dict[str, int] = {record_type.kind: 0 for record_type in ALL}
        """Records lost per kind: the queue was full, or the guard failed."""
        self.callback_failures = 0
        self.wake_failures = 0
        self.cost = Cost()
        self._slot = 0
        self._last = 0
        self._time_ns = self.clocks.time_ns
        self._clean = self.guard.clean
        self._capacity = capacity
        self._queue: deque[Record] | None = None
        self._runs: deque[ActiveRun] = deque()
        self._logs: deque[LineFields] = deque()
        self._lock = threading.RLock()
        self._is_settling = False
        self._callbacks: tuple[Callback, ...] = ()
        self._wakes: tuple[Wake, ...] = ()
        self._armed = False
        self._room = 0
        """More facts than this and `_attend` is called: -1 while somebody wants to hear of the next one at once."""
        self._set_room()
        _recorders.add(self)

    # Facts come in

    def log(
        self,
        level: Level,
        message: str,
        source_id: str | None = None,
        data: object = None,
        location: str | None = None,
    ) -> None:
        """Keep one line of a log: the short way in."""
        if self.paused or _is_internal():
            return
        if type(message) is not str or message not in self._clean:
            message = self.guard.text(message)
        if data is not None:
            data = self.guard.json(data)
        logs, time_ns = self._logs, self._time_ns
        logs.append((time_ns(), level, message, source_id, _current(), data, location))
        if len(logs) > self._room:
            self._attend()

    def end(self, run: "ActiveRun", status: RunStatus) -> None:
        """End a run and keep it, its details guarded. It stays the current one: `runs.finish` and who follows it change that."""
        # Taken first: called as `self.…`, what an instance holds costs twice as much.
        monotonic_ns, time_ns, runs, run_id = self.monotonic_ns, self._time_ns, self._runs, run.run_id
        ended = monotonic_ns()
        run.started = ended - run.started
        run.status = status
        self.running.pop(run_id, None)
        if self.paused:
            return
        run.time_ns = time_ns()
        runs.append(run)
        if len(runs) > self._room:
            self._attend()
        if not run_id & SAMPLE_MASK:
            self.cost.add(monotonic_ns() - ended)

    def record(self, record_type: type[R], **fields: Any) -> R | None:  # Any: the fields of the kind
        """Keep one fact of any kind and answer its record. `id` is given here, and `time_ns` unless the caller knows better.

        Correlation id and run id come from the current run unless given. Answers None when nothing is recorded: paused, or our own
        work, or the payload could not be guarded.
        """
        if self.paused or _is_internal():
            return None
        try:
            for name, is_json in _guarded(record_type):
                value = fields.get(name)
                if value is not None:
                    fields[name] = self.guard.json_text(value) if is_json else self.guard.text(value)
            run = _current()
            if run is not None and "correlation_id" not in fields:
                fields["correlation_id"] = run.correlation_id
                fields.setdefault("run_id", run.run_id)
            record = self._keep(record_type, fields)
        except Exception:
            self.dropped[record_type.kind] += 1
            return None
        self._wake()
        return record

    def write(self, record_type: type[R], **fields: Any) -> R:  # Any: the fields of the kind
        """Keep what somebody states, also while paused and in our own work. `flush` of the store says when it is stored.

        Raises UnavailableError when there is no room for it: it is never dropped in silence.
        """
        queue = self._queue
        if queue is not None and len(queue) >= self.queue_limit:
            raise UnavailableError(
                f"The {record_type.kind} entry cannot be stored: {self.queue_limit:,} records wait for the database already."
            )
        record = self._keep(record_type, fields)
        self._wake()
        return record

    def _keep(self, record_type: type[R], fields: dict[str, Any]) -> R:
        with self._lock:
            made = self._settle()
            now = self._time_ns()
            fields.setdefault("time_ns", now)
            record = record_type(id=self._next_id(now), process_id=self.process_id, **fields)
            self._add(record)
            made.append(record)
        self._call_back(made)
        return record

    def _attend(self) -> None:
        """Somebody wants to hear of the next fact, or too much is unread."""
        self._wake()
        if self._callbacks or (self._queue is not None and len(self._runs) + len(self._logs) > UNREAD):
            self.settle()
        elif self._queue is None:
            self._drop_unread()

    def _drop_unread(self) -> None:
        """Nobody reads: the oldest facts go, as they would from the ring."""
        if max(len(self._runs), len(self._logs)) <= self._most_unread():
            return
        with self._lock:
            for kind, facts in ((Run, self._runs), (Log, self._logs)):
                beyond = max(0, len(facts) - self._capacity)
                if beyond:
                    deque(starmap(facts.popleft, repeat((), beyond)), maxlen=0)
                    self.rings.of(kind).unread(beyond, self._last + 1)

    def _wake(self) -> None:
        if self._armed:
            self._armed = False
            self._set_room()
            for wake in self._wakes:
                self._wake_one(wake)

    def _wake_one(self, wake: Wake) -> None:
        try:
            wake()
        except RuntimeError:  # an event loop that closes, a thread that cannot be started
            self.wake_failures += 1

    def _set_room(self) -> None:
        self._room = -1 if self._armed or self._callbacks else self._most_unread()

    # Facts become records

    def settle(self) -> None:
        """Make records of all facts, oldest first. Whoever reads calls this first."""
        # While another thread settles, the last fact stands neither among the facts nor in its ring: wait for it.
        if not self._runs and not self._logs and not self._is_settling:
            return
        with self._lock:
            made = self._settle()
        self._call_back(made)

    def _settle(self) -> list[Record]:
        made: list[Record] = []
        # A signal handler or `__del__` may come in between on this thread: it leaves the facts to us.
        if self._is_settling:
            return made
        self._is_settling = True
        try:
            for _ in range(len(self._runs) + len(self._logs)):
                try:
                    fact = self._oldest()
                except IndexError:  # a signal handler made room meanwhile
                    break
                try:
                    record = fact.to_record(self._next_id(fact.time_ns), self.process_id)
                except Exception:
                    self.dropped["log" if isinstance(fact, LogFact) else "run"] += 1
                    continue
                self._add(record)
                made.append(record)
        finally:
            self._is_settling = False
        return made

    def _oldest(self) -> "LogFact | ActiveRun":
        runs, logs = self._runs, self._logs
        if runs and (not logs or runs[0].time_ns < logs[0][0]):
            return runs.popleft()
        return LogFact._make(logs.popleft())

    def _next_id(self, time_ns: int) -> int:
        # No call between reading and writing `_last`: a signal handler cannot come in between.
        identifier = (time_ns - EPOCH_NS) // 1_000 << SLOT_BITS
        if identifier < self._last + _STEP:
            identifier = self._last + _STEP
        self._last = identifier = identifier & -_STEP | self._slot
        return identifier

    def _add(self, record: Record) -> None:
        ring = self.rings.of(type(record))
        ring.append(record)
        ring.recorded += 1
        queue = self._queue
        if queue is not None:
            if len(queue) >= self.queue_limit:
                self.dropped[record.kind] += 1
            else:
                queue.append(record)

    # Readers

    @property
    def queue(self) -> deque[Record] | None:
        """What the writer has not taken yet; None where no database is configured."""
        if self._queue is not None:
            self.settle()
        return self._queue

    @queue.setter
    def queue(self, queue: deque[Record] | None) -> None:
        self.settle()
        self._queue = queue
        self._set_room()

    @property
    def is_at_hand(self) -> bool:
        """Whether the newest records are read in a millisecond: few facts are unread, and no more records are kept than usual."""
        return len(self._runs) + len(self._logs) <= UNREAD and self._capacity <= CAPACITY

    def _most_unread(self) -> int:
        return self._capacity + self._capacity // 8 if self._queue is None else UNREAD

    def hold(self) -> bool:
        """Let no other thread make records while the process is doubled; False when one would not end soon."""
        return self._lock.acquire(timeout=HOLD_SECONDS)

    def let_go(self) -> None:
        """The end of `hold()`."""
        self._lock.release()

    def begin_anew(self) -> None:
        """Forget what only another process can go on with. Called in a child after a fork."""
        self._lock = threading.RLock()
        self._is_settling = False
        self._runs.clear()
        self._logs.clear()
        self.running.clear()
        self.rings.begin_anew()

    def identify(self, process_id: int, *, above: int = 0) -> None:
        """Use this key of the process from now on; ids start above the greatest one already stored."""
        self.settle()
        self.process_id = process_id
        self._slot = process_id % SLOTS
        self._last = max(self._last, above)

    def horizon(self) -> int:
        """The newest id given. Every record up to it stands in its ring."""
        with self.still() as newest:
            return newest

    @contextmanager
    def still(self) -> Generator[int]:
        """Let no record be made meanwhile. Gives the newest id: every record up to it stands in its ring or was dropped from it."""
        self.settle()
        with self._lock:
            yield self._last or first_id(self.clocks.time_ns()) - 1

    def take(self, limit: int) -> list[Record]:
        """Up to `limit` queued records, oldest first, and off the queue."""
        queue = self.queue
        if not queue:
            return []
        batch = (
            list(islice(queue, limit)) if len(queue) <= limit else [queue[index] for index in range(limit)]
        )
        for _ in batch:
            queue.popleft()
        return batch

    def on_wake(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` once for the first fact after each `arm()`. It must not block. Answers how to stop that."""
        self._wakes = (*self._wakes, wake)

        def stop() -> None:
            self._wakes = tuple(other for other in self._wakes if other is not wake)

        return stop

    def arm(self) -> None:
        """Ask for one wake at the next fact. A reader calls this when it has nothing left to do."""
        self._armed = True
        self._set_room()

    def on_record(self, callback: Callback) -> Callable[[], None]:
        """Call back with every record from now on. Answers how to unsubscribe. A callback that raises disturbs nobody."""
        self.settle()
        self._callbacks = (*self._callbacks, callback)
        self._set_room()

        def unsubscribe() -> None:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)
            self._set_room()

        return unsubscribe

    def _call_back(self, made: list[Record]) -> None:
        for callback in self._callbacks:
            token = internal.set(True)
            try:
                for record in made:
                    self._call_one(callback, record)
            finally:
                internal.reset(token)

    def _call_one(self, callback: Callback, record: Record) -> None:
        try:
            callback(record)
        except Exception:
            if not self.callback_failures:
                logger.warning("An on_record callback raised; counted from now on.", exc_info=True)
            self.callback_failures += 1


@cache
def _guarded(record_type: type[Record]) -> tuple[tuple[str, bool], ...]:
    """The fields to guard, and whether they hold JSON."""
    return tuple(
        (field.name, field.column.json)
        for field in fields_of(record_type)
        if field.column.guard and field.parent is None
    )


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()
_held: dict[int, list[Recorder]] = {}
"""What each thread that forks now holds."""


def _before_fork() -> None:
    # No record may be half made: the child would go on with what is between a ring, its counts and the queue.
    held = _held.setdefault(threading.get_ident(), [])
    held.extend(recorder for recorder in tuple(_recorders) if recorder.hold())


def _after_fork_in_parent() -> None:
    for recorder in _held.pop(threading.get_ident(), ()):
        recorder.let_go()


def _after_fork_in_child() -> None:
    # The lock may be held by a thread that the child does not have; unread facts are the parent's to record.
    _held.clear()
    for recorder in tuple(_recorders):
        recorder.begin_anew()
    reseed()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
)
