"""What keeps an event loop from going on is seen, and waiting is not."""

import asyncio
import signal
import subprocess
import sys
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


BUSY = """
import asyncio, time
from devtools.telemetry.gauges import Gauges

async def main():
    gauges = Gauges()
    gauges.follow(asyncio.get_running_loop())
    print("ready", flush=True)
    end = time.monotonic() + 9
    while time.monotonic() < end:
        until = time.perf_counter() + 0.0095
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0.0005)
    gauges.close()
    print(gauges.stalls())

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_machine_that_gives_no_time_blames_nobody() -> None:
    """Stopped for three tenths of a second again and again, in the midst of short callbacks."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(12):
            time.sleep(0.23)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "[]\n"


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

    def timer() -> Timer:
        nonlocal looks
        looks += 1
        return Timer(-looks, thread.ident or 0)

    watch = StallWatch(timer)
    watch.start()
    deadline = time.monotonic() + 20
    while looks < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    watch.stop()
    gate.release()
    thread.join()
    assert min(1, len(watch.seen())) == count
