"""Operations run in threads of their own, a few at a time, and nothing of them is left."""

import asyncio
import os
import threading
import time
from contextvars import ContextVar

import pytest

from devtools.server.threads import Threads
from tests.servers import our_threads

place: ContextVar[str] = ContextVar("place", default="nowhere")


@pytest.fixture
def threads():
    made = Threads(2)
    yield made
    made.close()


async def test_work_runs_elsewhere_in_the_context_of_its_caller(threads):
    """What it raises is raised here."""
    place.set("here")
    assert await threads.run(lambda: (place.get(), threading.current_thread().name)) == (
        "here",
        "devtools-graphql_0",
    )
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 / 0)


async def test_more_work_waits(threads):
    """Two at a time, and the loop goes on meanwhile."""
    running, most = set(), []

    def work(number):
        running.add(number)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(number)

    turns = 0
    tasks = asyncio.gather(*(threads.run(lambda number=number: work(number)) for number in range(6)))
    while not tasks.done():
        turns += 1
        await asyncio.sleep(0.001)
    await tasks
    assert max(most) == 2
    assert turns > 10


async def test_closing_ends_the_threads(threads):
    """At once where nothing runs, and without waiting for ever for what does."""
    before = our_threads()
    await threads.run(int)
    assert our_threads() - before
    threads.close()
    assert our_threads() - before == set()
    gate = threading.Event()
    hanging = asyncio.ensure_future(threads.run(gate.wait))
    await asyncio.sleep(0.05)
    waiting = [asyncio.ensure_future(threads.run(int)) for _ in range(3)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await asyncio.to_thread(threads.close)
    assert time.monotonic() - began < 3
    gate.set()
    assert await hanging
    assert all(
        isinstance(done, int | asyncio.CancelledError)
        for done in await asyncio.gather(*waiting, return_exceptions=True)
    )


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_has_threads_of_its_own(threads):
    """Those of its parent do not run there."""
    asyncio.run(threads.run(int))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = asyncio.run(asyncio.wait_for(threads.run(int), 20))
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asyncio.run(threads.run(lambda: 7)) == 7
