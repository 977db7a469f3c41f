"""Live followers of the records. A subscriber is a cursor, not a queue: it holds a position and reads what came since.

The first record wakes it at once; after that it reads every `INTERVAL` seconds while records come. What the ring has dropped in the
meantime comes from the database, or is named as a gap.
"""

import asyncio
import base64
import binascii
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter, itemgetter
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import msgspec

from devtools.errors import LimitExceededError, UnavailableError, ValidationError
from devtools.records import Record
from devtools.telemetry.filters import Filter, matcher
from devtools.telemetry.identifiers import first_id
from devtools.telemetry.pages import History, Order, PageRequest
from devtools.telemetry.recorder import Recorder, Wake
from devtools.telemetry.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 4
"""Followers that may read the database at once."""
INTERVAL = 0.05
"""Seconds between two batches of one subscriber."""
FLUSH_SECONDS = 1.0
"""How long a late follower waits for the writer before it is told of a gap."""
BATCH = 2_000
"""Most records of one kind in one batch that is read from the database."""
PROCESSES = 100
"""Processes that a position tells apart: so many at most write at the same time, the others have ended."""

Filters = Mapping[type[Record], Filter]
"""The kinds to follow, with which records of each."""


class Position(msgspec.Struct, frozen=True):
    """What a subscriber has seen: everything up to `floor`, and of each process in `seen` everything up to its id."""

    floor: int
    seen: dict[int, int] = {}

    def has(self, record: Record) -> bool:
        """Whether this record came before the position."""
        return record.id <= self.start(record.process_id)

    def start(self, process_id: int) -> int:
        """The id up to which everything of a process has been seen."""
        return self.seen.get(process_id, self.floor)

    def advance(self, heads: Mapping[int, int]) -> "Position":
        """The position after everything of these processes up to their ids."""
        later = {process: newest for process, newest in heads.items() if newest > self.start(process)}
        if not later:
            return self
        seen = sorted({**self.seen, **later}.items(), key=itemgetter(1))
        ended, living = seen[:-PROCESSES], seen[-PROCESSES:]
        return Position(max(self.floor, *(newest for _, newest in ended), 0), dict(living))

    def encode(self) -> str:
        """The opaque text a client sends back to resume."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Position":
        """The position behind a text. Raises ValidationError for anything `encode` did not make."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(raw, type=cls)
        except (binascii.Error, UnicodeError, ValueError, msgspec.DecodeError):
            raise ValidationError(
                f"{text[:100]!r} is not a position. Pass `position` of an earlier batch.",
                field="since",
                value=text,
            ) from None


@dataclass(frozen=True)
class Gap:
    """Records between these ids (both excluded) were dropped before they could be read."""

    from_id: int
    to_id: int


@dataclass(frozen=True)
class Batch:
    """What came since the last one, oldest first, and the position after it."""

    records: list[Record]
    position: Position
    gap: Gap | None = None


