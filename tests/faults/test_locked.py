"""The file is locked, or the process that locked it was stopped: writes queue, reads work, nothing is lost."""

import logging
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools import DevTools
from devtools.errors import BusyError
from devtools.records import ALL, Log
from devtools.settings import load
from devtools.storage.store import DatabaseStore
from tests.faults.conftest import Child
from tests.promises import SHUTDOWN_SECONDS, in_time
from tests.storage.conftest import Running, messages, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def running(file: Path) -> Iterator[Running]:
    made = Running(file)
    yield made
    made.store.close()


def test_a_lock_of_another_program(running: Running, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Someone has the file open in a transaction, for longer than the busy time-out."""
    running.log("before")
    assert running.flush()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    running.log("during")
    with caplog.at_level(logging.WARNING, "devtools"):
        wait_until(lambda: not running.store.status().healthy)
    assert running.messages() == ["before"]
    assert [record.message for record in running.recorder.rings.of(type(running.log("also"))).snapshot()][
        -1
    ] == "also"
    assert "is locked by another process" in str(running.store.status().last_error)
    other.execute("ROLLBACK")
    other.close()
    assert running.flush()
    assert running.messages() == ["before", "during", "also"]
    wait_until(lambda: running.store.status().healthy)
    assert running.store.status().last_error is None
    assert sum("kept in memory meanwhile" in line for line in caplog.messages) == 1


LOCK_AND_STOP = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked")
os.kill(os.getpid(), signal.SIGSTOP)
connection.execute("ROLLBACK")
print("freed")
"""


def test_the_owner_of_a_lock_is_stopped(running: Running, file: Path, child: Callable[..., Child]) -> None:
    """For seconds; nothing is lost and the end comes in time."""
    running.log("before")
    assert running.flush()
    owner = child(LOCK_AND_STOP, file)
    assert owner.line() == "locked"
    for number in range(100):
        running.log(str(number))
    assert not running.store.flush(0.5)
    assert running.messages() == ["before"]
    assert running.store.writer is not None
    assert running.store.writer.unwritten == 100
    owner.signal(signal.SIGCONT)
    assert owner.line() == "freed"
    assert running.flush()
    assert len(running.messages()) == 101
    assert sum(running.recorder.dropped.values()) == 0


def test_shutting_down_while_locked_ends(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In five seconds, at the best of a few tries, and each says how many records were dropped."""
    other = sqlite3.connect(file, isolation_level=None)

    def close() -> float:
        running = Running(file)
        caplog.clear()
        other.execute("BEGIN IMMEDIATE")
        for _ in range(7):
            running.log()
        started = time.monotonic()
        dropped = running.store.close()
        seconds = time.monotonic() - started
        assert dropped == 7
        assert running.recorder.dropped["log"] == 7
        assert "7 records could not be stored before the end" in caplog.text
        other.execute("ROLLBACK")
        return seconds

    in_time(SHUTDOWN_SECONDS, close)
    other.close()


def test_a_full_queue_drops_and_counts(file: Path) -> None:
    """While the file is locked the queue holds what it can."""
    running = Running(file)
    running.recorder.queue_limit = 10
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2_000):
        running.log()
    other.execute("ROLLBACK")
    other.close()
    assert running.flush()
    assert len(running.messages(3_000)) + running.recorder.dropped["log"] == 2_000
    assert running.recorder.dropped["log"] > 0
    running.store.close()


def test_the_structure_is_saved_once_a_lock_at_the_start_is_gone(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was seen once, when the app started: nobody would save it later."""
    Running(file).store.close()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        caplog.at_level(logging.WARNING, "devtools"),
        DevTools(app="shop", database=f"sqlite:///{file}").start(port=0),
    ):
        wait_until(lambda: "kept in memory meanwhile" in caplog.text)
        other.execute("ROLLBACK")
        other.close()
        store = DatabaseStore.open(load({"database": f"sqlite:///{file}"}), read_only=True)
        wait_until(lambda: bool(store.snapshots.list("shop", None)))
        store.close()
    assert sum("is locked by another process" in line for line in caplog.messages) == 1


def test_a_write_by_hand_says_busy(running: Running, file: Path) -> None:
    """Explicit writes never lie."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError, match="Try again"):
        running.store.snapshots.activate(1, "shop")
    other.execute("ROLLBACK")
    other.close()


FORK = """
import os, sys
from tests.storage.conftest import Running
running = Running(sys.argv[1])
running.log("parent before")
pid = os.fork()
if pid == 0:
    for number in range(50):
        running.log(f"child {number}")
    assert running.flush(), running.store.status()
    assert running.store.close() == 0
    os._exit(0)
for number in range(50):
    running.log(f"parent {number}")
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert running.flush()
assert running.store.lease.held
assert running.store.close() == 0
print("done")
"""


def test_a_fork_writes_its_own_records_once(file: Path, child: Callable[..., Child]) -> None:
    """Parent and child both go on, nothing is doubled, and each has its own key."""
    forking = child(FORK, file)
    assert forking.line() == "done"
    running = Running(file)
    stored = running.messages()
    processes = {message.split()[0]: key for message, key in _senders(running)}
    running.store.close()
    assert len(stored) == len(set(stored)) == 101
    assert processes["parent"] != processes["child"]
    assert 0 not in processes.values()


def _senders(running: Running) -> list[tuple[str, int]]:
    with running.store.database.reading() as connection:
        return connection.execute_sql("SELECT message, process_id FROM logs").fetchall()


def test_kept_out_of_the_whole_file(file: Path) -> None:
    """The app starts, and pages that ask how the store is are answered at once."""
    Running(file).store.close()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    running = Running(file)
    running.log("early")
    started = time.monotonic()
    store = running.store
    assert "is locked by another process" in str(store.status().last_error)
    assert [kind.stored for kind in store.kinds()] == [None] * len(ALL)
    assert (list(store.processes()), store.schema().version) == ([], None)
    assert time.monotonic() - started < 4  # less than the busy time-out; at once on a machine at rest
    other.execute("ROLLBACK")
    other.close()
    assert running.flush()
    stored = {kind.record_type: kind.stored for kind in store.kinds()}
    assert stored == {**dict.fromkeys(ALL, 0), Log: 1}
    assert messages(running.store) == ["early"]
    running.store.close()


def test_locked_when_it_is_opened(file: Path) -> None:
    """The app starts; what it records is stored once the file is free, under the key it gets then."""
    Running(file).store.close()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    running = Running(file)
    assert time.monotonic() - started < 40  # a loaded machine; the busy time-out is 5
    assert not running.store.status().healthy
    running.log("early")
    other.execute("ROLLBACK")
    other.close()
    assert running.flush()
    assert messages(running.store) == ["early"]
    assert all(key == running.recorder.process_id != 0 for _, key in _senders(running))
    running.store.close()


def test_shutting_down_keeps_its_deadline(running: Running, file: Path) -> None:
    """Also while another thread of the app waits for the locked file, and hangs in it."""
    wait_until(lambda: running.store.lease.held)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused: list[BusyError] = []

    def activate() -> None:
        try:
            running.store.snapshots.activate(1, "shop")
        except BusyError as error:
            refused.append(error)

    waiting = threading.Thread(target=activate)
    waiting.start()
    wait_until(lambda: not _is_free(running))
    started = time.monotonic()
    assert running.store.close(1.0) == 0
    assert not refused, f"waited for the other thread: {time.monotonic() - started} s"
    waiting.join()
    assert refused
    other.execute("ROLLBACK")
    other.close()


def _is_free(running: Running) -> bool:
    lock = running.store.database._lock
    free = lock.acquire(blocking=False)
    if free:
        lock.release()
    return free


def test_the_file_may_come_free_at_any_time_before_the_deadline(running: Running, file: Path) -> None:
    """What waits is stored then."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    running.log("waits")
    freeing = threading.Timer(1.0, lambda: other.execute("ROLLBACK"))
    freeing.start()
    assert running.store.close(30) == 0
    freeing.join()
    assert other.execute("SELECT message FROM logs").fetchall() == [("waits",)]
    other.close()
