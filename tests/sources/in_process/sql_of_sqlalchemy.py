"""Statements of SQLAlchemy are runs in the request that sent them, and link it to the models whose tables they name."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from devtools.records import NodeKind, Run, RunStatus
from tests.apps import sqlalchemy_orders as orders

from .watched import LISTS, Watched, attributes, watched

SHOP = "tests.apps.sqlalchemy_orders"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Watched]:
    with watched(orders.make_app(), database=f"sqlite:///{tmp_path}/devtools.db") as found:
        yield found


def test_a_statement_is_a_run_inside_the_request(shop: Watched) -> None:
    """Of one trace, with what it did to which table, and how long it took."""
    assert shop.get("/orders").text == "0"
    first, second = shop.queries
    (request,) = [run for run in shop.kept(Run) if run.node_kind is NodeKind.TASK]
    assert (first.node_id, first.node_kind, first.status) == ("SELECT orders", NodeKind.QUERY, RunStatus.ok)
    assert (first.parent_id, first.root_id) == ("GET /orders", "GET /orders")
    assert first.parent_run_id == second.parent_run_id == request.run_id
    assert first.correlation_id == request.correlation_id
    assert 0 < first.duration_ns < request.duration_ns
    assert attributes(first) == {
        "db.system.name": "sqlite",
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.text": "SELECT orders.id, orders.customer_id \nFROM orders",
    }
    assert second.node_id == "SELECT customers orders"
    assert attributes(second)["db.collections"] == ["customers", "orders"]


def test_values_are_not_kept(shop: Watched) -> None:
    shop.get("/report")
    shop.get("/sign-up")
    told = [attributes(run)["db.query.text"] for run in shop.queries]
    assert told == [
        "SELECT count(*) FROM customers WHERE email = ?",
        "INSERT INTO customers (email) VALUES (?)",
    ]
    assert [run.input for run in shop.queries] == [None, None]


def test_the_request_is_linked_to_the_models_and_they_to_it(shop: Watched) -> None:
    """Also where its code names none of them, which is what `declared` says."""
    shop.get("/orders")
    shop.get("/orders")
    shop.get("/report")
    links = shop.links()
    assert links["GET /orders"] == {
        ("USES", f"{SHOP}.Order", 4, True),
        ("USES", f"{SHOP}.Customer", 2, True),
    }
    assert links["GET /report"] == {("USES", f"{SHOP}.Customer", 1, False)}
    assert links[f"{SHOP}.Customer"] == {
        ("USED_BY", "GET /orders", 2, True),
        ("USED_BY", "GET /report", 1, False),
    }
    assert links[f"{SHOP}.Order"] == {("USED_BY", "GET /orders", 4, True)}


def test_the_compatible_lists_leave_statements_out_unless_asked(shop: Watched) -> None:
    shop.get("/orders")
    found = shop.ask(LISTS)
    assert {run["nodeKind"] for run in found["compatible"]["runs"]} == {"TASK"}
    assert [run["nodeKind"] for run in found["all"]["runs"]] == ["QUERY", "QUERY"]


def test_a_failure_is_one_error_of_the_request_with_the_apps_stack(shop: Watched) -> None:
    """However many runs it passes through, each of which says so."""
    assert shop.get("/sign-up").status_code == 200
    assert shop.get("/sign-up").status_code == 500
    (error,) = shop.errors
    failed = shop.queries[-1]
    assert (error.type, error.source_id) == ("sqlalchemy.exc.IntegrityError", "GET /sign-up")
    assert (error.run_id, error.correlation_id) == (failed.run_id, failed.correlation_id)
    assert "session.commit()" in (error.stack or "")
    assert "[parameters: [masked]" in error.message
    assert "ada@example.com" not in f"{error.message}{error.stack}"
    assert (failed.node_id, failed.status, failed.ok) == ("INSERT customers", RunStatus.error, False)
    assert failed.error == "UNIQUE constraint failed: customers.email"
    assert attributes(failed)["db.collection.name"] == "customers"


def test_a_failure_that_the_app_catches_leaves_the_request_ok(shop: Watched) -> None:
    shop.get("/sign-up-once")
    assert shop.get("/sign-up-once").status_code == 409
    (error,) = shop.errors
    request = shop.kept(Run)[-1]
    assert (error.type, request.node_id, request.ok) == (
        "sqlalchemy.exc.IntegrityError",
        "GET /sign-up-once",
        True,
    )


def test_many_rows_and_savepoints(shop: Watched) -> None:
    """`executemany` is one run."""
    shop.get("/fill")
    assert shop.names == ["SAVEPOINT", "INSERT customers", "ROLLBACK"]


def test_an_engine_of_asyncio(shop: Watched) -> None:
    """Its statements run in a greenlet: parent, error and stack are right all the same."""
    assert shop.get("/asynchronous").status_code == 500
    queries = {run.node_id: run for run in shop.queries}
    assert queries["SELECT orders"].parent_id == "GET /asynchronous"
    assert queries["SELECT nowhere"].status is RunStatus.error
    (error,) = shop.errors
    assert error.type == "sqlalchemy.exc.OperationalError"
    assert 'await session.execute(text("SELECT * FROM nowhere"))' in (error.stack or "")


def test_threads_do_not_mix(shop: Watched) -> None:
    """Each statement is of the run that was current where it was sent."""
    shop.get("/report")
    before = len(shop.queries)
    engines = [sqlalchemy.create_engine("sqlite://") for _ in range(8)]

    def work(engine: Any) -> None:
        with engine.connect() as connection:
            for _ in range(50):
                connection.exec_driver_sql("SELECT 1")
        engine.dispose()

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = shop.queries[before:]
    assert len(found) == 400
    assert {run.parent_run_id for run in found} == {None}
    assert len({run.correlation_id for run in found}) == 400


def test_our_own_work_is_not_recorded(shop: Watched) -> None:
    """What we store of a request are no statements of the app; nor would ours be, sent by this library."""
    from devtools.telemetry.context import own_work

    shop.get("/orders")
    shop.devtools.flush()
    shop.ask("{ history { runs { totalCount } } }")
    with own_work(), orders.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert len(shop.queries) == 2


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    with watched(orders.make_app(), sources=("asgi",)) as shop:
        shop.get("/orders")
        assert shop.queries == []
    with watched(orders.make_app(), sampling={"sqlalchemy": 0.0}) as shop:
        shop.get("/orders")
        assert shop.queries == []


def test_closing_takes_it_away(tmp_path: Path) -> None:
    """No listener is left, and SQLAlchemy looks for none, unless the app has one of its own."""
    kinds = (sqlalchemy.engine.Engine, sqlalchemy.engine.Dialect)
    before = [kind._has_events for kind in kinds]
    for _ in range(2):
        with watched(orders.make_app()) as shop:
            shop.get("/orders")
            assert all(kind._has_events for kind in kinds)
    assert [kind._has_events for kind in kinds] == before == [False, False]
    heard: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    with watched(orders.make_app()) as shop:
        shop.get("/report")
        sqlalchemy.event.listen(sqlalchemy.engine.Engine, "before_cursor_execute", listen)
    try:
        orders.report(None)  # type: ignore[arg-type] # it does not look
    finally:
        sqlalchemy.event.remove(sqlalchemy.engine.Engine, "before_cursor_execute", listen)
        sqlalchemy.engine.Engine._has_events = False
    assert len(heard) == 1


def test_what_we_cannot_record_is_counted_and_the_app_goes_on(
    shop: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    from devtools.sources import queries

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    assert shop.get("/report").status_code == 200
    recorder = shop.devtools._runtime.recorder  # type: ignore[union-attr] # it runs
    monkeypatch.setattr(queries, "read", broken)
    assert shop.get("/orders").status_code == 200
    assert recorder.dropped["run"] == 2
