"""The newest records of one kind in memory, bounded. Always there; the database stands behind it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain, islice, takewhile
from operator import attrgetter
from typing import Generic, TypeVar

from devtools.records import ALL, Record
from devtools.telemetry.filters import Filter, Select, matcher
from devtools.telemetry.pages import Order, Page, PageRequest

R = TypeVar("R", bound=Record)


Lock = Callable[[], AbstractContextManager[object]]
"""Gives the lock that records are added under; after a fork it is another one."""


class Ring(Generic[R]):
    """At most `capacity` records, oldest dropped. `settle` makes records of the facts that came in: called before every read.

    What this process records is appended; what other processes recorded joins from the database, and is kept apart per process:
    ids increase within one, but records of several come in any order.
    """

    def __init__(
        self, capacity: int, settle: Callable[[], None] = lambda: None, lock: Lock | None = None
    ) -> None:
        self.capacity = capacity
        self._records: deque[R] = deque(maxlen=capacity)
        self._others: dict[int, deque[R]] = {}
        self._lost: dict[int, int] = {}
        """Of each other process the newest id that did not stay or never came: older ones are in the database."""
        self._settle = settle
        self._lock = lock or _own_lock()
        self._pushed_out = 0
        """The newest id of this process that made room for another one."""
        self.joined = 0
        self.recorded = 0
        self.cleared = 0

    def __len__(self) -> int:
        """How many records are kept."""
        self._settle()
        with self._lock():
            return self._kept()

    @property
    def evicted(self) -> int:
        """How many were dropped because the ring was full."""
        self._settle()
        with self._lock():
            return self.joined + self.recorded - self.cleared - self._kept()

    @property
    def oldest(self) -> R | None:
        """The oldest record kept."""
        if not self._others:
            self._settle()
            with self._lock():
                return self._records[0] if self._records else None
        return next(iter(self.snapshot()), None)

    def append(self, record: R) -> None:
        """Keep the newest record of this process."""
        records = self._records
        if len(records) == self.capacity and records:
            self._pushed_out = max(self._pushed_out, records[0].id)
        records.append(record)

    def unread(self, count: int, newest: int) -> None:
        """Count facts that were dropped before anybody read them; their ids would have been up to `newest`."""
        self.recorded += count
        self._pushed_out = newest

    def snapshot(self) -> list[R]:
        """All records, oldest first. A copy: iterating the deque itself raises when another thread appends."""
        self._settle()
        with self._lock():
            own = list(self._records)
            others = list(chain.from_iterable(self._others.values()))
        if not others:
            return own
        return sorted([*others, *own], key=_by_id)[-self.capacity :]

    def beyond(self, is_known: Callable[[R], bool]) -> list[R]:
        """Of each process the records after the last known one, newest first. Looks at no others."""
        self._settle()
        with self._lock():
            while True:
                try:
                    return [
                        record
                        for records in (self._records, *self._others.values())
                        for record in takewhile(lambda record: not is_known(record), reversed(records))
                    ]
                except RuntimeError:  # a signal handler on this thread recorded meanwhile: look again
                    continue

    def lost(self, start: Callable[[int], int], own: int) -> list[tuple[int, int]]:
        """The spans of ids, both ends excluded, in which records after `start` of a process are no longer here, or never were."""
        self._settle()
        with self._lock():
            oldest = self._records[0].id if self._records and start(own) < self._pushed_out else 0
            spans = [(start(process_id), newest + 1) for process_id, newest in self._lost.items()]
            return [span for span in ((start(own), oldest), *spans) if span[0] + 1 < span[1]]

    def join(self, records: Iterable[R], lost: Mapping[int, int]) -> None:
        """Put records of other processes among those here, in the order of ids of each. `lost`: what was left out, per process."""
        self._settle()
        with self._lock():
            for record in records:
                self._others.setdefault(record.process_id, deque()).append(record)
                self.joined += 1
            for process_id, newest in lost.items():
                self._lose(process_id, newest)
            self._drop_others()

    def clear(self) -> int:
        """Forget all records; answers how many."""
        return self.remove(lambda _: True)

    def remove(self, gone: Callable[[R], bool]) -> int:
        """Forget the records that pass; answers how many."""
        self._settle()
        with self._lock():
            before = self._kept()
            for records in (self._records, *self._others.values()):
                kept = [record for record in records if not gone(record)]
                records.clear()
                records.extend(kept)
            self._others = {process_id: records for process_id, records in self._others.items() if records}
            count = before - self._kept()
            self.cleared += count
        return count

    def begin_anew(self) -> None:
        """Forget everything, counts too. Called in a child after a fork: all of it is the parent's."""
        self._records.clear()
        self._others, self._lost = {}, {}
        self.joined = self.recorded = self.cleared = self._pushed_out = 0

    def _kept(self) -> int:
        return min(self.capacity, len(self._records) + sum(map(len, self._others.values())))

    def _drop_others(self) -> None:
        """Drop the oldest of the other processes that are beyond the capacity."""
        others = sum(map(len, self._others.values()))
        while others:
            oldest = min(self._others.values(), key=lambda records: records[0].id)
            is_before_own = bool(self._records) and oldest[0].id < self._records[0].id
            if others <= self.capacity and not (
                is_before_own and others + len(self._records) > self.capacity
            ):
                return
            record = oldest.popleft()
            others -= 1
            self._lose(record.process_id, record.id)
            if not oldest:
                del self._others[record.process_id]

    def _lose(self, process_id: int, identifier: int) -> None:
        self._lost[process_id] = max(identifier, self._lost.get(process_id, 0))

    def newest(self, last: int, select: Select[R]) -> list[R]:
        """The newest `last` records that pass, oldest of them first. Looks at few others."""
        looked = max(0, last)
        while True:
            some = self._latest(looked)
            found = list(islice(select(some), last))
            if len(found) == last or len(some) < looked:
                found.reverse()
                return found
            looked *= 4

    def _latest(self, count: int) -> list[R]:
        """So many of the newest records, newest first."""
        if self._others:
            return self.snapshot()[: -count - 1 : -1]
        self._settle()
        with self._lock():
            while True:
                try:
                    return list(islice(reversed(self._records), count))
                except RuntimeError:  # a signal handler on this thread recorded meanwhile: look again
                    continue


