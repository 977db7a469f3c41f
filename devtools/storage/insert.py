"""Bulk insertion: SQL compiled once from the Peewee model, many rows in one statement. Called by the writer."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import itemgetter

from peewee import Database

from devtools.errors import DevToolsError
from devtools.records import Record, fields_of
from devtools.storage.faults import DATABASE_ERRORS, fault_of
from devtools.storage.rows import Row, parameters, row_of
from devtools.storage.tables import MODELS, SEARCH_COLUMN, columns_of

LARGEST_STATEMENT = 512
"""Rows in one statement, at most. Sizes are powers of two, so that the few statements there are stay prepared."""
FEW_ROWS = 8
"""With fewer rows it does not pay to leave out empty columns."""
MOST_SHAPES = 32
"""Statements of so many different columns are kept for a kind."""

_VERSION = "snapshot_version"


class Statement:
    """`INSERT` of these columns, for any number of rows."""

    def __init__(
        self, record_type: type[Record], columns: tuple[str, ...], database: Database, conflict_clause: str
    ) -> None:
        one_row = MODELS[record_type].insert(dict.fromkeys(columns))
        sql, _ = database.get_sql_context().sql(one_row).query()
        self._start, self._values = sql.split(" VALUES ", 1)
        self._end = conflict_clause
        self._of_size: dict[int, str] = {}

    def execute(self, database: Database, rows: Sequence[Row], largest: int) -> int:
        """Insert the rows that are not there yet; answers how many those were."""
        inserted = start = 0
        for size in _sizes(len(rows), largest):
            chunk = rows[start : start + size]
            start += size
            inserted += database.execute_sql(self._sql(size), parameters(chunk)).rowcount
        return inserted

    def _sql(self, size: int) -> str:
        known = self._of_size.get(size)
        if known is None:
            values = ", ".join([self._values] * size)
            known = self._of_size[size] = f"{self._start} VALUES {values}{self._end}"
        return known


class Insertion:
    """The statements of one kind for one database.

    Every column costs, and most are empty in most rows: those that are empty in a whole batch are left out.
    """

    def __init__(
        self, record_type: type[Record], database: Database, conflict_clause: str, max_parameters: int
    ) -> None:
        self.record_type = record_type
        self.columns = (*columns_of(record_type), SEARCH_COLUMN)
        self.row = row_of(record_type)
        self.largest = min(LARGEST_STATEMENT, _power_of_two(max_parameters // len(self.columns)))
        self._database = database
        self._conflict_clause = conflict_clause
        self._version_at = self.columns.index(_VERSION) if _VERSION in self.columns else None
        self._nullable = [at for at, field in enumerate(fields_of(record_type)) if field.nullable]
        self._shapes: dict[tuple[int, ...], tuple[itemgetter[Row], Statement]] = {}

    @cached_property
    def whole(self) -> Statement:
        """The statement of all columns."""
        return self._statement(self.columns)

    def rows(self, records: Sequence[Record], version: int | None) -> list[Row]:
        """The rows of these records; `version` fills in what a run does not say."""
        rows = list(map(self.row, records))
        at = self._version_at
        if at is None or version is None:
            return rows
        return [row if row[at] is not None else (*row[:at], version, *row[at + 1 :]) for row in rows]

    def execute(self, database: Database, rows: Sequence[Row]) -> int:
        """Insert the rows that are not there yet; answers how many those were."""
        if len(rows) < FEW_ROWS:
            return self.whole.execute(database, rows, self.largest)
        by_column = list(zip(*rows, strict=True))
        empty = {at for at in self._nullable if by_column[at].count(None) == len(rows)}
        kept = tuple(at for at in range(len(self.columns)) if at not in empty)
        if kept not in self._shapes and len(self._shapes) == MOST_SHAPES:
            return self.whole.execute(database, rows, self.largest)
        narrow, statement = self._shape(kept)
        return statement.execute(database, list(map(narrow, rows)), self.largest)

    def _shape(self, kept: tuple[int, ...]) -> "tuple[itemgetter[Row], Statement]":
        known = self._shapes.get(kept)
        if known is None:
            statement = self._statement(tuple(self.columns[at] for at in kept))
            known = self._shapes[kept] = (itemgetter(*kept), statement)
        return known

    def _statement(self, columns: tuple[str, ...]) -> Statement:
        return Statement(self.record_type, columns, self._database, self._conflict_clause)


class Insertions:
    """The statements of every kind for one database."""

    def __init__(self, conflict_clause: str, max_parameters: int) -> None:
        self._conflict_clause = conflict_clause
        self._max_parameters = max_parameters
        self._of: dict[type[Record], Insertion] = {}

    def store(self, database: Database, batch: Sequence[Record], version: int | None) -> int:
        """Insert a batch of any kinds; answers how many rows were not there yet."""
        inserted = 0
        for alike in _alike(batch):
            insertion = self.of(type(alike[0]), database)
            inserted += insertion.execute(database, insertion.rows(alike, version))
        return inserted

    def store_each(self, database: Database, batch: Sequence[Record], version: int | None) -> list[Record]:
        """Insert one by one, after a batch was refused; answers the records that the database refuses."""
        refused: list[Record] = []
        for record in batch:
            try:
                with database.atomic():
                    self.store(database, [record], version)
            except (*DATABASE_ERRORS, DevToolsError) as error:
                if fault_of(error) != "refused":
                    raise
                refused.append(record)
            except Exception:  # a field of another type than declared
                refused.append(record)
        return refused

    def of(self, record_type: type[Record], database: Database) -> Insertion:
        """The statements of one kind."""
        known = self._of.get(record_type)
        if known is None:
            known = self._of[record_type] = Insertion(
                record_type, database, self._conflict_clause, self._max_parameters
            )
        return known


def _alike(batch: Sequence[Record]) -> list[list[Record]]:
    """The batch by kind, requests apart from other runs: so the same columns are empty in each part."""
    parts: dict[tuple[type[Record], bool], list[Record]] = {}
    for record in batch:
        key = type(record), getattr(record, "http", None) is None
        part = parts.get(key)
        if part is None:
            parts[key] = [record]
        else:
            part.append(record)
    return list(parts.values())


def _sizes(count: int, largest: int) -> Iterator[int]:
    while count >= largest:
        yield largest
        count -= largest
    while count:
        size = _power_of_two(count)
        yield size
        count -= size


def _power_of_two(limit: int) -> int:
    """The largest power of two up to the limit."""
    return 1 << limit.bit_length() - 1
