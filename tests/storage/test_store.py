"""The store as the application uses it: what is recorded is stored, found again, and bounded."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.errors import UnavailableError
from devtools.records import Level, Log, NodeKind, Run, RunStatus
from devtools.settings import Retention
from devtools.storage import retention, store
from devtools.storage.insert import Insertions
from devtools.storage.store import DatabaseStore
from devtools.telemetry.filters import EVERYTHING, from_arguments, search_text
from devtools.telemetry.pages import PageRequest
from tests.storage.conftest import Running, messages, resolved, wait_until
from tests.strategies import numbered

Start = Callable[..., Running]


def a_run(**fields: object) -> dict[str, object]:
    return {
        "run_id": 1, "node_id": "shop.pay", "node_kind": NodeKind.TASK, "name": "pay",
        "duration_ns": 1, "status": RunStatus.ok, "ok": True, **fields,
    }  # fmt: skip


def test_a_record_is_stored_by_itself(run: Start) -> None:
    """Without anyone asking for it."""
    running = run()
    running.log()
    wait_until(lambda: running.messages() == ["hello"])


def test_flush_means_committed(run: Start, file: Path) -> None:
    """Another reader of the file sees all that was recorded before."""
    running = run()
    for number in range(5_000):
        running.log(str(number))
    assert running.flush()
    other = DatabaseStore.open(resolved(file), read_only=True)
    assert other.history.count(Log, EVERYTHING) == 5_000
    other.close()


def test_own_records_are_there_when_asked(run: Start) -> None:
    """`await_own` makes history show what this process just did."""
    running = run()
    for number in range(50):
        running.log(str(number))
        running.store.await_own(30)
        assert running.messages()[-1] == str(number)


def test_many_threads_lose_nothing(run: Start) -> None:
    """Records of eight threads are all stored, ids in order of recording."""
    running = run()
    threads = [
        threading.Thread(target=lambda name=name: [running.log(f"{name}-{n}") for n in range(500)])
        for name in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert running.flush()
    stored = running.messages(10_000)
    assert len(stored) == 4_000
    for name in range(8):
        own = [message for message in stored if message.startswith(f"{name}-")]
        assert own == [f"{name}-{n}" for n in range(500)]
    assert running.recorder.dropped["log"] == 0


def test_a_restart_brings_back_the_newest(run: Start) -> None:
    """The rings hold the newest records of the earlier process, and new ids come after them."""
    first = run(capacity=3)
    made = [first.log(str(number)) for number in range(5)]
    first.store.close()
    second = run(capacity=3)
    second.store.catch_up()
    ring = second.recorder.rings.of(Log)
    assert ring.snapshot() == made[-3:]
    assert ring.evicted == 0
    newer = second.log("newer")
    assert newer.id > made[-1].id
    assert newer.process_id != made[-1].process_id


def test_ids_stay_above_what_is_stored_when_the_clock_went_back(run: Start) -> None:
    """A record from the future must not hide the new ones."""
    first = run()
    future = time.time_ns() + 3_600_000_000_000
    first.recorder.clocks = type("Ahead", (), {"time_ns": lambda _: future, "monotonic_ns": lambda _: 0})()
    first.recorder._time_ns = first.recorder.clocks.time_ns
    ahead = first.log("ahead")
    assert first.flush()
    first.store.close()
    assert run().log("now").id > ahead.id


def test_runs_carry_the_version_of_the_structure(run: Start) -> None:
    """Filled in when they are written; one that says its version keeps it."""
    running = run()
    running.store.snapshot_version = lambda: 4
    running.recorder.record(Run, **a_run())
    running.recorder.record(Run, **a_run(run_id=2, snapshot_version=2))
    assert running.flush()
    page = running.store.history.page(Run, EVERYTHING, PageRequest(10))
    assert [stored.snapshot_version for stored in page.records] == [2, 4]


def test_restart_keeps_exactly_the_newest(run: Start) -> None:
    """`max_entries` set by the user bounds the database too, over all processes."""
    first = run(max_entries=10)
    for number in range(25):
        first.log(str(number))
    first.store.close()
    second = run(max_entries=10)
    assert second.messages() == [str(number) for number in range(15, 25)]
    assert second.store.history.evicted_before(Log) is not None


def test_retention_by_age_takes_a_tenth_at_once(run: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A clock that jumped cannot empty the history; pruning by hand is exact."""
    running = run()
    insertions = Insertions(running.store.database.conflict_clause, running.store.database.max_parameters)
    yesterday = time.time_ns() - retention.NANOSECONDS_PER_DAY
    old = numbered(Log, [{"time_ns": yesterday, "level": Level.info, "message": str(n)} for n in range(100)])
    with running.store.database.writing() as connection:
        insertions.store(connection, old, None)
    jumped = yesterday + 40 * retention.NANOSECONDS_PER_DAY
    removed = retention.by_age(running.store.database, {Log: Retention(None, 30)}, jumped)
    assert removed == {Log: 10}
    assert "in case the clock is wrong" in caplog.text
    assert running.store.prune(Log, yesterday)[0].removed == 0
    assert running.store.prune(Log, yesterday + 1)[0].removed == 90


