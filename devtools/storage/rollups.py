"""Counts and durations of runs by hour, element, version and process, kept when runs are stored. Outlives the runs themselves.

The writer counts each batch that it has committed and writes the counts every few seconds: a row costs a twentieth more so, and
twice as much if they were written with every batch. With them it writes up to which run it has counted: what a killed process had
stored and not counted is counted by the next one that keeps house (`devtools.storage.recount`). Who has ended is a guess, which a
machine that slept makes wrong: a process sees by that note which of its runs another has counted, and leaves those out.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

from peewee import EXCLUDED, Database, fn

from devtools.records import Record, Run, RunStatus
from devtools.storage import histogram
from devtools.storage.tables import Counter, RunRollup

T = TypeVar("T")

HOUR_NS = 3_600_000_000_000
LARGEST_STATEMENT = 64
"""Cells read or written by one statement, at most. Sizes are powers of two, so that the few statements there are stay prepared."""
UNKNOWN_VERSION = 0
"""What ran before the app was described."""
COUNTED = "counted."
"""Counter of the greatest record id of a run that is counted. The key of the run's process follows."""
RECOUNTED = "recounted."
"""The name of that counter once the process was taken for ended, and all that it had stored was counted."""


class Key(NamedTuple):
    """What one cell counts. Its order is that of the primary key."""

    hour: int
    """Since 1970."""
    node_id: str
    snapshot_version: int
    process_id: int


class Cell(NamedTuple):
    """What was counted."""

    node_kind: str
    runs: int
    errors: int
    duration_ns: int
    """Of all runs together."""
    histogram: bytes


class Fresh:
    """What a batch says about one cell."""

    def __init__(self, node_kind: str) -> None:
        self.node_kind = node_kind
        self.ids: list[int] = []
        self.durations: list[int] = []
        self.failed: list[int] = []
        """The ids of those that failed."""

    def leave_out(self, last_id: int) -> None:
        """Forget the runs up to this id, which is that of a counted one."""
        gone = bisect_right(self.ids, last_id)
        del self.ids[:gone], self.durations[:gone]
        del self.failed[: bisect_right(self.failed, last_id)]

    def added_to(self, known: Cell | None) -> Cell:
        """The cell with this batch counted."""
        counts = histogram.of(self.durations)
        runs, errors, duration_ns = 0, 0, 0
        if known is not None:
            counts = histogram.merged((counts, histogram.decode(known.histogram)))
            runs, errors, duration_ns = known.runs, known.errors, known.duration_ns
        return Cell(
            self.node_kind,
            runs + len(self.durations),
            errors + len(self.failed),
            duration_ns + sum(self.durations),
            histogram.encode(counts),
        )


