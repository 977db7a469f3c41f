"""The recorder: stamps, bounds, never raises, never loses order."""

import asyncio
import os
import signal
import sys
import threading

import pytest

from devtools.records import Level, Log, NodeKind, Run
from devtools.telemetry import runs
from devtools.telemetry.context import own_work
from devtools.telemetry.identifiers import EPOCH_NS, SLOT_BITS
from devtools.telemetry.recorder import Recorder


def log(recorder: Recorder, message: str = "hello") -> Log | None:
    return recorder.record(Log, level=Level.info, message=message)


def test_ids_are_microseconds_above_the_slot(recorder, clocks):
    """An id tells the time and the process slot it was made in."""
    recorder.identify(4_097)
    record = log(recorder)
    assert record.id >> SLOT_BITS == (clocks.now - EPOCH_NS) // 1_000
    assert record.id % (1 << SLOT_BITS) == 1
    assert record.process_id == 4_097


def test_ids_increase_when_the_clock_stands_or_goes_back(recorder, clocks):
    """Order is unharmed by a clock that jumps."""
    first, second = log(recorder), log(recorder)
    clocks.now -= 3_600 * 10**9
    third = log(recorder)
    assert first.id < second.id < third.id


def test_ids_start_above_the_greatest_stored_id(recorder):
    """A restart with a clock in the past still gives greater ids."""
    recorder.identify(3, above=2**62)
    assert log(recorder).id > 2**62


def test_the_ring_keeps_the_newest_and_counts_the_rest(clocks):
    """Ten kept of twenty-five: fifteen evicted."""
    recorder = Recorder(capacity=10, clocks=clocks)
    for number in range(25):
        log(recorder, str(number))
    ring = recorder.rings.of(Log)
    assert [record.message for record in ring.snapshot()] == [str(number) for number in range(15, 25)]
    assert ring.evicted == 15


def test_nothing_is_recorded_while_paused_or_in_our_own_work(recorder):
    """Our own work and a pause leave no trace."""
    recorder.paused = True
    assert log(recorder) is None
    recorder.paused = False
    with own_work():
        assert log(recorder) is None
    assert recorder.rings.of(Log).snapshot() == []


def test_a_full_queue_drops_and_counts(clocks):
    """The queue is bounded; what does not fit is counted, and still in the ring."""
    from collections import deque

    recorder = Recorder(capacity=100, clocks=clocks, queue_limit=3)
    recorder.queue = deque()
    for _ in range(5):
        log(recorder)
    assert len(recorder.queue) == 3
    assert recorder.dropped["log"] == 2
    assert len(recorder.rings.of(Log).snapshot()) == 5


def test_take_empties_the_queue_in_order(clocks):
    """The writer gets every record once, oldest first."""
    from collections import deque

    recorder = Recorder(clocks=clocks)
    recorder.queue = deque()
    made = [log(recorder, str(number)) for number in range(7)]
    assert recorder.take(3) + recorder.take(100) == made
    assert recorder.take(1) == []


def test_a_secret_is_masked_before_it_is_kept(recorder):
    """The ring never holds a bearer token."""
    log(recorder, "Authorization: Bearer abcdefghijklmnop1234567890")
    assert "abcdefghijklmnop" not in recorder.rings.of(Log).snapshot()[0].message


def test_a_callback_gets_every_record_until_it_unsubscribes(recorder):
    """on_record fires with the record itself."""
    seen = []
    stop = recorder.on_record(seen.append)
    record = log(recorder)
    stop()
    log(recorder)
    assert seen == [record]


def test_a_raising_callback_disturbs_nobody(recorder, caplog):
    """One warning, a count, and the others are still called."""
    seen = []
    recorder.on_record(lambda record: 1 / 0)
    recorder.on_record(seen.append)
    assert log(recorder) is not None
    log(recorder)
    assert len(seen) == 2
    assert recorder.callback_failures == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_callback_that_logs_does_not_feed_itself(recorder):
    """What a callback records is our own work."""
    recorder.on_record(lambda record: log(recorder))
    log(recorder)
    assert len(recorder.rings.of(Log).snapshot()) == 1


def test_armed_readers_are_woken_once(recorder):
    """The first record after arm() wakes; the next ones do not."""
    woken = []
    recorder.on_wake(lambda: woken.append(1))
    log(recorder)
    recorder.arm()
    log(recorder)
    log(recorder)
    assert woken == [1]