def test_prune_removes_what_is_strictly_older(run: Start) -> None:
    """From the database and from the rings."""
    running = run()
    start = time.time_ns()
    made = [running.log(str(number), time_ns=start + number) for number in range(5)]
    removed = running.store.prune(Log, start + 3)
    assert [(each.record_type, each.removed) for each in removed] == [(Log, 3)]
    assert running.messages() == ["3", "4"]
    assert running.recorder.rings.of(Log).snapshot() == made[3:]


def test_clear_removes_one_kind_or_all(run: Start) -> None:
    """And answers how many of each."""
    running = run()
    running.log()
    running.recorder.record(Run, **a_run())
    assert [each.removed for each in running.store.clear(Log)] == [1]
    assert [each.removed for each in running.store.clear(None)] == [1, 0, 0, 0]
    assert running.messages() == []


def test_a_large_removal_goes_in_steps_while_records_come(run: Start) -> None:
    """The writer gets its turn in between."""
    running = run()
    for number in range(12_000):
        running.log(str(number))
    assert running.flush()
    stop = threading.Event()

    def keep_recording() -> None:
        while not stop.wait(0.001):
            running.log("meanwhile")

    thread = threading.Thread(target=keep_recording)
    thread.start()
    running.store.clear(Log)
    stop.set()
    thread.join()
    assert running.flush()
    assert set(running.messages(20_000)) <= {"meanwhile"}
    assert running.store.status().healthy


def test_readers_and_the_writer_do_not_wait_for_each_other(run: Start) -> None:
    """Six threads read pages while thousands of records are written; nobody fails."""
    running = run()
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                running.store.history.page(Log, from_arguments(Log, {"search": "7"}), PageRequest(50))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(5_000):
        running.log(str(number))
    flushed = running.flush()
    stop.set()
    for thread in threads:
        thread.join()
    assert (flushed, failures) == (True, [])


def test_a_damaged_word_is_still_read(run: Start) -> None:
    """A row that somebody broke with a tool is shown, marked by the least specific word, and counted."""
    running = run()
    running.log("broken")
    running.log("sound")
    assert running.flush()
    with running.store.database.writing() as connection:
        connection.execute_sql("PRAGMA ignore_check_constraints=1")
        connection.execute_sql("UPDATE logs SET level = 'shout' WHERE message = 'broken'")
    assert running.messages() == ["broken", "sound"]
    assert running.store.history.damaged == 1


