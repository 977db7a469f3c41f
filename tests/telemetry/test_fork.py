"""A fork at any moment: the child records on, with a whole recorder, and only what is its own."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools import settings
from devtools.errors import LimitExceededError
from devtools.records import Level, Log
from devtools.storage.store import DatabaseStore
from devtools.telemetry import runs
from devtools.telemetry.filters import EVERYTHING, from_arguments
from devtools.telemetry.identifiers import new_run_id
from devtools.telemetry.recorder import Recorder

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")]
FORKS = 10
SECONDS = 120
PLENTY = 10_000_000


@contextmanager
def load(recorder: Recorder, threads: int = 2) -> Iterator[None]:
    """Threads that record and read without a pause, changing as often as they can."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            for _ in range(40):
                recorder.log(Level.info, "of the parent")
            recorder.record(Log, level=Level.info, message="of the parent")
            recorder.settle()
            time.sleep(0)

    running = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        ended.set()
        for thread in running:
            thread.join()


def in_child(check: Callable[[], bool]) -> int:
    """Fork, check there, answer the exit code; a child that hangs is ended by its alarm."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        sys.setswitchinterval(0.005)
        code = 2
        try:
            code = 0 if check() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_children_of_a_busy_process_record_on() -> None:
    """Without a database: nobody waits for a thread that is not there, and what the child has is whole."""
    recorder = Recorder(capacity=PLENTY)

    def check() -> bool:
        ring = recorder.rings.of(Log)
        if recorder._logs or ring.evicted != 0:
            return False
        recorder.log(Level.info, "of the child")
        return ring.snapshot()[-1].message == "of the child" and ring.evicted == 0

    with load(recorder):
        codes = [in_child(check) for _ in range(FORKS)]
    assert codes == [0] * FORKS


def test_children_of_a_busy_process_store_what_is_theirs(tmp_path: Path) -> None:
    """With a database: each child's line is stored once, under a process of its own."""
    recorder = Recorder(capacity=100)
    resolved = settings.load({"database": tmp_path / "story.db"}, environment={})
    store = DatabaseStore.open(resolved)
    store.start(recorder, "shop", "main")

    def check() -> bool:
        recorder.log(Level.info, "of the child")
        return store.flush(SECONDS)

    with load(recorder):
        codes = [in_child(check) for _ in range(FORKS)]
    assert codes == [0] * FORKS
    assert store.history.count(Log, from_arguments(Log, {"search": "of the child"})) == FORKS
    assert store.flush(SECONDS)
    written = recorder.rings.of(Log).recorded - recorder.dropped["log"]
    assert store.history.count(Log, EVERYTHING) == written + FORKS
    store.close()


def test_children_of_a_process_that_reads_without_a_pause(tmp_path: Path) -> None:
    """Whatever SQLite is doing in other threads, the child can read and write; the parent reads on."""
    recorder = Recorder(capacity=100)
    resolved = settings.load({"database": tmp_path / "story.db"}, environment={})
    store = DatabaseStore.open(resolved)
    store.start(recorder, "shop", "main")
    for _ in range(2_000):
        recorder.log(Level.info, "of the parent")
    assert store.flush(SECONDS)
    ended, failed = threading.Event(), list[Exception]()

    def read() -> None:
        while not ended.is_set():
            try:
                store.history.count(Log, from_arguments(Log, {"search": "parent"}))
                store.catch_up()
            except Exception as error:
                failed.append(error)

    def check() -> bool:
        recorder.log(Level.info, "of the child")
        store.catch_up()
        kept = [log.message for log in recorder.rings.of(Log).snapshot()]
        return store.flush(SECONDS) and kept.count("of the child") >= 1 and store.close() == 0

    readers = [threading.Thread(target=read, daemon=True) for _ in range(4)]
    for reader in readers:
        reader.start()
    codes = [in_child(check) for _ in range(FORKS)]
    ended.set()
    for reader in readers:
        reader.join(SECONDS)
    assert codes == [0] * FORKS
    assert failed == []
    assert store.history.count(Log, from_arguments(Log, {"search": "of the child"})) == FORKS
    store.close()


def test_a_fork_waits_for_reads_a_moment_only(tmp_path: Path) -> None:
    """A query that goes on and on is ended, and says so; the next ones go on."""
    store = DatabaseStore.open(settings.load({"database": tmp_path / "story.db"}, environment={}))
    began, ended = threading.Event(), list[Exception]()

    def read_for_ever() -> None:
        try:
            with store.database.reading() as connection:
                began.set()
                connection.execute_sql(
                    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
                )
        except LimitExceededError as error:
            ended.append(error)

    reader = threading.Thread(target=read_for_ever, daemon=True)
    reader.start()
    assert began.wait(SECONDS)
    assert in_child(lambda: store.history.count(Log, EVERYTHING) == 0) == 0
    reader.join(5)
    assert len(ended) == 1
    assert store.history.count(Log, EVERYTHING) == 0
    store.close()


def test_a_fork_inside_the_recorders_own_lock_goes_on(recorder: Recorder) -> None:
    """A signal handler may fork where the recorder makes records; parent and child both record on."""
    with recorder._lock:
        code = in_child(lambda: recorder.record(Log, level=Level.info, message="of the child") is not None)
    assert code == 0
    others: list[object] = []
    thread = threading.Thread(
        target=lambda: others.append(recorder.record(Log, level=Level.info, message="x"))
    )
    thread.start()
    thread.join(SECONDS)
    assert len(others) == 1


def test_runs_of_the_parent_are_forgotten_and_ids_differ(recorder: Recorder) -> None:
    """Without a database as with one: what runs in the parent does not run in the child."""
    run = runs.start("a", runs.NodeKind.TASK, "a")
    assert run is not None
    read, write = os.pipe()

    def check() -> bool:
        os.write(write, str(new_run_id()).encode())
        return not recorder.running

    assert in_child(check) == 0
    own = new_run_id()
    assert os.read(read, 100).decode() != str(own)
    runs.finish(run)
