"""How the process is: readings of the operating system, the loop and the collector."""

import asyncio
import gc
import time
from collections.abc import Callable

import pytest

from devtools.telemetry.gauges import Gauges, Lag


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_memory_grows_with_what_is_held() -> None:
    before = Gauges().memory()
    held = bytearray(64_000_000)
    after = Gauges().memory()
    assert after.heap_used - before.heap_used > 50_000_000
    assert after.rss - before.rss > 50_000_000
    assert after.heap_total >= after.heap_used
    assert len(held) == 64_000_000


def test_use_of_the_processor_is_counted_since_the_last_reading() -> None:
    clock = Clock()
    gauges = Gauges(clock)
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    clock.now += 1
    busy = gauges.cpu()
    assert 0 < busy.usage <= 1
    assert gauges.cpu().usage == busy.usage, "too soon for a new reading"
    assert busy.load_average >= 0


def test_collections_are_counted_between_start_and_close() -> None:
    clock = Clock()
    gauges = Gauges(clock)
    gauges.start()
    gauges.start()
    gc.collect()
    clock.now += 10
    gc.collect()
    assert gauges.collections().count == 2
    assert gauges.collections(5_000).count == 1
    assert gauges.collections(0).count == 0
    gauges.close()
    gc.collect()
    assert gauges.collections().count == 2


@pytest.mark.anyio
async def test_a_blocked_loop_is_seen_while_it_is_blocked_and_afterwards() -> None:
    gauges = Gauges()
    gauges.follow(asyncio.get_running_loop())
    await _until(lambda: gauges._lag._handle is not None)
    time.sleep(0.25)  # noqa: ASYNC251 - blocks the loop on purpose
    assert gauges.event_loop_lag_ms() >= 100
    await _until(lambda: len(gauges._lag._samples) > 0)
    greatest = gauges.event_loop_lag_ms(reset=True)
    assert greatest >= 100
    await _until(lambda: gauges.event_loop_lag_ms(reset=True) < greatest)
    gauges.close()


@pytest.mark.anyio
async def test_nothing_is_left_on_the_loop() -> None:
    loop = asyncio.get_running_loop()
    lag = Lag(time.monotonic)
    lag.follow(loop)
    await _until(lambda: lag._handle is not None)
    handle = lag._handle
    assert handle is not None
    lag.stop()
    await _until(handle.cancelled)
    assert lag.greatest() == 0


def test_no_loop_has_no_lateness() -> None:
    assert Gauges().event_loop_lag_ms() == 0


def test_a_loop_that_was_closed_is_let_go() -> None:
    gauges = Gauges()

    async def follow() -> None:
        gauges.follow(asyncio.get_running_loop())
        await _until(lambda: gauges._lag._handle is not None)

    asyncio.run(follow())
    assert gauges.event_loop_lag_ms() >= 0
    gauges.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
