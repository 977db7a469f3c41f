"""Subscribers: every record once, in order, resumable, bounded, and gone when they leave."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from devtools import settings
from devtools.errors import LimitExceededError, UnavailableError, ValidationError
from devtools.records import Level, Log
from devtools.storage.store import DatabaseStore
from devtools.telemetry.filters import EVERYTHING, from_arguments
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.subscribers import Position, Subscribers

pytestmark = pytest.mark.anyio
LOGS = {Log: EVERYTHING}
DEADLINE = 60


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(capacity=5_000)


@pytest.fixture
def subscribers(recorder):
    made = Subscribers(recorder, recorder.rings)
    yield made
    made.close()


def log(recorder, message="hello", level=Level.info):
    return recorder.record(Log, level=level, message=message)


async def collect(subscription, count, seen):
    async with asyncio.timeout(DEADLINE):
        async for batch in subscription.batches():
            seen.extend(batch.records)
            if len(seen) >= count:
                return batch


async def test_1500_records_in_one_tick_arrive_once_each(recorder, subscribers):
    """One batch carries many."""
    async with subscribers.subscribe(LOGS) as subscription:
        made = [log(recorder, str(number)) for number in range(1_500)]
        seen = []
        await collect(subscription, 1_500, seen)
    assert seen == made


async def test_only_what_passes_the_filter_arrives(recorder, subscribers):
    """The filter is the one of history."""
    query = from_arguments(Log, {"min_level": Level.warn})
    async with subscribers.subscribe({Log: query}) as subscription:
        log(recorder)
        wanted = log(recorder, level=Level.error)
        seen = []
        await collect(subscription, 1, seen)
    assert seen == [wanted]


async def test_a_client_resumes_without_loss_or_repeat(recorder, subscribers):
    """The position of one batch is where the next connection goes on."""
    async with subscribers.subscribe(LOGS) as subscription:
        log(recorder, "before")
        batch = await collect(subscription, 1, [])
    missed = [log(recorder, str(number)) for number in range(3)]
    async with subscribers.subscribe(LOGS, since=batch.position.encode()) as subscription:
        seen = []
        await collect(subscription, 3, seen)
    assert seen == missed


async def test_what_the_ring_lost_is_named_as_a_gap(subscribers, recorder):
    """Without a database the lost range is told, and what is left arrives."""
    small = Recorder(capacity=10)
    followers = Subscribers(small, small.rings)
    async with followers.subscribe(LOGS) as subscription:
        first = log(small)
        position = (await collect(subscription, 1, [])).position
    made = [log(small, str(number)) for number in range(30)]
    async with followers.subscribe(LOGS, since=position.encode()) as subscription:
        seen = []
        batch = await collect(subscription, 10, seen)
    followers.close()
    assert seen == made[-10:]
    assert batch.gap.from_id >= first.id
    assert batch.gap.to_id == made[-10].id


async def test_a_full_ring_of_new_records_is_no_gap():
    """What was dropped meanwhile had been seen before."""
    small = Recorder(capacity=10)
    followers = Subscribers(small, small.rings)
    async with followers.subscribe(LOGS) as subscription:
        for burst in range(3):
            made = [log(small, f"{burst} {number}") for number in range(10)]
            seen = []
            batch = await collect(subscription, 10, seen)
            assert seen == made
            assert batch.gap is None
        made = [log(small, str(number)) for number in range(11)]
        seen = []
        assert (await collect(subscription, 10, seen)).gap.to_id == made[1].id
    followers.close()


async def test_what_nobody_read_is_a_gap():
    """Lines that were dropped before they became records, for a follower that comes back."""
    small = Recorder(capacity=10)
    followers = Subscribers(small, small.rings)
    async with followers.subscribe(LOGS) as subscription:
        log(small)
        position = (await collect(subscription, 1, [])).position
    for number in range(100):
        small.log(Level.info, str(number))
    async with followers.subscribe(LOGS, since=position.encode()) as subscription:
        seen = []
        batch = await collect(subscription, 10, seen)
    followers.close()
    assert [record.message for record in seen] == [str(number) for number in range(90, 100)]
    assert batch.gap.to_id == seen[0].id


async def test_records_from_another_thread_wake_a_waiting_follower(recorder, subscribers):
    """No polling: the first record after a silence arrives at once."""
    async with subscribers.subscribe(LOGS) as subscription:
        waiting = asyncio.ensure_future(collect(subscription, 1, []))
        await asyncio.sleep(0)
        await asyncio.to_thread(log, recorder)
        assert len((await waiting).records) == 1


async def test_a_heartbeat_comes_in_silence(subscribers):
    """An empty batch, so that the connection is seen to be alive."""
    async with subscribers.subscribe(LOGS) as subscription, asyncio.timeout(DEADLINE):
        async for batch in subscription.batches(heartbeat=0.01):
            assert batch.records == []
            break


async def test_stop_ends_every_follower(subscribers):
    """An open stream must not keep the server from exiting."""
    async with subscribers.subscribe(LOGS) as subscription:
        waiting = asyncio.ensure_future(collect(subscription, 1, []))
        stopped = asyncio.ensure_future(subscribers.until_stopped())
        await asyncio.sleep(0)
        subscribers.stop()
        assert await asyncio.wait_for(waiting, DEADLINE) is None
        await asyncio.wait_for(stopped, DEADLINE)


async def test_the_cap_is_exact_and_leaving_frees_a_place(recorder):
    """At the limit is fine, one more is refused."""
    followers = Subscribers(recorder, recorder.rings, limit=1)
    async with followers.subscribe(LOGS):
        assert followers.count == 1
        with pytest.raises(LimitExceededError):
            followers.subscribe(LOGS)
    assert followers.count == 0
    followers.close()


@pytest.mark.parametrize("text", ["x", "e30", "!!!", "eyJmbG9vciI6Ii0ifQ", "é"])
async def test_a_malformed_position_is_refused(subscribers, text):
    """Not a crash, and not a silent start from now."""
    with pytest.raises(ValidationError) as caught:
        subscribers.subscribe(LOGS, since=text)
    assert caught.value.field == "since"


async def test_a_position_knows_each_process():
    """A cursor per process: a slower one is not skipped."""
    position = Position(10).advance({1: 50, 2: 20}).advance({1: 40})
    make = lambda identifier, process: Log(  # noqa: E731
        id=identifier, time_ns=0, level=Level.info, message="", process_id=process
    )
    assert [position.has(make(45, process)) for process in (1, 2, 3)] == [True, False, False]
    assert Position.decode(position.encode()) == position


@pytest.fixture
def store(tmp_path):
    """A database behind a small ring."""
    recorder = Recorder(capacity=50)
    made = DatabaseStore.open(settings.load({"database": tmp_path / "live.db"}, environment={}))
    made.start(recorder, "shop", "main")
    yield made
    made.close()


async def test_a_late_follower_gets_from_the_database_what_the_ring_has_dropped(store):
    """Recorded faster than stored: the follower waits for the writer, and nothing is skipped."""
    followers = Subscribers(store.recorder, store.history, flush=store.flush)
    async with followers.subscribe(LOGS) as subscription:
        for burst in range(4):
            for number in range(410):
                store.recorder.log(Level.info, f"{burst} {number}")
            seen = []
            batch = await collect(subscription, 410, seen)
            assert [record.message for record in seen] == [f"{burst} {number}" for number in range(410)]
            assert batch.gap is None
    followers.close()


async def test_a_follower_of_a_recording_thread_misses_nothing(store):
    """Also while records come: between a look at the ring and its reading nothing gets lost."""
    followers = Subscribers(store.recorder, store.history, flush=store.flush)

    def work():
        for number in range(6_000):
            store.recorder.log(Level.info, str(number))

    async with followers.subscribe(LOGS) as subscription:
        thread = threading.Thread(target=work)
        thread.start()
        seen = []
        batch = await collect(subscription, 6_000, seen)
        thread.join()
    followers.close()
    assert batch is not None
    assert [record.message for record in seen] == [str(number) for number in range(6_000)]


async def test_what_a_stuck_database_keeps_back_is_a_gap(store, monkeypatch):
    """The stream goes on with what memory has, and says what it left out."""
    monkeypatch.setattr("devtools.telemetry.subscribers.FLUSH_SECONDS", 0.1)  # what it waits for the database
    followers = Subscribers(store.recorder, store.history, flush=store.flush)
    async with followers.subscribe(LOGS) as subscription:
        seen = []
        with store.database._lock:
            for number in range(410):
                store.recorder.log(Level.info, str(number))
            batch = await collect(subscription, 50, seen)
    followers.close()
    assert [record.message for record in seen] == [str(number) for number in range(360, 410)]
    assert batch.gap.to_id == seen[0].id


async def test_what_the_queue_had_no_room_for_is_a_gap(store):
    """Never stored and no longer in memory: named, not skipped."""
    store.recorder.queue_limit = 100
    followers = Subscribers(store.recorder, store.history, flush=store.flush)
    async with followers.subscribe(LOGS) as subscription:
        with store.database._lock:
            for number in range(2_600):
                store.recorder.log(Level.info, str(number))
            store.recorder.settle()
        gaps, seen = [], []
        async with asyncio.timeout(DEADLINE):
            async for batch in subscription.batches():
                seen.extend(batch.records)
                gaps.append(batch.gap)
                if any(gaps):
                    break
    followers.close()
    assert store.recorder.dropped["log"] > 0
    assert any(gaps)


async def test_reading_the_database_leaves_the_loops_own_threads_to_the_app(store):
    """An app that keeps every default thread busy is followed all the same; closing ends our threads."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    followers = Subscribers(store.recorder, store.history, flush=store.flush)
    free = threading.Event()
    busy = asyncio.ensure_future(asyncio.to_thread(free.wait, DEADLINE))
    try:
        async with followers.subscribe(LOGS) as subscription:
            for number in range(410):
                store.recorder.log(Level.info, str(number))
            seen = []
            await collect(subscription, 410, seen)
    finally:
        free.set()
        await busy
    assert len(seen) == 410
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("devtools-live")]
    followers.close()
    for thread in ours:
        thread.join(DEADLINE)
    assert ours
    assert not any(thread.is_alive() for thread in ours)


async def test_one_followers_closed_loop_does_not_keep_others_asleep(recorder, subscribers):
    """A loop that closed meanwhile is counted; the rest is woken."""
    gone = asyncio.new_event_loop()
    first, second = subscribers.subscribe(LOGS), subscribers.subscribe(LOGS)

    async def enter():
        await first.__aenter__()

    await asyncio.to_thread(gone.run_until_complete, enter())
    gone.is_closed = lambda: False  # as it is seen by a thread that asks just before the end
    gone.close()
    async with second:
        waiting = asyncio.ensure_future(collect(second, 1, []))
        await asyncio.sleep(0)
        await asyncio.to_thread(log, recorder)
        assert len((await waiting).records) == 1
    del gone.is_closed
    await first.__aexit__(None, None, None)
    assert recorder.wake_failures > 0


def test_without_a_loop_of_asyncio_nobody_follows(subscribers):
    """As under trio: a code, and what to do instead, before anything of an answer is sent."""
    with pytest.raises(UnavailableError, match="trio: ask `live` with `afterTimestamp`"):
        subscribers.subscribe(LOGS)
