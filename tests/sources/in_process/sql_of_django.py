"""Statements of Django are runs in the request that sent them, and link it to the models whose tables they name."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.records import NodeKind, Run, RunStatus
from devtools.telemetry.context import own_work
from tests.apps.django_orders.asgi import start

from .watched import LISTS, Watched, attributes, watched

MODELS = "tests.apps.django_orders.models"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("django") / "orders.db")


@pytest.fixture
def shop(file: str, tmp_path: Path) -> Iterator[Watched]:
    with watched(start(file), database=f"sqlite:///{tmp_path}/devtools.db") as found:
        yield found


def connection() -> Any:
    """That of this thread."""
    from django.db import connection as found

    return found


def test_a_statement_is_a_run_inside_the_request(shop: Watched) -> None:
    assert shop.get("/orders").text == "0"
    first, second = shop.queries
    (request,) = [run for run in shop.kept(Run) if run.node_kind is NodeKind.TASK]
    assert first.node_id == "SELECT django_placed django_orders_customer"
    assert (first.parent_id, first.parent_run_id) == (request.node_id, request.run_id)
    assert first.correlation_id == second.correlation_id == request.correlation_id
    assert 0 < first.duration_ns < request.duration_ns
    assert attributes(second) == {
        "db.system.name": "sqlite",
        "db.operation.name": "SELECT",
        "db.collection.name": "django_orders_customer",
        "db.query.text": 'SELECT COUNT(*) AS "__count" FROM "django_orders_customer"',
    }


def test_values_are_not_kept(shop: Watched) -> None:
    shop.get("/report")
    shop.get("/sign-up")
    assert "ada" not in "".join(attributes(run)["db.query.text"] for run in shop.queries)


def test_the_request_is_linked_to_the_models_and_they_to_it(shop: Watched) -> None:
    shop.get("/orders")
    shop.get("/report")
    links = shop.links()
    assert links["ANY /orders"] == {
        ("USES", f"{MODELS}.Customer", 2, True),
        ("USES", f"{MODELS}.Order", 1, True),
    }
    assert links[f"{MODELS}.Customer"] == {
        ("USED_BY", "ANY /orders", 2, True),
        ("USED_BY", "ANY /report", 1, False),
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
    assert (error.type, error.source_id) == ("django.db.utils.IntegrityError", failed.parent_id)
    assert error.run_id == failed.run_id
    assert "Customer.objects.create" in (error.stack or "")
    assert (failed.node_id, failed.status) == ("INSERT django_orders_customer", RunStatus.error)
    assert failed.error == "UNIQUE constraint failed: django_orders_customer.email"


def test_a_failure_that_the_app_catches_leaves_the_request_ok(shop: Watched) -> None:
    shop.get("/sign-up-once")
    assert shop.get("/sign-up-once").status_code == 409
    assert [error.type for error in shop.errors] == ["django.db.utils.IntegrityError"]
    assert shop.kept(Run)[-1].ok


def test_many_rows_and_savepoints(shop: Watched) -> None:
    shop.get("/fill")
    assert shop.names == ["BEGIN", "SAVEPOINT", "INSERT django_orders_customer", "ROLLBACK"]


def test_an_async_view(shop: Watched) -> None:
    """Its statements run in a thread."""
    assert shop.get("/asynchronous").text == "0"
    (query,) = shop.queries
    assert (query.node_id, query.parent_id) == ("SELECT django_placed", "GET /asynchronous")


def test_threads_do_not_mix(shop: Watched) -> None:
    """Each has a connection of its own, that is made while we record."""

    def work() -> None:
        with connection().cursor() as cursor:
            for _ in range(50):
                cursor.execute("SELECT 1")
        connection().close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    shop.get("/orders")
    for thread in threads:
        thread.join()
    alone = [run for run in shop.queries if run.node_id == "SELECT"]
    assert len({run.correlation_id for run in alone}) == len(alone) == 200
    assert {run.parent_run_id for run in alone} == {None}


def test_our_own_work_is_not_recorded(shop: Watched) -> None:
    shop.get("/orders")
    shop.devtools.flush()
    shop.ask("{ history { runs { totalCount } } }")
    with own_work(), connection().cursor() as cursor:
        cursor.execute("SELECT 1")
    connection().close()
    assert len(shop.queries) == 2


def test_it_can_be_switched_off(file: str) -> None:
    with watched(start(file), sampling={"django_sql": 0.0}) as shop:
        shop.get("/orders")
        assert shop.queries == []


def test_wrappers_of_the_app_stay_what_they_are(shop: Watched) -> None:
    """Also where the connection is made inside of one, which is then taken off again."""
    seen: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    found = connection()
    with found.execute_wrapper(wrapper), found.cursor() as cursor:
        cursor.execute("SELECT 1")
    with found.cursor() as cursor:
        cursor.execute("SELECT 2")
    assert wrapper not in found.execute_wrappers
    found.close()
    assert (seen, shop.names) == (["SELECT 1"], ["SELECT", "SELECT"])


def test_closing_takes_it_away(file: str) -> None:
    """From connections that were open before and from those made since."""
    from django.db.backends.signals import connection_created

    app = start(file)
    receivers = len(connection_created.receivers)
    found = connection()
    found.ensure_connection()
    for _ in range(2):
        with watched(app) as shop:
            with found.cursor() as cursor:
                cursor.execute("SELECT 1")
            assert shop.names == ["SELECT"]
            assert len(found.execute_wrappers) == 1
        assert found.execute_wrappers == []
        assert len(connection_created.receivers) == receivers
    found.close()