@dataclass
class Subscribers:
    """All live followers of this process. `stop` ends them, so that no stream keeps the server from exiting."""

    recorder: Recorder
    history: History
    limit: int = 100
    flush: Callable[[float], bool] = lambda _: True
    """Waits until what this process recorded can be read in `history`, at most so many seconds; answers whether it can."""
    watch: Callable[[Wake], Callable[[], None]] = lambda _: lambda: None
    """Calls back when records of other processes have come into the rings, until its answer is called."""
    stopped: bool = False
    """A plain flag: `stop` runs in signal handlers, where taking a lock could wait for ever."""
    _active: set["Subscription"] = field(default_factory=set["Subscription"])
    _waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(
        default_factory=set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
    )

    _threads: Threads = field(default_factory=lambda: Threads("devtools-live", THREADS))
    _process: int = field(default_factory=os.getpid)
    _unwatch: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self._remove_wake = self.recorder.on_wake(self._wake)

    @property
    def count(self) -> int:
        """How many follow now."""
        return len(self._active)

    def subscribe(self, filters: Filters, since: str | None = None) -> "Subscription":
        """Follow these kinds from now, or from an earlier position. Use it as an async context manager.

        Raises LimitExceededError above the cap, ValidationError for a malformed position and UnavailableError under trio.
        """
        if not _is_asyncio():
            raise UnavailableError(
                "Subscriptions need an event loop of asyncio, and this server runs under trio: ask `live` with `afterTimestamp`."
            )
        self._begin_anew_after_fork()
        if len(self._active) >= self.limit:
            raise LimitExceededError(
                f"{self.limit} live clients are connected, as many as limits.clients allows. Close one, or raise the limit."
            )
        return Subscription(self, filters, Position.decode(since) if since else self._now())

    def _now(self) -> Position:
        """After all that was recorded before: here, and by the clock in the other processes."""
        recorder = self.recorder
        before = first_id(recorder.clocks.time_ns()) - 1
        return Position(before, {recorder.process_id: recorder.horizon()}).advance(recorder.rings.heads)

    def enter(self, subscription: "Subscription") -> None:
        """Wake this one from now on."""
        self._active.add(subscription)
        if self._unwatch is None:
            self._unwatch = self.watch(self._wake)

    def leave(self, subscription: "Subscription") -> None:
        """Forget this one."""
        self._active.discard(subscription)
        if not self._active:
            self._stop_watching()

    def _stop_watching(self) -> None:
        unwatch, self._unwatch = self._unwatch, None
        if unwatch is not None:
            unwatch()

    def stop(self) -> None:
        """End every subscription now; later ones end at once. Callable from any thread and from a signal handler."""
        self.stopped = True
        self._wake()
        for loop, event in tuple(self._waiters):
            with suppress(RuntimeError):  # closed
                loop.call_soon_threadsafe(event.set)

    async def until_stopped(self) -> None:
        """Wait for `stop`."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiters.add(waiter)
        try:
            if not self.stopped:
                await waiter[1].wait()
        finally:
            self._waiters.discard(waiter)

    def close(self) -> None:
        """Stop, take no more wakes, and let the threads end."""
        self._begin_anew_after_fork()
        self.stop()
        self._stop_watching()
        self._remove_wake()
        self._threads.close()

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what may block in a thread of ours: the app needs the default ones of its loop itself."""
        return await self._threads.run(partial(work, *args, **kwargs))

    def _begin_anew_after_fork(self) -> None:
        """Followers, threads and event loops are the parent's."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._active.clear()
            self._waiters.clear()
            self._unwatch = None

    def _wake(self) -> None:
        for subscription in tuple(self._active):
            try:
                subscription.wake()
            except RuntimeError:  # its loop closes at this moment
                self.recorder.wake_failures += 1


def _is_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Subscription:
    """One follower, on the event loop that entered it."""

    def __init__(self, subscribers: Subscribers, filters: Filters, position: Position) -> None:
        self.position = position
        self._subscribers = subscribers
        self._matchers = {record_type: matcher(query) for record_type, query in filters.items()}
        self._filters = filters
        self._dropped = self._drops()
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._subscribers.enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscribers.leave(self)

    def wake(self) -> None:
        """Read soon. Callable from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._event.set)

    async def batches(self, heartbeat: float | None = None) -> AsyncIterator[Batch]:
        """Batches as records come, until stopped; an empty one after `heartbeat` seconds of silence."""
        while not self._subscribers.stopped:
            self._event.clear()
            self._subscribers.recorder.arm()
            batch = await self._read()
            if batch.records or batch.gap:
                yield batch
                await self._pause()
                continue
            try:
                async with asyncio.timeout(heartbeat):
                    await self._event.wait()
            except TimeoutError:
                yield batch

    async def _pause(self) -> None:
        """Let records gather for one interval, or until stopped."""
        deadline = asyncio.get_running_loop().time() + INTERVAL
        while not self._subscribers.stopped:
            self._event.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._event.wait()
            except TimeoutError:
                return

    async def _read(self) -> Batch:
        batch = self._read_rings()
        if batch.gap is None or self._subscribers.history is self._subscribers.recorder.rings:
            return self._seen(batch)
        return self._seen(await self._subscribers.in_thread(self._read_history, batch.gap))

    def _seen(self, batch: Batch) -> Batch:
        self.position = batch.position
        self._dropped = self._drops()
        return batch

    def _drops(self) -> int:
        """How many records of these kinds the queue for the database had no room for."""
        return sum(self._subscribers.recorder.dropped[record_type.kind] for record_type in self._filters)

    def _behind(self) -> Gap | None:
        """The span in which records are lost from the rings, where this follower is that late."""
        recorder = self._subscribers.recorder
        spans = [
            span
            for record_type in self._filters
            for span in recorder.rings.of(record_type).lost(self.position.start, recorder.process_id)
        ]
        return Gap(min(start for start, _ in spans), max(end for _, end in spans)) if spans else None

    def _read_rings(self) -> Batch:
        """What the rings hold beyond the position; the gap is what they have dropped already."""
        recorder, position = self._subscribers.recorder, self.position
        fresh: dict[type[Record], list[Record]] = {}
        with recorder.still() as upper:
            gap = self._behind()
            heads = {**recorder.rings.heads, recorder.process_id: upper}
            for record_type in self._filters:
                fresh[record_type] = recorder.rings.of(record_type).beyond(position.has)
        found = [
            record
            for record_type, passes in self._matchers.items()
            for record in fresh[record_type]
            if record.id <= heads.get(record.process_id, upper) and passes(record)
        ]
        found.sort(key=_by_id)
        return Batch(found, position.advance(heads), gap)

    def _read_history(self, behind: Gap) -> Batch:
        """What the rings dropped, from the database, in pages. What cannot be found there either is a gap."""
        recorder = self._subscribers.recorder
        heads = {recorder.process_id: recorder.horizon(), **recorder.rings.heads}
        is_whole = self._subscribers.flush(FLUSH_SECONDS)
        found: list[Record] = []
        limit = max(heads.values())
        for record_type, query in self._filters.items():
            page = self._subscribers.history.page(
                record_type, query, PageRequest(BATCH, behind.from_id, Order.OLDEST)
            )
            found.extend(page.records)
            if page.has_next:
                limit = min(limit, page.records[-1].id)
        heads = {process: min(newest, limit) for process, newest in heads.items()}
        found = sorted((record for record in found if self._is_fresh(record, heads)), key=_by_id)
        if not is_whole:
            return self._with_rings(found)
        # The queue had no room for all of it: what it refused, the rings have dropped.
        gap = behind if self._drops() > self._dropped else None
        return Batch(found, self.position.advance(heads), gap)

    def _is_fresh(self, record: Record, heads: Mapping[int, int]) -> bool:
        return record.id <= heads.get(record.process_id, 0) and not self.position.has(record)

    def _with_rings(self, stored: list[Record]) -> Batch:
        """The database is late: what it has, what the rings have, and a gap where neither is sure to have all."""
        batch = self._read_rings()
        found = {record.id: record for record in (*stored, *batch.records)}
        return Batch(sorted(found.values(), key=_by_id), batch.position, batch.gap)


_by_id = attrgetter("id")
