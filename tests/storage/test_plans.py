"""How SQLite answers: the common questions by an index, no page by sorting the table."""

import logging
from typing import Any

import pytest

from devtools.records import ALL, Emission, Error, Log, Record, Run, fields_of
from devtools.settings import Retention
from devtools.storage import retention
from devtools.storage.queries import _page
from devtools.telemetry.filters import EVERYTHING, Condition, Filter, from_arguments
from devtools.telemetry.pages import Order, PageRequest
from tests.storage.conftest import Running

FAILED = {"ok": False}


def plan(running: Running, record_type: type[Record], query: Filter, request: PageRequest) -> str:
    with running.store.database.reading() as connection:
        select = _page(connection, record_type, query, request).limit(101)
        sql, parameters = connection.get_sql_context().sql(select).query()
        rows = connection.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
    return "; ".join(row[-1] for row in rows)


@pytest.mark.parametrize(
    ("record_type", "arguments", "index"),
    [
        (Run, FAILED, "runs_failed"),
        (Run, {**FAILED, "node_ids": ["a"]}, "runs_failed_by_node_id"),
        (Run, {"node_ids": ["a"]}, "runs_by_node_id"),
        (Run, {"correlation_ids": ["c"]}, "runs_by_correlation_id"),
        (Log, {"min_level": "warn"}, "logs_alerts"),
        (Log, {"levels": ["error"]}, "logs_alerts"),
        (Log, {"source_ids": ["s"]}, "logs_by_source_id"),
        (Log, {"correlation_ids": ["c"]}, "logs_by_correlation_id"),
        (Error, {"fingerprints": ["f"]}, "errors_by_fingerprint"),
        (Error, {"source_ids": ["s"]}, "errors_by_source_id"),
        (Emission, {"event_ids": ["e"]}, "emissions_by_event_id"),
    ],
    ids=str,
)
@pytest.mark.parametrize("after", [None, 5])
def test_common_questions_use_their_index(
    record_type: type[Record], arguments: dict[str, Any], index: str, after: int | None
) -> None:
    """And need no sorting, at any depth."""
    running = Running(":memory:")
    shown = plan(running, record_type, from_arguments(record_type, arguments), PageRequest(100, after))
    running.store.close()
    assert f"USING INDEX {index}" in shown or f"USING COVERING INDEX {index}" in shown, shown
    assert "TEMP B-TREE" not in shown


@pytest.mark.parametrize(
    ("record_type", "link"), [(Log, "run_id"), (Error, "run_id"), (Run, "parent_run_id")], ids=str
)
def test_the_parts_of_the_runs_of_a_list_are_found_by_index(
    record_type: type[Record], link: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each in its own order, which ends where enough was found: nothing is sorted, nothing read to its end."""
    running = Running(":memory:")
    with caplog.at_level(logging.DEBUG, "peewee"):
        running.store.history.pages_by(record_type, link, [1, 2, 3], 10)
    ((sql, parameters),) = [
        message
        for entry in caplog.records
        if "part_of" in str(message := entry.msg)  # as Peewee logs it
    ]
    with running.store.database.reading() as connection:
        rows = connection.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
    running.store.close()
    shown = "; ".join(row[-1] for row in rows)
    assert shown.count(f"USING INDEX {record_type.kind}s_by_{link}") == 3, shown
    assert "TEMP B-TREE" not in shown


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("record_type", ALL)
def test_no_page_sorts_the_table(record_type: type[Record], order: Order) -> None:
    """Whatever one value is asked for, rows come in the order of ids."""
    running = Running(":memory:")
    for field in fields_of(record_type):
        if field.name in {"id", "time_ns"}:
            continue
        query = Filter((Condition(field.name, "one_of", (1,)),))
        shown = plan(running, record_type, query, PageRequest(100, 5, order))
        assert "TEMP B-TREE" not in shown, (field.name, shown)
    running.store.close()


@pytest.mark.parametrize(("column", "index"), [("correlation_id", "correlation_id"), ("run_id", "run_id")])
def test_the_parts_of_a_trace_are_found_by_index(column: str, index: str) -> None:
    """For every kind that has the column."""
    running = Running(":memory:")
    for record_type in (kind for kind in ALL if hasattr(kind, column)):
        query = Filter((Condition(column, "one_of", ("x",)),))
        shown = plan(running, record_type, query, PageRequest(100, order=Order.OLDEST))
        assert f"{record_type.kind}s_by_{index}" in shown, shown
    running.store.close()


def test_a_short_span_is_read_through_the_index_on_time() -> None:
    """A long one in the order of ids, which fills a page at once."""
    running = Running(":memory:")
    query = from_arguments(Log, {"since_ms": 1})
    assert "logs_by_time" in plan(running, Log, query, PageRequest(100))
    running.recorder.queue_limit = 10_000
    for _ in range(6_000):
        running.log()
    assert running.flush()
    assert "logs_by_time" not in plan(running, Log, query, PageRequest(100))
    running.store.close()


def test_counting_a_kind_reads_no_row() -> None:
    """Retention counts every few seconds: SQLite's own opcode adds up the pages of the smallest index."""
    running = Running(":memory:")
    assert running.store.housekeeping is not None
    assert running.store.housekeeping.close(10)  # it asks on the same connection
    asked: list[str] = []
    with running.store.database.reading() as connection:
        connection.connection().set_trace_callback(asked.append)
    retention.by_rows(running.store.database, {Log: Retention(5, None)})
    running.store.history.count(Log, EVERYTHING)
    with running.store.database.reading() as connection:
        connection.connection().set_trace_callback(None)
        counts = [sql for sql in asked if sql.upper().startswith("SELECT COUNT")]
        for sql in counts:
            operations = {row[1] for row in connection.execute_sql(f"EXPLAIN {sql}").fetchall()}
            assert "Count" in operations, sql
    running.store.close()
    assert len(counts) == 2