class Rollups:
    """What was counted and not written yet, and the statements for one database, compiled once from the Peewee model."""

    def __init__(self) -> None:
        self.pending: dict[Key, Fresh] = {}
        self._reopen = ""
        self._selects: dict[int, str] = {}
        self._upserts: dict[int, str] = {}

    def count(self, batch: Iterable[Record], version: int | None) -> None:
        """Count the runs of a batch that was stored; `version` is what they ran under where they do not say."""
        version = version or UNKNOWN_VERSION
        for run in batch:
            if type(run) is Run:
                hour, is_error = run.time_ns // HOUR_NS, run.status is RunStatus.error
                key = (hour, run.node_id, run.snapshot_version or version, run.process_id)
                self.add(key, run.id, run.node_kind.value, run.duration_ns, is_error=is_error)

    def add(
        self,
        key: tuple[int, str, int, int],
        record_id: int,
        node_kind: str,
        duration_ns: int,
        *,
        is_error: bool,
    ) -> None:
        """Count one stored run. Those of a process come in the order of their ids; `key` has the order of `Key`."""
        fresh = self.pending.get(key)  # type: ignore[arg-type] # equal to a Key, and made in half the time
        if fresh is None:
            fresh = self.pending[Key(*key)] = Fresh(node_kind)
        fresh.ids.append(record_id)
        fresh.durations.append(duration_ns)
        if is_error:
            fresh.failed.append(record_id)

    def write(self, database: Database) -> None:
        """Add what is pending to what is stored, but for what another process has counted: it took ours for ended.

        The caller clears it once this is committed.
        """
        process_ids = {key.process_id for key in self.pending}
        counted = {process_id: counted_until(database, process_id) for process_id in process_ids}
        until = dict(counted)
        for key, fresh in list(self.pending.items()):
            until[key.process_id] = max(until[key.process_id], fresh.ids[-1])
            fresh.leave_out(counted[key.process_id])
            if not fresh.ids:
                del self.pending[key]
        known = self._stored(database, sorted(self.pending, key=_beside_node))
        rows = [(*key, *fresh.added_to(known.get(key))) for key, fresh in self.pending.items()]
        for size, chunk in _chunks(rows):
            parameters = [value for row in chunk for value in row]
            database.execute_sql(self._upsert(database, size), parameters)
        for process_id, last_id in until.items():
            note_counted(database, process_id, last_id)

    def reopen(self, database: Database, process_id: int) -> None:
        """Note that runs of a process may be stored that are not counted, in the transaction that stores them."""
        if not self._reopen:
            update = Counter.update(name="").where(Counter.name == "")
            self._reopen, _ = database.get_sql_context().sql(update).query()
        database.execute_sql(self._reopen, (f"{COUNTED}{process_id}", f"{RECOUNTED}{process_id}"))

    def clear(self) -> None:
        """What was pending is committed, or another's to count."""
        self.pending.clear()

    def _stored(self, database: Database, keys: Sequence[Key]) -> dict[Key, Cell]:
        found: dict[Key, Cell] = {}
        for (hour, version, process_id), alike in groupby(keys, _beside_node):
            for size, chunk in _chunks([key.node_id for key in alike]):
                parameters = [hour, version, process_id, *chunk]
                for node_id, *cell in database.execute_sql(
                    self._select(database, size), parameters
                ).fetchall():
                    found[Key(hour, node_id, version, process_id)] = Cell._make(cell)
        return found

    def _select(self, database: Database, size: int) -> str:
        known = self._selects.get(size)
        if known is None:
            columns = [getattr(RunRollup, name) for name in Cell._fields]
            select = RunRollup.select(RunRollup.node_id, *columns).where(
                (RunRollup.hour == 0)
                & (RunRollup.snapshot_version == 0)
                & (RunRollup.process_id == 0)
                & RunRollup.node_id.in_([""] * size)
            )
            known = self._selects[size] = database.get_sql_context().sql(select).query()[0]
        return known

    def _upsert(self, database: Database, size: int) -> str:
        known = self._upserts.get(size)
        if known is None:
            fields = [getattr(RunRollup, name) for name in (*Key._fields, *Cell._fields)]
            empty = (0, "", 0, 0, "", 0, 0, 0, b"")
            insert = RunRollup.insert_many([empty] * size, fields=fields).on_conflict(
                conflict_target=[getattr(RunRollup, name) for name in Key._fields],
                update={
                    getattr(RunRollup, name): getattr(EXCLUDED, name)
                    for name in ("runs", "errors", "duration_ns", "histogram")
                },
            )
            known = self._upserts[size] = database.get_sql_context().sql(insert).query()[0]
        return known


def counted_until(database: Database, process_id: int) -> int:
    """The greatest id of a run of this process that is counted, whoever did it; 0 where nothing is noted."""
    noted = Counter.select(fn.MAX(Counter.value)).where(Counter.name.in_(notes_of([process_id])))
    return database.execute(noted).fetchone()[0] or 0


def notes_of(process_ids: Iterable[int]) -> list[str]:
    """The names of the counters that say what is counted of these processes."""
    return [f"{name}{process_id}" for process_id in process_ids for name in (COUNTED, RECOUNTED)]


def note_counted(database: Database, process_id: int, last_id: int, *, is_all: bool = False) -> None:
    """Store that the runs of a process are counted up to the record with this id; `is_all`: and that none is left of it."""
    noted = RECOUNTED if is_all else COUNTED
    database.execute(Counter.delete().where(Counter.name.in_(notes_of([process_id]))))
    database.execute(Counter.insert(name=f"{noted}{process_id}", value=last_id))


def _beside_node(key: Key) -> tuple[int, int, int]:
    return key.hour, key.snapshot_version, key.process_id


def _chunks(items: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    """The items in parts whose sizes are powers of two."""
    start = 0
    while left := len(items) - start:
        size = min(LARGEST_STATEMENT, 1 << left.bit_length() - 1)
        yield size, items[start : start + size]
        start += size
