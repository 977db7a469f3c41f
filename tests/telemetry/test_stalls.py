"""What keeps an event loop from going on is seen, and waiting is not."""

import asyncio
import threading
import time

import pytest

from devtools.telemetry.gauges import Gauges
from devtools.telemetry.stalls import StallWatch, Timer


def block() -> None:
    time.sleep(0.4)


def test_code_that_blocks_the_loop_is_named() -> None:
    """With the function, the line, and how long it took."""

    async def main() -> None:
        gauges.follow(asyncio.get_running_loop())
        await asyncio.sleep(0.3)
        while not gauges.stalls():
            block()
            await asyncio.sleep(0.2)

    gauges = Gauges()
    try:
        asyncio.run(asyncio.wait_for(main(), 30))
        stall = gauges.stalls()[-1]
    finally:
        gauges.close()
    code = block.__code__
    assert (code.co_filename, code.co_firstlineno) in stall.functions
    assert stall.where.endswith(" in block")
    assert stall.seconds >= 0.1


@pytest.mark.parametrize(("waits", "count"), [(True, 0), (False, 1)])
def test_a_loop_that_waits_for_events_is_not_blocked(waits: bool, count: int) -> None:
    """Then its innermost function is the selector's."""
    gate = threading.Lock()
    gate.acquire()

    def select() -> None:
        gate.acquire()

    def work() -> None:
        gate.acquire()

    thread = threading.Thread(target=select if waits else work)
    thread.start()
    looks = 0

    def overdue() -> Timer:
        nonlocal looks
        looks += 1
        return Timer(-looks, thread.ident or 0)

    watch = StallWatch(overdue)
    watch.start()
    deadline = time.monotonic() + 20
    while looks < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    watch.stop()
    gate.release()
    thread.join()
    assert min(1, len(watch.seen())) == count
