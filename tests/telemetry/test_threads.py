"""What blocks runs in threads of our own, a few at a time, and nothing of them is left."""

import asyncio
import os
import threading
import time
from contextvars import ContextVar

import pytest

from devtools.telemetry import threads as module
from devtools.telemetry.threads import Threads

place: ContextVar[str] = ContextVar("place", default="nowhere")


@pytest.fixture
def threads():
    made = Threads("devtools-tested", 2)
    yield made
    made.close()


def named() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("devtools-tested")}


@pytest.mark.anyio
async def test_a_call_runs_elsewhere_in_the_context_of_its_caller(threads):
    """What it raises is raised here, whatever it is; one after the other is done by one thread."""
    place.set("here")
    assert await threads.run(lambda: (place.get(), threading.current_thread().name)) == (
        "here",
        "devtools-tested-0",
    )
    for error in (ZeroDivisionError, StopIteration, SystemExit, asyncio.CancelledError):

        def fail(error=error):
            raise error("on purpose")

        # A coroutine cannot raise a StopIteration (PEP 479).
        with pytest.raises(RuntimeError if error is StopIteration else error):
            await threads.run(fail)
    assert named() == {"devtools-tested-0"}


@pytest.mark.anyio
async def test_more_calls_wait(threads):
    """Two at a time, in order, and the loop goes on meanwhile."""
    running, most, order = set(), [], []

    def call(number):
        running.add(number)
        most.append(len(running))
        order.append(number)
        time.sleep(0.02)
        running.remove(number)

    turns = 0
    tasks = asyncio.gather(*(threads.run(lambda number=number: call(number)) for number in range(6)))
    while not tasks.done():
        turns += 1
        await asyncio.sleep(0.001)
    await tasks
    assert max(most) == 2
    assert sorted(order[:2]) == [0, 1]
    assert sorted(order) == list(range(6))
    assert turns > 10
    assert named() == {"devtools-tested-0", "devtools-tested-1"}


@pytest.mark.anyio
async def test_what_nobody_waits_for_any_more_is_not_begun(threads):
    """And what has begun goes on, and is heard by nobody."""
    gate, begun, called = threading.Event(), threading.Semaphore(0), []

    def block():
        begun.release()
        gate.wait(20)

    blocking = [asyncio.ensure_future(threads.run(block)) for _ in range(2)]
    await asyncio.sleep(0)
    for _ in blocking:
        await asyncio.to_thread(begun.acquire)
    waiting = asyncio.ensure_future(threads.run(lambda: called.append("waiting")))
    await asyncio.sleep(0)
    waiting.cancel()
    blocking[0].cancel()
    await asyncio.sleep(0)
    assert waiting.cancelled()
    assert blocking[0].cancelled()
    gate.set()
    await blocking[1]
    await threads.run(lambda: called.append("after"))
    assert called == ["after"]


@pytest.mark.anyio
async def test_closing_does_what_was_given_and_ends_the_threads(threads, monkeypatch):
    """It waits for what goes on, though not for ever; later calls run in threads that are not ours."""
    await threads.run(int)
    gate, answers = threading.Event(), []
    calls = [asyncio.ensure_future(threads.run(lambda: answers.append(gate.wait(20)))) for _ in range(5)]
    await asyncio.sleep(0.01)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.1)
    began = time.monotonic()
    await asyncio.to_thread(threads.close)
    assert 0.1 <= time.monotonic() - began < 5
    assert await threads.run(lambda: threading.current_thread().name) not in named()
    gate.set()
    await asyncio.gather(*calls)
    assert answers == [True] * 5
    monkeypatch.setattr(module, "CLOSE_SECONDS", 10.0)
    for thread in [thread for thread in threading.enumerate() if thread.name in named()]:
        thread.join(10)
    assert not named()


def test_work_may_close_them(threads):
    """It ends after that, as the others do."""
    asyncio.run(threads.run(threads.close))
    for thread in [thread for thread in threading.enumerate() if thread.name in named()]:
        thread.join(10)
    assert not named()


def test_a_loop_that_was_closed_hears_nothing(threads):
    """The thread goes on with the work of others."""
    gate = threading.Event()

    async def leave():
        asyncio.ensure_future(threads.run(lambda: gate.wait(20)))  # noqa: RUF006 - it ends with the loop
        await asyncio.sleep(0.01)

    asyncio.run(leave())
    gate.set()
    assert asyncio.run(threads.run(lambda: 7)) == 7


def test_an_idle_thread_keeps_nothing_of_what_it_did(threads):
    """Neither the call nor its result."""

    class Kept:
        alive = 0

        def __init__(self):
            Kept.alive += 1

        def __del__(self):
            Kept.alive -= 1

        def __call__(self):
            return Kept()

    async def call():
        await threads.run(Kept())
        await threads.run(int)

    asyncio.run(call())
    assert Kept.alive == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_has_threads_of_its_own(threads):
    """Those of its parent do not run there; closing there waits for none of them."""
    asyncio.run(threads.run(int))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = asyncio.run(asyncio.wait_for(threads.run(int), 20))
            threads.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asyncio.run(threads.run(lambda: 7)) == 7


@pytest.mark.anyio
async def test_where_no_loop_of_asyncio_runs_they_are_anyios(threads, monkeypatch):
    """As under trio, which has no loop that a thread could call."""

    class NoLoop:
        def get_running_loop(self):
            raise RuntimeError("no running event loop")

    monkeypatch.setattr(module, "asyncio", NoLoop())
    assert await threads.run(lambda: threading.current_thread().name) not in named()
    assert not named()
