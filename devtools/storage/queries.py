"""History from a database: pages by id, counts, and how far back it reaches. Called by GraphQL through the store."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from peewee import SQL, Database, Field, ModelSelect, fn

from devtools.errors import LimitExceededError
from devtools.records import ALL, NANOSECONDS_PER_MILLISECOND, Record
from devtools.storage.conditions import all_of, clauses_of
from devtools.storage.rows import Reader, Row
from devtools.storage.sqlite import Sqlite
from devtools.storage.tables import MODELS, Counter, RecordTable, columns_of
from devtools.telemetry.filters import Filter
from devtools.telemetry.pages import Order, Page, PageRequest

R = TypeVar("R", bound=Record)

FEW_ROWS = 5_000
"""A span of time with no more rows than this is read through the index on time, a longer one in the order of ids."""
PARTS_AT_ONCE = 100
"""How many lists one statement asks for; SQLite takes at most 500."""
EVICTED = "evicted."
"""Counters of rows that retention removed: this prefix and the kind."""

_COLUMNS = {
    record_type: SQL(", ".join(f'"{name}"' for name in columns_of(record_type))) for record_type in ALL
}


class Total(NamedTuple):
    """What there is of one kind."""

    stored: int
    oldest_ms: float | None
    newest_ms: float | None


class DatabaseHistory:
    """`telemetry.pages.History` over a database. Raises UnavailableError while it cannot be read."""

    def __init__(self, database: Sqlite) -> None:
        self.database = database
        self._readers: dict[type[Record], Reader[Any]] = {
            record_type: Reader(record_type) for record_type in ALL
        }

    @property
    def damaged(self) -> int:
        """Rows that were read although something in them was damaged."""
        return sum(reader.damaged for reader in self._readers.values())

    def page(self, record_type: type[R], query: Filter, request: PageRequest) -> Page[R]:
        """One page of a kind, by id."""
        wanted = max(0, request.first)
        with self.database.reading() as connection:
            select = _page(connection, record_type, query, request).limit(wanted + 1)
            rows = self._fetch(connection, select)
        records: list[R] = self._readers[record_type].records(rows[:wanted])
        return Page(records, len(rows) > wanted, request.after is not None)

    def count(self, record_type: type[Record], query: Filter) -> int:
        """How many records of a kind pass the filter."""
        model = MODELS[record_type]
        select = model.select(fn.COUNT(SQL("*")))
        if query.conditions:
            select = select.where(all_of(clauses_of(record_type, query)))
        with self.database.reading() as connection:
            return self._fetch(connection, select)[0][0]

    def pages_by(
        self, record_type: type[R], field: str, values: Sequence[int], first: int
    ) -> Mapping[int, Page[R]]:
        """For every value the oldest rows whose column is it.

        One statement of many small ones, each of which stops at its limit in the index on the column: a run with a million logs
        costs no more than one with as many as are shown.
        """
        pages: dict[int, Page[R]] = {}
        with self.database.reading() as connection:
            asked = list(dict.fromkeys(values))
            for start in range(0, len(asked), PARTS_AT_ONCE):
                some = asked[start : start + PARTS_AT_ONCE]
                rows = self._parts(connection, record_type, field, some, first + 1)
                for value, found in rows.items():
                    records: list[R] = self._readers[record_type].records(found[:first])
                    pages[value] = Page(records, len(found) > first, has_previous=False)
        return pages

    def _parts(
        self, connection: Database, record_type: type[Record], field: str, values: Sequence[int], limit: int
    ) -> dict[int, list[Row]]:
        model = MODELS[record_type]
        column: Field = model._meta.fields[field]
        one = model.select(_COLUMNS[record_type], column.alias("part_of")).where(column == values[0])
        sql, parameters = connection.get_sql_context().sql(one.order_by(model.id).limit(limit)).query()
        part = f"SELECT * FROM ({sql}) AS part"  # noqa: S608 - our own statement
        together = " UNION ALL ".join([part] * len(values))
        found: dict[int, list[Row]] = {value: [] for value in values}
        numbers = [number for value in values for number in (value, *parameters[1:])]
        for *row, value in connection.execute_sql(together, numbers).fetchall():
            found[value].append(tuple(row))
        place = columns_of(record_type).index("id")
        for rows in found.values():
            rows.sort(key=itemgetter(place))  # no database promises the order of a union
        return found

    def counts_by(self, record_type: type[Record], field: str, values: Sequence[int]) -> Mapping[int, int]:
        """For every value how many rows there are whose column is it."""
        model = MODELS[record_type]
        column: Field = model._meta.fields[field]
        counts = dict.fromkeys(values, 0)
        if not counts:
            return counts
        select = model.select(column, fn.COUNT(SQL("*"))).where(column.in_(list(counts))).group_by(column)
        with self.database.reading() as connection:
            counts.update(self._fetch(connection, select))
        return counts

    def oldest(self, record_type: type[Record]) -> int | None:
        """Id of the oldest record kept of a kind."""
        return self._extreme(record_type, fn.MIN)

    def newest(self, record_type: type[Record]) -> int | None:
        """Id of the newest record of a kind."""
        return self._extreme(record_type, fn.MAX)

    def evicted_before(self, record_type: type[Record]) -> float | None:
        """Unix milliseconds before which records of a kind were evicted by retention; None when nothing was."""
        model = MODELS[record_type]
        with self.database.reading() as connection:
            evicted = connection.execute(
                Counter.select(Counter.value).where(Counter.name == EVICTED + record_type.kind)
            ).fetchone()
            if not evicted or not evicted[0]:
                return None
            oldest = connection.execute(model.select(model.time_ns).order_by(model.id).limit(1)).fetchone()
        return oldest[0] / NANOSECONDS_PER_MILLISECOND if oldest else None

    def totals(self) -> dict[type[Record], Total]:
        """How many records there are of every kind, and the times of the oldest and the newest by id."""
        with self.database.reading() as connection:
            return {record_type: self._total(connection, record_type) for record_type in ALL}

    def _total(self, connection: Database, record_type: type[Record]) -> Total:
        model = MODELS[record_type]
        ends = [
            self._fetch(connection, model.select(model.time_ns).order_by(order).limit(1))
            for order in (model.id.asc(), model.id.desc())
        ]
        oldest, newest = (rows[0][0] / NANOSECONDS_PER_MILLISECOND if rows else None for rows in ends)
        count = self._fetch(connection, model.select(fn.COUNT(SQL("*"))))[0][0]
        return Total(count, oldest, newest)

    def _extreme(self, record_type: type[Record], function: Callable[..., Any]) -> int | None:
        model = MODELS[record_type]
        with self.database.reading() as connection:
            return self._fetch(connection, model.select(function(model.id)))[0][0]

    def _fetch(self, connection: Database, select: "ModelSelect[RecordTable]") -> list[Row]:
        sql, parameters = connection.get_sql_context().sql(select).query()
        if len(parameters) > self.database.max_parameters:
            raise LimitExceededError(
                f"The filter has {len(parameters):,} values; at most {self.database.max_parameters:,} can be asked for."
            )
        return connection.execute_sql(sql, parameters).fetchall()


def _page(
    connection: Database, record_type: type[Record], query: Filter, request: PageRequest
) -> "ModelSelect[RecordTable]":
    """The newest (or oldest) rows beyond the cursor.

    The order of ids is the order of a table or of an index that ends in the id, so that a page costs the same at any depth. Only a
    short span of time is read through its own index, and sorted.
    """
    model = MODELS[record_type]
    through_time = _is_short_span(connection, record_type, query)
    identifier = SQL('+"id"') if through_time else model.id
    clauses = clauses_of(record_type, query, time_indexed=through_time)
    if request.after is not None:
        newest = request.order is Order.NEWEST
        clauses.append(identifier < request.after if newest else identifier > request.after)
    order = identifier.desc() if request.order is Order.NEWEST else identifier.asc()
    return model.select(_COLUMNS[record_type]).where(all_of(clauses)).order_by(order)


def _is_short_span(connection: Database, record_type: type[Record], query: Filter) -> bool:
    span = Filter(tuple(part for part in query.conditions if part.field == "time_ns" and not part.negate))
    if not span.conditions:
        return False
    model = MODELS[record_type]
    some = model.select(SQL("1")).where(all_of(clauses_of(record_type, span))).limit(FEW_ROWS + 1)
    sql, parameters = connection.get_sql_context().sql(some).query()
    (count,) = connection.execute_sql(f"SELECT count(*) FROM ({sql})", parameters).fetchone()  # noqa: S608
    return count <= FEW_ROWS
