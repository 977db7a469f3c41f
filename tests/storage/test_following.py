"""Several processes on one file: what one records is in the memory and the streams of the others, once each, and counted right."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.records import Level, Log
from devtools.storage import commits
from devtools.storage.store import DatabaseStore
from devtools.telemetry.filters import EVERYTHING
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.subscribers import Position, Subscribers, Subscription
from tests.storage.conftest import Running, resolved, wait_until

Start = Callable[..., Running]
LOGS = {Log: EVERYTHING}


def live(running: Running) -> list[str]:
    """The lines in memory, those of the others too."""
    running.store.catch_up()
    return [record.message for record in running.recorder.rings.of(Log).snapshot()]


def followers_of(running: Running) -> Subscribers:
    store = running.store
    return Subscribers(running.recorder, store.history, flush=store.flush, watch=store.watch)


async def collect(subscription: Subscription, count: int) -> tuple[list[str], Position]:
    seen: list[str] = []
    async with asyncio.timeout(60):
        async for batch in subscription.batches():
            assert batch.gap is None
            seen += [record.message for record in batch.records]
            if len(seen) >= count:
                return seen, batch.position
    raise AssertionError(seen)


def test_each_process_has_the_records_of_both_in_memory(run: Start) -> None:
    """In the order in which they were made, once each, whoever is asked and however often."""
    first, second = run(), run()
    for number in range(6):
        (first, second)[number % 2].log(str(number))
    assert first.store.flush()
    assert second.store.flush()
    for running in (first, second, first):
        assert live(running) == [str(number) for number in range(6)]


def test_followed_records_are_counted_apart(run: Start) -> None:
    """They are kept here, but were recorded, stored and dropped elsewhere."""
    first, second = run(capacity=5), run(capacity=5)
    for number in range(8):
        first.log(str(number))
    second.log("own")
    assert first.store.flush()
    assert second.store.flush()
    assert live(second) == ["4", "5", "6", "7", "own"]
    logs = next(kind for kind in second.store.kinds() if kind.record_type is Log)
    assert (logs.kept, logs.dropped, logs.stored) == (5, 0, 9)
    assert second.recorder.rings.of(Log).recorded == 1
    assert second.store.writer is not None
    assert second.store.writer.written == 1
    assert len(second.messages()) == 9


def test_more_than_memory_keeps(run: Start) -> None:
    """The newest of all processes stay, also where one was not asked for long and the notes of commits are gone."""
    first, second = run(capacity=10), run(capacity=10)
    first.log("seen")
    assert first.store.flush()
    assert live(second) == ["seen"]
    for number in range(25):
        first.log(str(number))
    assert first.store.flush()
    second.log("own")
    with first.store.database.writing() as connection:
        connection.execute_sql("DELETE FROM commits WHERE id < (SELECT max(id) FROM commits)")
    assert live(second) == [*(str(number) for number in range(16, 25)), "own"]
    assert live(second) == [*(str(number) for number in range(16, 25)), "own"]


def test_a_reader_follows_too(run: Start, file: Path) -> None:
    """`devtools serve`: nothing of its own, and all of the others."""
    writing = run()
    writing.log("before")
    assert writing.store.flush()
    recorder = Recorder(capacity=100)
    store = DatabaseStore.open(resolved(file), read_only=True)
    store.follow(recorder)
    store.catch_up()
    assert [record.message for record in recorder.rings.of(Log).snapshot()] == ["before"]
    writing.log("after")
    assert writing.store.flush()
    store.catch_up()
    assert [record.message for record in recorder.rings.of(Log).snapshot()] == ["before", "after"]
    store.close()


def test_what_is_cleared_here_does_not_come_back(run: Start) -> None:
    """Following goes on after what was seen."""
    first, second = run(), run()
    first.log("gone")
    assert first.store.flush()
    assert live(second) == ["gone"]
    second.store.clear(None)
    assert live(second) == []
    first.log("new")
    assert first.store.flush()
    assert live(second) == ["new"]


@pytest.mark.anyio
async def test_a_subscriber_gets_the_records_of_both(run: Start) -> None:
    """What was recorded before it came is not among them."""
    first, second = run(), run()
    first.log("before")
    second.log("before")
    followers = followers_of(second)
    async with followers.subscribe(LOGS) as subscription:
        first.log("of the first")
        second.log("of the second")
        seen, _ = await collect(subscription, 2)
    followers.close()
    assert sorted(seen) == ["of the first", "of the second"]


@pytest.mark.anyio
async def test_a_subscriber_of_one_goes_on_at_the_other(run: Start) -> None:
    """The position knows both: nothing twice, nothing lost, whichever worker answers the next connection."""
    first, second = run(), run()
    followers, others = followers_of(first), followers_of(second)
    async with followers.subscribe(LOGS) as subscription:
        first.log("1")
        second.log("2")
        _, position = await collect(subscription, 2)
    missed = ["3", "4", "5"]
    for message in missed:
        (first if message == "4" else second).log(message)
    async with others.subscribe(LOGS, since=position.encode()) as subscription:
        seen, _ = await collect(subscription, 3)
    followers.close()
    others.close()
    assert sorted(seen) == missed


@pytest.mark.anyio
@pytest.mark.parametrize("capacity", [20_000, 50], ids=["in memory", "more than memory keeps"])
async def test_three_processes_recording_at_once(run: Start, capacity: int) -> None:
    """Every record of each arrives at every subscriber once, in order within its process, from memory or from the database."""
    processes = [run(capacity=capacity) for _ in range(3)]
    count = 700

    def work(running: Running, name: int) -> None:
        for number in range(count):
            running.recorder.log(Level.info, f"{name} {number}")

    all_followers = [followers_of(running) for running in processes]
    subscriptions = [followers.subscribe(LOGS) for followers in all_followers]
    for subscription in subscriptions:
        await subscription.__aenter__()
    threads = [threading.Thread(target=work, args=(running, name)) for name, running in enumerate(processes)]
    for thread in threads:
        thread.start()
    found = await asyncio.gather(*(collect(subscription, 3 * count) for subscription in subscriptions))
    for subscription in subscriptions:
        await subscription.__aexit__(None, None, None)
    for followers in all_followers:
        followers.close()
    for seen, _ in found:
        for name in range(3):
            own = [message for message in seen if message.startswith(f"{name} ")]
            assert own == [f"{name} {number}" for number in range(count)]


def test_nobody_looks_nobody_reads(run: Start) -> None:
    """The thread that follows begins with the first look, and ends with the store."""
    first, second = run(), run()
    first.log()
    assert first.store.flush()
    assert names_of_threads().count("devtools-follower") == 0
    live(second)
    assert names_of_threads().count("devtools-follower") == 1
    second.store.close()
    assert names_of_threads().count("devtools-follower") == 0
    assert live(second) == ["hello"]


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_the_notes_of_commits_stay_few(run: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping removes all but the newest."""
    monkeypatch.setattr(commits, "KEPT", 3)
    running = run()
    for number in range(6):
        running.log(str(number))
        assert running.store.flush()
    commits.prune(running.store.database)
    with running.store.database.reading() as connection:
        assert connection.execute_sql("SELECT count(*) FROM commits").fetchone() == (3,)


def test_a_database_that_is_away_keeps_nobody_waiting(run: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory answers as it is, one line says so, and following goes on by itself."""
    first, second = run(), run()
    live(second)
    follower = second.store.follower
    assert follower is not None
    with first.store.database.writing() as connection:
        connection.execute_sql("ALTER TABLE commits RENAME TO away")
    second.log("own")
    assert live(second) == ["own"]
    wait_until(lambda: follower.failure)
    with first.store.database.writing() as connection:
        connection.execute_sql("ALTER TABLE away RENAME TO commits")
    first.log("of the other")
    assert first.store.flush()
    wait_until(lambda: "of the other" in live(second))
    assert follower.failure is None
