"""Counts by the hour: equal to a scan, and there when the runs are not."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from devtools.records import NodeKind, Run, RunStatus
from devtools.settings import Retention
from devtools.storage import histogram, recount, retention, writer
from devtools.storage.behaviour import Behaviour
from devtools.storage.rollups import HOUR_NS, Cell, Key
from devtools.storage.store import DatabaseStore
from devtools.storage.tables import RunRollup
from tests.storage.conftest import Running, end, resolved, wait_until

ROOT = Path(__file__).parents[2]
DAY_NS = 24 * HOUR_NS
FIRST_HOUR = time.time_ns() // HOUR_NS - 20
"""So young that housekeeping, whose first pass may come at any time, leaves it."""


def ran(running: Running, node_id: str = "shop.buy", **fields: Any) -> None:
    known = {
        "run_id": 1, "node_kind": NodeKind.TASK, "name": "buy", "duration_ns": 1_000_000, "status": RunStatus.ok, "ok": True,
    }  # fmt: skip
    running.recorder.record(Run, node_id=node_id, **(known | fields))


def cells(store: DatabaseStore) -> list[tuple[Any, ...]]:
    columns = RunRollup.hour, RunRollup.node_id, RunRollup.snapshot_version, RunRollup.runs, RunRollup.errors
    with store.database.reading() as connection:
        return connection.execute(RunRollup.select(*columns).order_by(*columns)).fetchall()


def behaviour(running: Running) -> Mapping[str, Behaviour]:
    """Under version 1, once all is stored however slow the machine is."""
    assert running.store.flush(20)
    assert running.store.writer is not None
    assert running.store.writer.flush(20, counts=True)
    return running.store.behaviour(1, "shop")


@pytest.fixture
def running(file: Path) -> Iterator[Running]:
    made = Running(file, capacity=10_000)
    made.store.snapshot_version = lambda: 1
    yield made
    made.store.close()


def test_a_cell_per_hour_element_and_version(running: Running) -> None:
    """However many batches there were, and also for more elements than one statement takes."""
    for turn in range(3):
        for number in range(100):
            ran(
                running,
                f"shop.n{number:02}",
                time_ns=(FIRST_HOUR + turn) * HOUR_NS,
                ok=turn != 1,
                status=RunStatus.error,
            )
            ran(running, f"shop.n{number:02}", time_ns=(FIRST_HOUR + turn) * HOUR_NS, snapshot_version=2)
        behaviour(running)
    expected = [
        (FIRST_HOUR + turn, f"shop.n{number:02}", version, 1, int(version == 1))
        for turn in range(3)
        for number in range(100)
        for version in (1, 2)
    ]
    assert cells(running.store) == expected
    running.store.close()


def test_counts_are_written_soon_and_at_the_end(running: Running, file: Path) -> None:
    """Without anyone asking for them."""
    ran(running)
    wait_until(lambda: cells(running.store))
    ran(running)
    running.store.close()
    other = DatabaseStore.open(resolved(file), read_only=True)
    assert [cell[3] for cell in cells(other)] == [2]
    other.close()


def test_behaviour_outlives_the_runs(running: Running) -> None:
    """Retention takes the rows, not what was counted; percentiles are then those of the histogram."""
    for duration in range(1, 101):
        ran(running, duration_ns=duration * 1_000_000)
    exact = behaviour(running)["shop.buy"]
    retention.by_rows(running.store.database, {Run: Retention(max_rows=10)})
    left = behaviour(running)["shop.buy"]
    assert (exact.count, exact.exact, exact.p95_ms) == (100, True, 95.0)
    assert (left.count, left.exact) == (100, False)
    assert left.p95_ms == pytest.approx(95.0, rel=0.09)
    running.store.close()


def test_many_runs_are_answered_from_the_histogram(running: Running) -> None:
    """From 500 on."""
    for number in range(500):
        ran(running, "shop.many", duration_ns=(number + 1) * 1_000_000)
        if number:
            ran(running, "shop.few")
    found = behaviour(running)
    assert (found["shop.many"].exact, found["shop.few"].exact) == (False, True)
    assert found["shop.many"].p50_ms == pytest.approx(250, rel=0.09)
    running.store.close()


def test_clearing_the_runs_clears_what_was_counted(running: Running) -> None:
    ran(running)
    behaviour(running)
    running.store.clear(Run)
    assert behaviour(running) == {}
    ran(running)
    assert behaviour(running)["shop.buy"].count == 1
    running.store.close()


def test_old_hours_go_a_tenth_at_a_time(running: Running) -> None:
    """A clock that jumped must not empty them."""
    for hour in range(20):
        ran(running, time_ns=(FIRST_HOUR + hour) * HOUR_NS)
    behaviour(running)
    limits = Retention(max_rows=None, max_age_days=1)
    jumped_ns = FIRST_HOUR * HOUR_NS + 1_000 * DAY_NS
    assert retention.rollups_by_age(running.store.database, limits, jumped_ns) == 2
    assert [cell[0] for cell in cells(running.store)] == list(range(FIRST_HOUR + 2, FIRST_HOUR + 20))
    assert retention.rollups_by_age(running.store.database, Retention(None, None), jumped_ns) == 0
    running.store.close()


def test_a_run_that_the_database_refuses_is_not_counted(running: Running) -> None:
    """What is counted is what is stored."""
    ran(running, "shop.fine")
    ran(running, "shop.broken", duration_ns=1 << 70)
    assert behaviour(running).keys() == {"shop.fine"}
    running.store.close()


def test_processes_are_counted_side_by_side(file: Path) -> None:
    first, second = Running(file), Running(file)
    for running in (first, second):
        running.store.snapshot_version = lambda: 1
        for _ in range(5):
            ran(running)
    behaviour(second)
    assert behaviour(first)["shop.buy"].count == 10
    first.store.close()
    second.store.close()


def stored_and_counted(store: DatabaseStore) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
    """Runs per element and version, as rows and as counts."""
    stored, counted = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    with store.database.reading() as connection:
        for row in connection.execute_sql("SELECT node_id, snapshot_version FROM runs").fetchall():
            stored[row] += 1
    for _, node_id, version, runs, _ in cells(store):
        counted[node_id, version] += runs
    return stored, counted


def test_a_large_rest_is_counted_in_parts_with_its_failures(
    running: Running, ended_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it would have been counted by its own process; what came before the structure was known is version 0."""
    monkeypatch.setattr(recount, "CHUNK", 10)
    monkeypatch.setattr(writer, "ROLL_UP_SECONDS", 1_000.0)
    running.store.snapshot_version = lambda: None
    for number in range(95):
        failed = number % 5 == 0
        ran(running, status=RunStatus.error if failed else RunStatus.ok, ok=not failed, duration_ns=number)
        if number == 3:
            assert running.store.writer is not None
            assert running.store.writer.flush(20, counts=True)
    assert running.flush()
    assert running.store.housekeeping is not None
    assert running.store.housekeeping.close(20)
    counted = sum(stored_and_counted(running.store)[1].values())
    end(running, running.recorder.process_id, pid=ended_pid)
    assert recount.of_ended(running.store.database, time.time_ns()) == 95 - counted
    columns = [getattr(RunRollup, name) for name in (*Key._fields[1:3], *Cell._fields)]
    with running.store.database.reading() as connection:
        ((*cell, durations),) = connection.execute(RunRollup.select(*columns)).fetchall()
    assert cell == ["shop.buy", 0, "TASK", 95, 19, sum(range(95))]
    assert histogram.decode(durations) == histogram.of(list(range(95)))
    assert running.store.writer is not None
    running.store.writer.rollups.clear()


