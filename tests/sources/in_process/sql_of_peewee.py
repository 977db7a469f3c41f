"""Statements of Peewee are runs in the request that sent them; ours, which are Peewee's too, are not."""

import threading
from collections.abc import Iterator
from pathlib import Path

import peewee
import pytest

from devtools.records import NodeKind, Run, RunStatus
from devtools.telemetry.context import own_work
from tests.apps import peewee_orders as orders

from .watched import LISTS, Watched, attributes, watched

SHOP = "tests.apps.peewee_orders"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Watched]:
    app = orders.make_app(f"{tmp_path}/orders.db")
    with watched(app, database=f"sqlite:///{tmp_path}/devtools.db") as found:
        yield found


def test_a_statement_is_a_run_inside_the_request(shop: Watched) -> None:
    assert shop.get("/orders").text == "0"
    first, second = shop.queries
    (request,) = [run for run in shop.kept(Run) if run.node_kind is NodeKind.TASK]
    assert first.node_id == "SELECT placed_orders customer"
    assert (first.parent_id, first.parent_run_id) == ("GET /orders", request.run_id)
    assert first.correlation_id == second.correlation_id == request.correlation_id
    assert 0 < first.duration_ns < request.duration_ns
    assert second.node_id == "SELECT customer"
    assert attributes(second) == {
        "db.system.name": "sqlite",
        "db.operation.name": "SELECT",
        "db.collection.name": "customer",
        "db.query.text": 'SELECT COUNT(?) FROM (SELECT ? FROM "customer" AS "t1") AS "_wrapped" LIMIT ?',
    }


def test_values_are_not_kept(shop: Watched) -> None:
    shop.get("/report")
    shop.get("/sign-up")
    assert "ada" not in "".join(attributes(run)["db.query.text"] for run in shop.queries)


def test_the_request_is_linked_to_the_models_and_they_to_it(shop: Watched) -> None:
    shop.get("/orders")
    shop.get("/report")
    links = shop.links()
    assert links["GET /orders"] == {
        ("USES", f"{SHOP}.Customer", 2, True),
        ("USES", f"{SHOP}.Order", 1, True),
    }
    assert links[f"{SHOP}.Customer"] == {
        ("USED_BY", "GET /orders", 2, True),
        ("USED_BY", "GET /report", 1, False),
    }


def test_the_compatible_lists_leave_statements_out_unless_asked(shop: Watched) -> None:
    shop.get("/orders")
    found = shop.ask(LISTS)
    assert {run["nodeKind"] for run in found["compatible"]["runs"]} == {"TASK"}
    assert [run["nodeKind"] for run in found["all"]["runs"]] == ["QUERY", "QUERY"]


def test_a_failure_is_one_error_of_the_request_with_the_apps_stack(shop: Watched) -> None:
    assert shop.get("/sign-up").status_code == 200
    assert shop.get("/sign-up").status_code == 500
    (error,) = shop.errors
    failed = shop.queries[-1]
    assert (error.type, error.source_id) == ("peewee.IntegrityError", "GET /sign-up")
    assert error.run_id == failed.run_id
    stack = error.stack or ""
    assert stack.index("Customer.create") < stack.index("cursor.execute(sql")
    assert (failed.node_id, failed.status) == ("INSERT customer", RunStatus.error)
    assert failed.error == "UNIQUE constraint failed: customer.email"


def test_a_failure_that_the_app_catches_leaves_the_request_ok(shop: Watched) -> None:
    shop.get("/sign-up-once")
    assert shop.get("/sign-up-once").status_code == 409
    assert [error.type for error in shop.errors] == ["peewee.IntegrityError"]
    assert shop.kept(Run)[-1].ok


def test_many_rows_and_savepoints(shop: Watched) -> None:
    shop.get("/fill")
    assert shop.names == ["SAVEPOINT", "INSERT customer", "ROLLBACK", "RELEASE"]


def test_a_database_of_asyncio(shop: Watched) -> None:
    assert shop.get("/asynchronous").status_code == 500
    first, second = shop.queries
    assert (first.node_id, first.parent_id) == ("SELECT sqlite_master", "GET /asynchronous")
    assert (second.node_id, second.status) == ("SELECT nowhere", RunStatus.error)
    assert [error.type for error in shop.errors] == ["peewee.OperationalError"]


def test_threads_do_not_mix(shop: Watched, tmp_path: Path) -> None:
    """Each statement is of the run that was current where it was sent."""

    def work() -> None:
        own = peewee.SqliteDatabase(f"{tmp_path}/orders.db")
        with own.connection_context():
            for _ in range(50):
                own.execute_sql("SELECT 1")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    shop.get("/orders")
    for thread in threads:
        thread.join()
    alone = [run for run in shop.queries if run.node_id == "SELECT"]
    assert len({run.correlation_id for run in alone}) == len(alone) == 400
    assert {run.parent_run_id for run in alone} == {None}
    assert {run.parent_id for run in shop.queries if run.node_id != "SELECT"} == {"GET /orders"}


def test_our_own_queries_are_never_recorded(shop: Watched, tmp_path: Path) -> None:
    """Those of the store, whatever is done with it, and what is done as our own work."""
    from devtools.storage.sqlite import Sqlite

    shop.get("/orders")
    shop.devtools.flush()
    shop.ask("{ history { runs { totalCount nodes { id } } } system { store { kind } processes { id } } }")
    shop.links()
    store = shop.devtools._runtime.store  # type: ignore[union-attr] # it runs
    database = vars(store)["database"]
    assert isinstance(database, Sqlite)
    # As if it were not marked as our work.
    with database._lock:
        database._connected_writer().execute_sql("SELECT 1")
    readers = database._connected_readers()
    with readers.connection_context():
        readers.execute_sql("SELECT 1")
    with own_work(), orders.database.connection_context():
        orders.database.execute_sql("SELECT 1")
    assert len(shop.queries) == 2


def test_a_store_that_comes_later_is_not_recorded_either(tmp_path: Path) -> None:
    """Another database is opened, made, and migrated while we record."""
    from devtools.settings import load
    from devtools.storage.store import DatabaseStore

    app = orders.make_app(f"{tmp_path}/orders.db")
    with watched(app) as shop:
        shop.get("/orders")
        store = DatabaseStore.open(load({"database": f"sqlite:///{tmp_path}/later.db"}))
        store.close()
        assert len(shop.queries) == 2


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    app = orders.make_app(f"{tmp_path}/orders.db")
    with watched(app, sampling={"peewee": 0.0}) as shop:
        shop.get("/orders")
        assert shop.queries == []


def test_closing_takes_it_away(tmp_path: Path) -> None:
    before = vars(peewee.Database)["execute_sql"]
    app = orders.make_app(f"{tmp_path}/orders.db")
    with watched(app) as shop:
        kept = peewee.Database.execute_sql
        assert kept is not before
    assert vars(peewee.Database)["execute_sql"] is before
    with orders.database.connection_context():
        assert kept(orders.database, "SELECT 1").fetchone() == (1,)  # somebody may still have it
    with watched(app) as shop:
        shop.get("/orders")
        assert len(shop.queries) == 2
