"""What other processes have committed: the writer notes each batch in its own transaction, followers read the notes of the others.

SQLite lets one transaction commit at a time, so that the notes stand in the order of commits and one cursor misses none. The
records of one process are committed in the order of their ids.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import Database, fn

from devtools.records import ALL, Record
from devtools.storage.rows import Reader
from devtools.storage.sqlite import Sqlite
from devtools.storage.tables import MODELS, Commit, Process, columns_of

KEPT = 5_000
"""Notes that stay: a follower further behind reads the newest records instead."""
GREATEST_ID = (1 << 63) - 1

Span = tuple[int, int]
"""Ids above the first, up to the second."""


@dataclass
class Followed:
    """What other processes recorded since a cursor."""

    cursor: int
    heads: dict[int, int]
    """Of each process the newest id that was committed."""
    records: dict[type[Record], list[Record]] = field(default_factory=dict[type[Record], list[Record]])
    """What of it is new, per kind in the order of ids."""
    lost: dict[type[Record], dict[int, int]] = field(default_factory=dict[type[Record], dict[int, int]])
    """Per kind and process the newest id that was left out, because more came than memory keeps."""


class CommitNotes:
    """Notes down what the writer commits. Its statement is compiled once."""

    def __init__(self) -> None:
        self._sql = ""

    def add(self, connection: Database, batch: Sequence[Record]) -> None:
        """Note a batch, in the transaction that stores it."""
        if not self._sql:
            insert = Commit.insert(process_id=0, first_id=0, last_id=0)
            self._sql, _ = connection.get_sql_context().sql(insert).query()
        for process_id, (first, last) in _spans(batch).items():
            connection.execute_sql(self._sql, (process_id, first, last))


def _spans(batch: Iterable[Record]) -> dict[int, Span]:
    spans: dict[int, Span] = {}
    for record in batch:
        first, last = spans.get(record.process_id, (record.id, record.id))
        spans[record.process_id] = min(first, record.id), max(last, record.id)
    return spans


def prune(database: Sqlite) -> None:
    """Keep the newest notes."""
    with database.writing() as connection:
        newest = connection.execute(Commit.select(fn.MAX(Commit.id))).fetchone()[0] or 0
        connection.execute(Commit.delete().where(Commit.id <= newest - KEPT))


class _Kind:
    """Reads one kind. Its statements are compiled once: they run many times a second while somebody watches."""

    def __init__(self, record_type: type[Record], capacity: int) -> None:
        self._capacity = capacity
        self._model = model = MODELS[record_type]
        self._rows: Reader[Any] = Reader(record_type)  # Any: the kind is not known here
        columns = [model._meta.columns[name] for name in columns_of(record_type)]
        within = (model.id > 0) & (model.id <= 0)
        self._select = model.select(*columns).where(within & (model.process_id != 0)).order_by(model.id)
        self._beyond = model.select(model.id).where(within).order_by(model.id.desc()).limit(1).offset(0)
        self._sql: tuple[str, str] | None = None

    def start(self, connection: Database, after: int, until: int) -> int:
        """From which id on to read what lies above `after`, so that it is no more than memory keeps."""
        _, sql = self._compiled(connection)
        found = connection.execute_sql(sql, (after, until, 1, self._capacity)).fetchone()
        return found[0] if found else after

    def records(self, connection: Database, after: int, until: int, own: int) -> list[Record]:
        """The records of others above an id and up to another, in the order of ids."""
        sql, _ = self._compiled(connection)
        return self._rows.records(connection.execute_sql(sql, (after, until, own)).fetchall())

    def _compiled(self, connection: Database) -> tuple[str, str]:
        if self._sql is None:
            select, _ = connection.get_sql_context().sql(self._select).query()
            beyond, _ = connection.get_sql_context().sql(self._beyond).query()
            self._sql = select, beyond
        return self._sql


class Commits:
    """Reads what others committed. Kept by one follower: `heads` is what it has, of each process the newest id."""

    def __init__(self, database: Sqlite, capacity: int) -> None:
        self._database = database
        self._sql = ""
        self._kinds = {record_type: _Kind(record_type, capacity) for record_type in ALL}

    def newest(self) -> int:
        """The newest note: where it is as before, nobody committed since."""
        with self._database.reading() as connection:
            if not self._sql:  # compiled once: this is what is asked fifty times a second
                self._sql, _ = connection.get_sql_context().sql(Commit.select(fn.MAX(Commit.id))).query()
            return connection.execute_sql(self._sql).fetchone()[0] or 0

    def since(self, cursor: int | None, heads: Mapping[int, int], process_id: Callable[[], int]) -> Followed:
        """What other processes committed after a cursor, the newest of it where it is much; all of it from None.

        `process_id` gives the key of this process, which is asked for last: a process has its key before it commits anything.
        """
        with self._database.reading() as connection, connection.atomic():
            newest, oldest = _newest(connection), _oldest(connection)
            own = process_id()
            if cursor is None or newest < cursor or oldest > cursor + 1:
                spans = _all_spans(connection, own)
            else:
                spans = _spans_since(connection, cursor, own)
            return self._read(connection, Followed(newest, _ends(spans)), spans, heads, own)

    def _read(
        self,
        connection: Database,
        found: Followed,
        spans: Mapping[int, Span],
        heads: Mapping[int, int],
        own: int,
    ) -> Followed:
        if not spans:
            return found
        after, until = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
        for record_type, kind in self._kinds.items():
            start = kind.start(connection, after, until)
            found.lost[record_type] = {
                process: min(start, last) for process, (first, last) in spans.items() if first < start
            }
            found.records[record_type] = [
                record
                for record in kind.records(connection, start, until, own)
                if record.id > heads.get(record.process_id, 0)
            ]
        for newest in (*found.lost.values(), *map(_newest_of_each, found.records.values())):
            for process, identifier in newest.items():
                found.heads[process] = max(identifier, found.heads.get(process, 0))
        return found


def _newest(connection: Database) -> int:
    return connection.execute(Commit.select(fn.MAX(Commit.id))).fetchone()[0] or 0


def _oldest(connection: Database) -> int:
    return connection.execute(Commit.select(fn.MIN(Commit.id))).fetchone()[0] or 0


def _spans_since(connection: Database, cursor: int, own: int) -> dict[int, Span]:
    select = Commit.select(Commit.process_id, fn.MIN(Commit.first_id) - 1, fn.MAX(Commit.last_id))
    later = select.where((Commit.id > cursor) & (Commit.process_id != own)).group_by(Commit.process_id)
    return {process: (after, until) for process, after, until in connection.execute(later).fetchall()}


def _all_spans(connection: Database, own: int) -> dict[int, Span]:
    everyone = connection.execute(Process.select(Process.id).where(Process.id != own)).fetchall()
    return {process: (0, GREATEST_ID) for (process,) in everyone}


def _ends(spans: Mapping[int, Span]) -> dict[int, int]:
    return {process: last for process, (_, last) in spans.items() if last != GREATEST_ID}


def _newest_of_each(records: Iterable[Record]) -> dict[int, int]:
    """In the order of ids, the last one of a process stays."""
    return {record.process_id: record.id for record in records}