def test_who_was_taken_for_ended_counts_on_and_nothing_twice(
    file: Path, ended_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a night in which the machine slept: another has counted what this one still held, and more came."""
    monkeypatch.setattr(writer, "ROLL_UP_SECONDS", 1_000.0)
    running = Running(file)
    running.store.snapshot_version = lambda: 1
    database = running.store.database
    ran(running)
    total = behaviour(running)["shop.buy"].count
    for _ in range(3):
        for _ in range(5):
            ran(running)
        assert running.flush()
        end(running, running.recorder.process_id, pid=ended_pid)
        assert recount.of_ended(database, time.time_ns()) > 0
        assert recount.of_ended(database, time.time_ns()) == 0
        for _ in range(5):
            ran(running)
        total += 10
        assert behaviour(running)["shop.buy"].count == total
        assert stored_and_counted(running.store) == ({("shop.buy", 1): total},) * 2
    running.store.close()
    again = Running(file)
    assert behaviour(again)["shop.buy"].count == total
    again.store.close()


def test_an_idle_process_is_taken_for_ended_again_and_again(file: Path, ended_pid: int) -> None:
    """Nothing of it waits to be counted then; it records more, and ends."""
    running = Running(file)
    running.store.snapshot_version = lambda: 1
    for number in range(1, 4):
        ran(running)
        assert behaviour(running)["shop.buy"].count == number
        end(running, running.recorder.process_id, pid=ended_pid)
        assert recount.of_ended(running.store.database, time.time_ns()) == 0
    running.store.close()
    again = Running(file)
    assert again.store.status().healthy
    assert recount.of_ended(again.store.database, time.time_ns()) == 0
    assert behaviour(again)["shop.buy"].count == 3
    again.store.close()


def test_what_another_counted_is_left_out_also_where_its_rows_are_gone(
    file: Path, ended_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention may take them before this process counts on."""
    monkeypatch.setattr(writer, "ROLL_UP_SECONDS", 1_000.0)
    running = Running(file)
    running.store.snapshot_version = lambda: 1
    ran(running)
    behaviour(running)
    for failed in (False, True):
        ran(running, ok=not failed, status=RunStatus.error if failed else RunStatus.ok)
    assert running.flush()
    end(running, running.recorder.process_id, pid=ended_pid)
    assert recount.of_ended(running.store.database, time.time_ns()) == 2
    for number in range(20):
        ran(running, ok=number > 0, status=RunStatus.ok if number else RunStatus.error)
    assert running.flush()
    retention.everything(running.store.database, Run)
    assert running.store.writer is not None
    assert running.store.writer.flush(20, counts=True)
    (_, _, _, runs, errors), *others = cells(running.store)
    assert (runs, errors, others) == (23, 2, [])
    running.store.close()


@pytest.mark.slow
def test_what_was_recorded_before_the_database_was_open_is_counted(file: Path) -> None:
    """Though another process has stored newer records meanwhile."""
    first = Running(file)
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    second = Running(file)
    for running in (second, first):
        running.store.snapshot_version = lambda: 1
        for _ in range(5):
            ran(running)
    assert second.recorder.process_id == 0
    lock.execute("ROLLBACK")
    lock.close()
    assert first.flush()
    wait_until(lambda: second.recorder.process_id)
    assert second.flush()
    behaviour(first)
    assert behaviour(second)["shop.buy"].count == 10
    first.store.close()
    second.store.close()


def test_what_an_ended_process_stored_after_all_is_counted_too(
    file: Path, ended_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept, was taken for ended, woke, and was killed before it counted."""
    monkeypatch.setattr(writer, "ROLL_UP_SECONDS", 1_000.0)
    running, other = Running(file), Running(file)
    running.store.snapshot_version = lambda: 1
    ran(running)
    behaviour(running)
    end(running, running.recorder.process_id, pid=ended_pid)
    assert recount.of_ended(other.store.database, time.time_ns()) == 0
    for _ in range(5):
        ran(running)
    assert running.flush()
    assert recount.of_ended(other.store.database, time.time_ns()) == 5
    assert stored_and_counted(other.store) == ({("shop.buy", 1): 6},) * 2
    running.store.close()
    other.store.close()


def test_what_was_not_counted_yet_does_not_come_back_after_clearing(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROLL_UP_SECONDS", 1_000.0)
    running.store.snapshot_version = lambda: 1
    for _ in range(3):
        ran(running)
        assert running.flush()
    running.store.clear(Run)
    assert behaviour(running) == {}
    running.store.close()