def test_a_record_that_cannot_be_stored_is_left_out_alone(
    run: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Its neighbours are stored, the loss is counted and said once."""
    running = run()
    running.log("before")
    for _ in range(2):
        running.recorder.record(Run, **a_run(duration_ns=1 << 70))
        running.recorder.record(Run, **a_run(node_id="\ud800"))
        running.recorder.record(Run, **a_run(name=3))
    running.log("after")
    assert running.flush()
    assert running.messages() == ["before", "after"]
    assert running.recorder.dropped["run"] == 6
    assert caplog.text.count("cannot be stored and is left out") == 1
    assert running.store.status().healthy


def test_equal_ids_are_counted_not_lost_silently(run: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Two processes that share a slot would show here."""
    running = run()
    made = running.log("once")
    assert running.flush()
    queue = running.recorder.queue
    assert queue is not None
    queue.append(made)
    running.log("next")
    assert running.flush()
    assert running.messages() == ["once", "next"]
    assert running.store.writer is not None
    assert running.store.writer.conflicts == 1
    assert "have an id that another record has" in caplog.text


def test_the_store_says_how_it_is(run: Start, file: Path) -> None:
    """Kind, URL, pragmas, counts, processes, schema."""
    running = run(role="worker")
    running.log()
    assert running.flush()
    status = running.store.status()
    assert (status.kind, status.url, status.healthy) == ("sqlite", f"sqlite:///{file}", True)
    pragmas = dict(status.pragmas)
    assert (pragmas["journal_mode"], pragmas["busy_timeout"], pragmas["foreign_keys"]) == ("wal", "5000", "1")
    logs = next(kind for kind in running.store.kinds() if kind.record_type is Log)
    assert (logs.kept, logs.stored, logs.dropped, logs.oldest_ms) == (1, 1, 0, logs.newest_ms)
    (process,) = running.store.processes()
    assert (process.app, process.role, process.pid, process.version) == ("shop", "worker", os.getpid(), "1.0")
    wait_until(lambda: running.store.schema().lease_holder)
    schema = running.store.schema()
    assert (schema.version, schema.pending) == ("0002_run_rollups", ())
    assert schema.lease_holder == f"{os.uname().nodename}:{os.getpid()}"


def test_what_was_counted_is_used_again_for_a_while(run: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is dear to count; never after removing by hand."""
    running = run()

    def stored() -> int | None:
        running.flush()
        return next(kind.stored for kind in running.store.kinds() if kind.record_type is Log)

    monkeypatch.setattr(store, "LONGEST_COUNTED_SECONDS", 60.0)
    monkeypatch.setattr(store, "COUNTED_TIMES", 1_000_000)
    running.log()
    assert stored() == 1
    running.log()
    assert stored() == 1
    running.store.prune(Log, 0)
    assert stored() == 2
    running.store.clear(Log)
    assert stored() == 0
    monkeypatch.setattr(store, "LONGEST_COUNTED_SECONDS", 0.0)
    running.store.prune(Log, None)
    for number in range(1, 4):
        running.log()
        assert stored() == number


def test_reading_a_running_apps_file(run: Start, file: Path) -> None:
    """`devtools serve` beside the app: it reads, and cannot write."""
    running = run()
    running.log("live")
    assert running.flush()
    reader = DatabaseStore.open(resolved(file), read_only=True)
    assert messages(reader) == ["live"]
    running.log("more")
    assert running.flush()
    assert messages(reader) == ["live", "more"]
    with pytest.raises(UnavailableError, match="reading only"):
        reader.clear(None)
    with pytest.raises(UnavailableError, match="reading only"):
        reader.start(running.recorder, "shop", "main")
    reader.close()


def test_the_search_text_is_what_the_rings_search(run: Start) -> None:
    """The compiled row equals the function that filters use."""
    running = run()
    made = running.recorder.record(Run, **a_run(name="Straße", error="Kaputt"))
    assert made is not None
    assert running.flush()
    with running.store.database.reading() as connection:
        (stored,) = connection.execute_sql("SELECT search_text FROM runs").fetchone()
    assert stored == search_text(made)


def test_after_close_nothing_is_left(run: Start) -> None:
    """No thread, no queue, no log file; closing twice is harmless."""
    running = run()
    running.log()
    assert running.store.close() == 0
    assert running.store.close() == 0
    assert running.recorder.queue is None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("devtools-")]
    path = running.store.database.path
    assert path is not None
    assert not path.with_name(path.name + "-wal").exists()


def test_a_query_that_takes_too_long_is_stopped(run: Start) -> None:
    """So that one question cannot hold a connection for ever."""
    running = run()
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    from devtools.errors import LimitExceededError

    with (
        pytest.raises(LimitExceededError, match="too long"),
        running.store.database.reading(0.2) as connection,
    ):
        connection.execute_sql(endless).fetchone()
    assert running.messages() == []
