"""Which processes a database knows: those that live, and those of which records are left."""

import os
import time
from collections.abc import Callable

import pytest

from devtools.storage import housekeeping, processes, retention
from devtools.storage.tables import Process
from devtools.telemetry.identifiers import SLOTS
from tests.storage.conftest import Running, end, wait_until

Start = Callable[..., Running]
MINUTES_NS = 60_000_000_000


def known(running: Running) -> list[int]:
    return sorted(process.id for process in running.store.processes())


def test_an_ended_process_stays_as_long_as_its_records(run: Start, ended_pid: int) -> None:
    """Then it is forgotten; the one that recorded nothing at once."""
    first, idle, running = run(), run(), run()
    ages_ns = 20 * MINUTES_NS
    first.recorder._time_ns = lambda: time.time_ns() - ages_ns // 2
    made = first.log("of the first")
    keys = [each.recorder.process_id for each in (first, idle, running)]
    for ended in (first, idle):
        ended.store.close()
        end(running, ended.recorder.process_id, pid=ended_pid, started_ns=time.time_ns() - ages_ns)
    assert processes.prune(running.store.database, time.time_ns()) == 1
    assert known(running) == [keys[0], keys[2]]
    retention.older_than(running.store.database, type(made), time.time_ns())
    assert processes.prune(running.store.database, time.time_ns()) == 1
    assert known(running) == [keys[2]]


@pytest.mark.parametrize(
    ("host", "pid", "minutes", "stays"),
    [
        (None, os.getppid(), 10, True),
        (None, os.getppid(), 60 * 25, False),
        (None, os.getpid(), 60 * 23, False),
        ("elsewhere", os.getpid(), 10, True),
        ("elsewhere", os.getpid(), 61, False),
    ],
    ids=[
        "it lives",
        "its number is another's",
        "its number is ours",
        "seen lately elsewhere",
        "not seen for long elsewhere",
    ],
)
def test_who_lives_is_not_forgotten(
    run: Start, host: str | None, pid: int, minutes: int, *, stays: bool
) -> None:
    """On this machine the process itself is looked for; of another the last sign of life counts."""
    other, running = run(), run()
    other.store.close()
    unseen = {"last_seen_ns": time.time_ns() - minutes * MINUTES_NS, "pid": pid}
    end(running, other.recorder.process_id, **unseen, **({"host": host} if host else {}))
    processes.prune(running.store.database, time.time_ns())
    assert (other.recorder.process_id in known(running)) is stays


def test_a_clock_that_goes_back_ends_nobody(run: Start) -> None:
    """This process knows its own rows, whatever they say about time."""
    running = run()
    end(running, running.recorder.process_id, last_seen_ns=1, started_ns=1)
    key = running.recorder.process_id
    for now_ns in (1, time.time_ns(), time.time_ns() + 60 * 25 * MINUTES_NS):
        assert processes.ended(running.store.database, [key], now_ns) == set()


def test_who_was_forgotten_while_its_machine_slept_is_listed_again(
    run: Start, ended_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "SEEN_SECONDS", 0.05)
    running = run()
    key = running.recorder.process_id
    end(running, key, pid=ended_pid)
    processes.prune(running.store.database, time.time_ns() + 10 * MINUTES_NS)
    wait_until(lambda: known(running) == [key])
    (listed,) = running.store.processes()
    assert (listed.app, listed.role, listed.version, listed.pid) == ("shop", "main", "1.0", os.getpid())


def test_slots_of_the_living_are_never_shared(run: Start) -> None:
    """Also after as many processes as there are slots; the slot of none is left alone."""
    living = [run() for _ in range(3)]
    with living[0].store.database.writing() as connection:
        connection.execute_sql(
            "UPDATE counters SET value = ? WHERE name = ?", (SLOTS - 1, processes.LAST_PROCESS)
        )
    living += [run() for _ in range(3)]
    slots = [each.recorder.process_id % SLOTS for each in living]
    assert len(set(slots)) == 6
    assert 0 not in slots


def test_ten_starts_leave_one_row_each_until_they_are_pruned(run: Start, ended_pid: int) -> None:
    """As many reloads do; what lives is what is listed afterwards."""
    for _ in range(10):
        ended = run()
        ended.store.close()
    running = run()
    with running.store.database.writing() as connection:
        connection.execute(
            Process.update(pid=ended_pid, last_seen_ns=1).where(Process.id != running.recorder.process_id)
        )
    assert processes.prune(running.store.database, time.time_ns()) == 10
    assert known(running) == [running.recorder.process_id]
