"""kill -9 while runs are counted: what was stored is counted, and once."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.storage import recount
from devtools.storage.store import DatabaseStore
from tests.faults.conftest import Child
from tests.storage.conftest import Running, resolved, wait_until
from tests.storage.test_rollups import stored_and_counted

pytestmark = pytest.mark.slow

RECORD_RUNS = """
import sys, time
from devtools.storage import writer
writer.ROLL_UP_SECONDS = float(sys.argv[2])
from tests.storage.conftest import Running
from tests.storage.test_rollups import ran
running = Running(sys.argv[1], capacity=100_000)
running.store.snapshot_version = lambda: 1
number = 0
while True:
    ran(running, f"shop.n{number % 7}")
    number += 1
    if number % 100 == 0:
        time.sleep(0.001)
        if number == 5_000:
            print("going", flush=True)
"""


def test_what_a_killed_process_stored_is_counted_once(child: Callable[..., Child], file: Path) -> None:
    """By the next process; not while it still ran, and not again by those that come later."""
    running = child(RECORD_RUNS, file, 2.0)
    assert running.line() == "going"
    other = Running(file)
    wait_until(lambda: any(stored_and_counted(other.store)[1].values()), 20)
    assert recount.of_ended(other.store.database, time.time_ns()) == 0
    running.signal(signal.SIGKILL)
    running.process.wait()
    other.store.close()
    left = DatabaseStore.open(resolved(file), read_only=True)
    stored, counted = stored_and_counted(left)
    left.close()
    assert all(counted[key] <= stored[key] for key in counted)

    for _ in range(2):
        again = Running(file)
        wait_until(lambda store=again.store: not waits_to_be_counted(store), 20)
        assert stored_and_counted(again.store) == (stored, stored)
        again.store.close()


def test_what_a_killed_process_stored_is_counted_before_it_is_pruned(
    child: Callable[..., Child], file: Path
) -> None:
    """Where the next start keeps far fewer runs than are there."""
    running = child(RECORD_RUNS, file, 1_000.0)
    assert running.line() == "going"
    left = DatabaseStore.open(resolved(file), read_only=True)
    wait_until(lambda: uncounted(left) > 1_000, 20)
    running.signal(signal.SIGKILL)
    running.process.wait()
    stored, _ = stored_and_counted(left)
    assert uncounted(left) > 1_000
    left.close()
    again = Running(file, max_entries=100)
    kept, counted = stored_and_counted(again.store)
    again.store.close()
    assert counted == stored
    assert sum(kept.values()) < sum(stored.values())


def uncounted(store: DatabaseStore) -> int:
    """How many runs are stored that are not counted."""
    stored, counted = stored_and_counted(store)
    return sum(stored.values()) - sum(counted.values())


def waits_to_be_counted(store: DatabaseStore) -> bool:
    """Whether the process of the runs may have left some uncounted."""
    names = "SELECT 'counted.' || process_id FROM runs"
    with store.database.reading() as connection:
        return bool(connection.execute_sql(f"SELECT 1 FROM counters WHERE name IN ({names})").fetchall())
