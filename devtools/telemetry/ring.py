"""The newest records of one kind in memory, bounded. Always there; the database stands behind it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import islice, takewhile
from typing import Generic, TypeVar

from devtools.records import ALL, Record
from devtools.telemetry.filters import EVERYTHING, Filter, matcher
from devtools.telemetry.pages import Order, Page, PageRequest

R = TypeVar("R", bound=Record)


Lock = Callable[[], AbstractContextManager[object]]
"""Gives the lock that records are added under; after a fork it is another one."""


class Ring(Generic[R]):
    """At most `capacity` records, oldest dropped. `settle` makes records of the facts that came in: called before every read."""

    def __init__(
        self, capacity: int, settle: Callable[[], None] = lambda: None, lock: Lock | None = None
    ) -> None:
        self.capacity = capacity
        self._records: deque[R] = deque(maxlen=capacity)
        self._settle = settle
        self._lock = lock or _own_lock()
        self.append = self._records.append
        self.warmed = 0
        self.recorded = 0
        self.cleared = 0

    @property
    def records(self) -> deque[R]:
        """The records themselves, the newest facts among them. Iterate a `snapshot` instead where others append."""
        self._settle()
        return self._records

    @property
    def evicted(self) -> int:
        """How many were dropped because the ring was full."""
        self._settle()
        with self._lock():
            return self.warmed + self.recorded - self.cleared - len(self._records)

    @property
    def oldest(self) -> R | None:
        """The oldest record kept."""
        self._settle()
        with self._lock():
            return self._records[0] if self._records else None

    def unread(self, count: int) -> None:
        """Count facts that were dropped before anybody read them."""
        self.recorded += count

    def snapshot(self) -> list[R]:
        """All records, oldest first. A copy: iterating the deque itself raises when another thread appends."""
        self._settle()
        with self._lock():
            return list(self._records)

    def beyond(self, is_known: Callable[[R], bool]) -> list[R]:
        """The records after the last known one, newest first. Looks at no others."""
        self._settle()
        with self._lock():
            while True:
                try:
                    return list(takewhile(lambda record: not is_known(record), reversed(self._records)))
                except RuntimeError:  # a signal handler on this thread recorded meanwhile: look again
                    continue

    def warm(self, records: Iterable[R]) -> None:
        """Put records of earlier processes before those of this one, oldest first."""
        older = list(records)
        self._settle()
        with self._lock():
            merged = sorted([*older, *self._records], key=lambda record: record.id)
            self.warmed += len(older)
            self._records.clear()
            self._records.extend(merged)

    def clear(self) -> int:
        """Forget all records; answers how many."""
        self._settle()
        with self._lock():
            count = len(self._records)
            self._records.clear()
            self.cleared += count
        return count

    def remove(self, gone: Callable[[R], bool]) -> int:
        """Forget the records that pass; answers how many."""
        self._settle()
        with self._lock():
            before = list(self._records)
            kept = [record for record in before if not gone(record)]
            count = len(before) - len(kept)
            if count:
                self._records.clear()
                self._records.extend(kept)
                self.cleared += count
        return count

    def newest(self, last: int, query: Filter = EVERYTHING) -> list[R]:
        """The newest `last` records that pass, oldest of them first."""
        if last <= 0:
            return []
        passes = matcher(query)
        found = list(islice((record for record in reversed(self.snapshot()) if passes(record)), last))
        found.reverse()
        return found


class Rings:
    """One ring per kind. Answers history where no database does."""

    def __init__(
        self, capacity: int, settle: Callable[[], None] = lambda: None, lock: Lock | None = None
    ) -> None:
        self._rings: dict[type[Record], Ring[Record]] = {
            record_type: Ring(capacity, settle, lock) for record_type in ALL
        }

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

    def oldest(self, record_type: type[Record]) -> int | None:
        """Id of the oldest record kept of a kind."""
        oldest = self.of(record_type).oldest
        return oldest.id if oldest is not None else None

    def evicted_before(self, record_type: type[Record]) -> float | None:
        """Unix milliseconds before which records were dropped because the ring was full."""
        ring = self.of(record_type)
        oldest = ring.oldest
        return oldest.timestamp_ms if ring.evicted > 0 and oldest is not None else None


def _own_lock() -> Lock:
    lock = threading.RLock()
    return lambda: lock