def test_a_wake_that_raises_disturbs_nobody(recorder):
    """An event loop that closes meanwhile is not the app's trouble: counted, and the others are still woken."""
    loop = asyncio.new_event_loop()
    loop.close()
    woken = []
    recorder.on_wake(lambda: loop.call_soon_threadsafe(print))
    recorder.on_wake(lambda: woken.append(1))
    recorder.arm()
    recorder.log(Level.info, "hello")
    assert woken == [1]
    assert recorder.wake_failures == 1
    assert len(recorder.rings.of(Log).snapshot()) == 1


def test_wrong_fields_never_raise_into_the_app(recorder):
    """A source with a bug loses its record, not the app's request."""
    assert recorder.record(Run, nonsense=1) is None
    assert recorder.dropped["run"] == 1


@pytest.mark.parametrize("switch_interval", [1e-6])
def test_threads_keep_order_and_uniqueness(switch_interval):
    """Eight threads at a tiny switch interval: every id once, the ring in order."""
    recorder = Recorder(capacity=100_000)
    before = sys.getswitchinterval()
    sys.setswitchinterval(switch_interval)
    try:
        threads = [threading.Thread(target=lambda: [log(recorder) for _ in range(2_000)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    ids = [record.id for record in recorder.rings.of(Log).snapshot()]
    assert len(ids) == 16_000
    assert ids == sorted(set(ids))


def test_a_signal_handler_that_logs_does_not_hang(recorder):
    """A handler may interrupt the recorder anywhere, also where it orders records."""
    interruptions = []

    def handle(*_: object) -> None:
        interruptions.append(log(recorder, "from the handler"))

    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        while len(interruptions) < 100:
            log(recorder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert None not in interruptions
    assert len({record.id for record in interruptions}) == len(interruptions)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_is_not_held_up_by_its_parents_threads(recorder, monkeypatch):
    """A fork while another thread makes records: the child records on, and only what is its own."""
    monkeypatch.setattr("devtools.telemetry.recorder.HOLD_SECONDS", 0.1)  # how long the fork waits for it
    recorder.log(Level.info, "of the parent")
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with recorder._lock:
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        recorder.log(Level.info, "of the child")
        kept = [record.message for record in recorder.rings.of(Log).snapshot()]
        os._exit(0 if kept == ["of the child"] else 1)
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_unread_lines_are_bounded_and_counted(clocks):
    """With nobody reading, memory does not grow; what went is counted as evicted."""
    recorder = Recorder(capacity=100, clocks=clocks)
    for number in range(1_000):
        recorder.log(Level.info, str(number))
    assert len(recorder._logs) <= 113
    ring = recorder.rings.of(Log)
    assert [record.message for record in ring.snapshot()] == [str(number) for number in range(900, 1_000)]
    assert ring.evicted == 900


def test_facts_of_all_kinds_are_read_in_the_order_they_came(recorder, clocks):
    """Ids follow time over runs, logs and everything else."""
    recorder.log(Level.info, "first")
    clocks.advance(ms=1)
    run = runs.start("a", NodeKind.TASK, "a")
    runs.finish(run)
    clocks.advance(ms=1)
    last = log(recorder, "last")
    first, ended = recorder.rings.of(Log).snapshot()[0], recorder.rings.of(Run).snapshot()[0]
    assert first.id < ended.id < last.id
    assert first.message == "first"


def test_with_a_writer_little_stays_unread(clocks):
    """A stalled writer finds its records in the queue, not dropped."""
    from collections import deque

    recorder = Recorder(capacity=100, clocks=clocks)
    recorder.queue = deque()
    for number in range(2_000):
        recorder.log(Level.info, str(number))
    assert len(recorder._logs) <= 501
    assert len(recorder.queue) == 2_000


@pytest.mark.parametrize("change", ["remove", "clear", "join"])
def test_changing_a_ring_loses_nothing_that_comes_in_meanwhile(change):
    """Removing nothing removes nothing, whatever other threads record at that time. Of a short ring more changes fall in it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            _change_while_threads_record(change)
    finally:
        sys.setswitchinterval(before)


def _change_while_threads_record(change):
    recorder = Recorder(capacity=100_000)
    ring = recorder.rings.of(Log)
    removed = 0
    threads = [threading.Thread(target=lambda: [log(recorder) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if change == "remove":
            removed += ring.remove(lambda record: False)
        elif change == "clear":
            removed += ring.clear()
        else:
            ring.join([], {})
    assert removed + len(ring.snapshot()) == 800
    assert ring.evicted == 0
