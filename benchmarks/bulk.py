"""Runs stored in batches of 1,000 as the writer does, against sqlite3's `executemany` and Peewee's `insert_many`.

Each has a database of its own with the same table and three indexes. Ours begins with records; the others get rows made before.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.graphql_apps import runs
from benchmarks.measure import Figure, Unit, cpu_seconds, micro, ratio
from devtools.records import Run
from devtools.settings import load
from devtools.storage.insert import Insertions
from devtools.storage.rows import row_of
from devtools.storage.store import DatabaseStore
from devtools.storage.tables import MODELS, SEARCH_COLUMN, columns_of
from devtools.telemetry.filters import EVERYTHING

RAW_LIMIT, PEEWEE_LIMIT = 1.15, 0.25
BATCH = 1_000
TIMES, ROUNDS = 4, 9
BATCHES = TIMES * ROUNDS + 1
KEPT_INDEXES = {"runs_by_time", "runs_by_run_id", "runs_by_node_id"}
COLUMNS = (*columns_of(Run), SEARCH_COLUMN)
FILLED = [
    at for at, values in enumerate(zip(*map(row_of(Run), runs(BATCH)), strict=True)) if set(values) != {None}
]
"""The columns that these runs fill: the others are left out for everybody."""
NAMES = [COLUMNS[at] for at in FILLED]


def measure() -> list[Figure]:
    with ExitStack() as opened, tempfile.TemporaryDirectory() as folder:
        stores = {
            name: opened.enter_context(_opened(Path(folder) / f"{name}.db"))
            for name in ("ours", "raw", "peewee")
        }
        variants = {
            "ours": _ours(stores["ours"]),
            "raw": _raw(stores["raw"]),
            "peewee": _peewee(stores["peewee"]),
        }
        cost = cpu_seconds(variants, times=TIMES, rounds=ROUNDS)
        assert {_stored(store) for store in stores.values()} == {BATCHES * BATCH}
    rows = {name: seconds / BATCH for name, seconds in cost.items()}
    return [
        _ratio("sqlite3 executemany", rows["ours"], rows["raw"], RAW_LIMIT),
        _ratio("Peewee insert_many", rows["ours"], rows["peewee"], PEEWEE_LIMIT),
    ]


@contextmanager
def _opened(path: Path) -> Iterator[DatabaseStore]:
    store = DatabaseStore.open(load({"database": f"sqlite:///{path}"}, environment={}))
    with store.database.writing() as connection:
        found = connection.execute_sql(
            "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL"
        )
        for (name,) in found.fetchall():
            if name.startswith("runs_") and name not in KEPT_INDEXES:
                connection.execute_sql(f'DROP INDEX "{name}"')
    try:
        yield store
    finally:
        store.close()


def _records() -> Iterator[list[Run]]:
    """The batches, made before anything is measured: records are the app's."""
    for number in range(BATCHES):
        later = number * BATCH
        yield [
            structs.replace(
                run, id=run.id + (later << 12), time_ns=run.time_ns + later, run_id=run.run_id + later
            )
            for run in runs(BATCH)
        ]


def _rows() -> Iterator[list[Any]]:
    narrow = itemgetter(*FILLED)
    return (list(map(narrow, map(row_of(Run), records))) for records in _records())


def _ours(store: DatabaseStore) -> Unit:
    insertions = Insertions(store.database.conflict_clause, store.database.max_parameters)

    def work(connection: Any, records: list[Run]) -> None:
        insertions.store(connection, records, None)

    return _batches(store, _records(), work)


def _raw(store: DatabaseStore) -> Unit:
    columns, marks = ", ".join(NAMES), ", ".join("?" * len(NAMES))
    sql = f"INSERT INTO runs ({columns}) VALUES ({marks}) ON CONFLICT(id) DO NOTHING"

    def work(connection: Any, rows: list[Any]) -> None:
        connection.connection().executemany(sql, rows)

    return _batches(store, _rows(), work)


def _peewee(store: DatabaseStore) -> Unit:
    model = MODELS[Run]
    fields = [model._meta.fields[name] for name in NAMES]

    def work(connection: Any, rows: list[Any]) -> None:
        model.insert_many(rows, fields=fields).on_conflict_ignore().execute(connection)

    return _batches(store, _rows(), work)


def _batches(store: DatabaseStore, made: Iterator[Any], work: Callable[[Any, Any], None]) -> Unit:
    """Stores so many of the batches, each in a transaction."""
    left = list(made)

    def some(times: int) -> None:
        for _ in range(times):
            with store.database.writing() as connection:
                work(connection, left.pop(0))

    return some


def _stored(store: DatabaseStore) -> int:
    return store.history.count(Run, EVERYTHING)


def _ratio(peer: str, ours: float, theirs: float, limit: float) -> Figure:
    work = f"bulk store of runs, batches of 1,000, against {peer}"
    return ratio(work, ours / theirs, limit, f"{micro(ours)} against {micro(theirs)} a row")
