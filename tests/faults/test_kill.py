"""kill -9 at any moment: no acknowledged row lost, no half batch, the next start is quick."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.records import Log
from devtools.telemetry.filters import EVERYTHING
from tests.faults.conftest import Child
from tests.promises import LEASE_SECONDS, START_AFTER_KILL_SECONDS, in_time
from tests.storage.conftest import Running, wait_until

pytestmark = pytest.mark.slow

RECORD_AND_ACKNOWLEDGE = """
import sys
from tests.storage.conftest import Running
running = Running(sys.argv[1])
number = 0
while True:
    for _ in range(37):
        running.log(str(number))
        number += 1
    assert running.flush()
    print(number)
"""


def test_no_acknowledged_row_is_lost(child: Callable[..., Child], file: Path, tmp_path: Path) -> None:
    """Ten kills at random moments; every number whose flush returned is there, without a hole.

    What a kill leaves can be recorded to again within a second, at the best of the ten: other work makes some of them late.
    """
    chance = random.Random(7)
    acknowledged: list[int] = []
    seconds: list[float] = []
    for kill in range(10):
        running = child(RECORD_AND_ACKNOWLEDGE, file)
        last = int(running.line())
        deadline = time.monotonic() + chance.uniform(0.0, 0.3)
        while time.monotonic() < deadline:
            last = int(running.line())
        running.signal(signal.SIGKILL)
        rest = running.process.communicate()[0].split()
        acknowledged.append(int(rest[-1]) if rest else last)
        seconds.append(_seconds_to_start(file, tmp_path / f"left by kill {kill}"))

    assert min(seconds) < START_AFTER_KILL_SECONDS, seconds
    running_again = Running(file)
    by_process: dict[int, list[int]] = {}
    with running_again.store.database.reading() as connection:
        for process, message in connection.execute_sql(
            "SELECT process_id, message FROM logs ORDER BY id"
        ).fetchall():
            by_process.setdefault(process, []).append(int(message))
        assert connection.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    for numbers, least in zip(by_process.values(), acknowledged, strict=True):
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= least
    running_again.store.close()


def _seconds_to_start(file: Path, folder: Path) -> float:
    """On a copy of what lies there, until a row is stored."""
    folder.mkdir()
    for part in file.parent.glob(f"{file.name}*"):
        shutil.copy2(part, folder)
    started = time.monotonic()
    running = Running(folder / file.name)
    running.log("again")
    assert running.flush()
    seconds = time.monotonic() - started
    running.store.close()
    return seconds


RECORD_SLOWLY = """
import sys, time
from tests.storage.conftest import Running
running = Running(sys.argv[1])
number = 0
while True:
    running.log(str(number))
    number += 1
    print(number, time.monotonic())
    time.sleep(0.005)
"""


TRIES = 10
"""On a machine with other work a writer may have to wait longer than it is given; not every time."""


def test_what_was_recorded_half_a_second_before_is_there(child: Callable[..., Child], tmp_path: Path) -> None:
    """Without any flush."""
    assert any(_keeps_what_is_older(child, tmp_path / f"{number}.db") for number in range(TRIES))


def _keeps_what_is_older(child: Callable[..., Child], file: Path) -> bool:
    running = child(RECORD_SLOWLY, file)
    lines: list[tuple[int, float]] = []
    while len(lines) < 300:
        number, at = running.line().split()
        lines.append((int(number), float(at)))
    running.signal(signal.SIGKILL)
    killed = time.monotonic()
    running.process.wait()
    again = Running(file)
    stored = again.store.history.count(Log, EVERYTHING)
    again.store.close()
    return stored >= max(number for number, at in lines if at < killed - 0.5)


HOLD_THE_LEASE = """
import sys, time
from tests.storage.conftest import Running, wait_until
running = Running(sys.argv[1])
wait_until(lambda: running.store.lease.held)
print("held")
time.sleep(300)
"""


def test_another_process_takes_the_lease(child: Callable[..., Child], file: Path) -> None:
    """The kernel frees the lock of a dead process: five seconds later, at the best of a few tries, another has it."""

    def move() -> float:
        holder = child(HOLD_THE_LEASE, file)
        assert holder.line() == "held"
        running = Running(file)
        assert not running.store.lease.held
        assert running.store.schema().lease_holder is not None
        holder.signal(signal.SIGKILL)
        killed = time.monotonic()
        holder.process.wait()
        wait_until(lambda: running.store.lease.held)
        seconds = time.monotonic() - killed
        running.store.close()
        return seconds

    in_time(LEASE_SECONDS, move)


SAVE_SNAPSHOTS = """
import sys
from devtools.records.snapshots import SnapshotRow
from tests.storage.conftest import Running
running = Running(sys.argv[1])
for number in range(12):
    running.store.snapshots.save(SnapshotRow(
        app="shop", role="main", created_ns=1, last_seen_ns=number, content_hash=f"{sys.argv[2]}-{number}",
        python_version="3", element_count=0, content=b"x"))
assert running.store.close() == 0
"""


def test_eight_processes_saving_at_once(child: Callable[..., Child], file: Path) -> None:
    """End with exactly one active version and ten kept, numbers never used twice."""
    children = [child(SAVE_SNAPSHOTS, file, number) for number in range(8)]
    for each in children:
        assert each.process.wait(120) == 0
    running = Running(file)
    kept = running.store.snapshots.list("shop")
    running.store.close()
    assert len(kept) == 10
    assert len([row for row in kept if row.active]) == 1
    assert kept[0].version == 8 * 12
