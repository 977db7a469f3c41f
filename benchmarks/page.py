"""A page of 1,000 runs of history, from the database to the bytes of the answer, against building Peewee instances."""

import tempfile
from typing import Any

from benchmarks.graphql_apps import FIELDS, RUNS, runs, runtime_of
from benchmarks.measure import Figure, cpu_seconds, micro, ratio
from devtools.graphql.executor import execute
from devtools.graphql.services import Request
from devtools.records import Run
from devtools.storage.insert import Insertions
from devtools.storage.store import DatabaseStore
from devtools.storage.tables import MODELS

LIMIT = 0.45
PAGE = 1_000
QUERY = f"{{ history {{ runs(first: {PAGE}) {{ nodes {{ {FIELDS} }} }} }} }}"


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        runtime = runtime_of(database=f"sqlite:///{folder}/history.db")
        try:
            return _measured(runtime)
        finally:
            runtime.close()


def _measured(runtime: Any) -> list[Figure]:
    store = runtime.store
    assert isinstance(store, DatabaseStore)
    insertions = Insertions(store.database.conflict_clause, store.database.max_parameters)
    with store.database.writing() as connection:
        insertions.store(connection, runs(RUNS), None)
    request = Request(runtime.services, "read")
    newest = MODELS[Run].select().order_by(MODELS[Run].id.desc()).limit(PAGE)

    def ours(times: int) -> None:
        for _ in range(times):
            assert execute(request, QUERY).body.count(b'"correlationId"') == PAGE

    def instances(times: int) -> None:
        for _ in range(times):
            with store.database.reading() as connection:
                found = list(newest.clone().execute(connection))
                assert len(found) == PAGE
                assert isinstance(found[0], MODELS[Run])

    cost = cpu_seconds({"ours": ours, "instances": instances}, times=10, rounds=9)
    detail = f"{micro(cost['ours'])} against {micro(cost['instances'])}"
    return [
        ratio("history page of 1,000, database to bytes", cost["ours"] / cost["instances"], LIMIT, detail)
    ]