class Rings:
    """One ring per kind. Answers history where no database does."""

    def __init__(
        self, capacity: int, settle: Callable[[], None] = lambda: None, lock: Lock | None = None
    ) -> None:
        self.capacity = capacity
        self._lock = lock = lock or _own_lock()
        self._rings: dict[type[Record], Ring[Record]] = {
            record_type: Ring(capacity, settle, lock) for record_type in ALL
        }
        self._heads: dict[int, int] = {}

    @property
    def heads(self) -> dict[int, int]:
        """Of each other process the newest id that was followed: every record up to it stands in its ring or is lost from it."""
        with self._lock():
            return dict(self._heads)

    def join(
        self,
        records: Mapping[type[Record], Sequence[Record]],
        lost: Mapping[type[Record], Mapping[int, int]],
        heads: Mapping[int, int],
    ) -> None:
        """Add what other processes recorded up to `heads`: per kind the records, and per process what was left out."""
        with self._lock():
            for record_type, ring in self._rings.items():
                ring.join(records.get(record_type, ()), lost.get(record_type, {}))
            for process_id, newest in heads.items():
                self._heads[process_id] = max(newest, self._heads.get(process_id, 0))

    def begin_anew(self) -> None:
        """Forget everything. Called in a child after a fork."""
        self._heads = {}
        for ring in self._rings.values():
            ring.begin_anew()

    def of(self, record_type: type[R]) -> Ring[R]:
        """The ring of a kind."""
        return self._rings[record_type]  # type: ignore[return-value] # the map pairs each type with its ring

    def page(self, record_type: type[R], query: Filter, request: PageRequest) -> Page[R]:
        """One page of a kind, by id."""
        records: Sequence[R] = self.of(record_type).snapshot()
        if request.order is Order.NEWEST:
            records = records[::-1]
        if request.after is not None:
            after = request.after
            newest = request.order is Order.NEWEST
            records = [record for record in records if (record.id < after if newest else record.id > after)]
        passes = matcher(query)
        found = list(islice((record for record in records if passes(record)), request.first + 1))
        return Page(found[: request.first], len(found) > request.first, request.after is not None)

    def count(self, record_type: type[Record], query: Filter) -> int:
        """How many records of a kind pass the filter."""
        passes = matcher(query)
        return sum(1 for record in self.of(record_type).snapshot() if passes(record))

    def pages_by(
        self, record_type: type[R], field: str, values: Sequence[int], first: int
    ) -> Mapping[int, Page[R]]:
        """For every value the oldest records whose field is it."""
        found = self._by(record_type, field, values)
        return {
            value: Page(records[:first], len(records) > first, has_previous=False)
            for value, records in found.items()
        }

    def counts_by(self, record_type: type[Record], field: str, values: Sequence[int]) -> Mapping[int, int]:
        """For every value how many records there are whose field is it."""
        return {value: len(records) for value, records in self._by(record_type, field, values).items()}

    def _by(self, record_type: type[R], field: str, values: Sequence[int]) -> dict[int, list[R]]:
        found: dict[int, list[R]] = {value: [] for value in values}
        read = attrgetter(field)
        for record in self.of(record_type).snapshot():
            records = found.get(read(record))
            if records is not None:
                records.append(record)
        return found

    def oldest(self, record_type: type[Record]) -> int | None:
        """Id of the oldest record kept of a kind."""
        oldest = self.of(record_type).oldest
        return oldest.id if oldest is not None else None

    def evicted_before(self, record_type: type[Record]) -> float | None:
        """Unix milliseconds before which records were dropped because the ring was full."""
        ring = self.of(record_type)
        oldest = ring.oldest
        return oldest.timestamp_ms if ring.evicted > 0 and oldest is not None else None


_by_id = attrgetter("id")


def _own_lock() -> Lock:
    lock = threading.RLock()
    return lambda: lock
