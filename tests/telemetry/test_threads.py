"""What blocks runs in threads of our own, a few at a time, and nothing of them is left."""

import asyncio
import gc
import os
import signal
import sys
import threading
import time
import weakref
from contextvars import ContextVar

import pytest

from devtools.telemetry import threads as module
from devtools.telemetry.threads import Threads

SECONDS = 20
"""How long a test waits for what must come."""
place: ContextVar[str] = ContextVar("place", default="nowhere")


@pytest.fixture
def threads():
    made = Threads("devtools-tested", 2)
    yield made
    made.close()


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("devtools-tested")]


def end_of(ending: list[threading.Thread]) -> None:
    for thread in ending:
        thread.join(SECONDS)
        assert not thread.is_alive()


class Gate:
    """Work that has begun, and goes on once it may."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self) -> bool:
        self.begun.release()
        return self.opened.wait(SECONDS)

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=SECONDS)


async def start(threads: Threads, *calls) -> list[asyncio.Task]:
    """Tasks that have handed over their calls."""
    tasks = [asyncio.ensure_future(threads.run(call)) for call in calls]
    await asyncio.sleep(0)  # each has had its turn
    return tasks


@pytest.mark.anyio
async def test_a_call_runs_elsewhere_in_the_context_of_its_caller(threads):
    """What it raises is raised here, whatever it is."""
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


@pytest.mark.anyio
async def test_one_after_the_other_is_done_by_the_thread_that_was_busy_last(threads):
    """No second one begins for them, and where there are two the other one sleeps on."""
    names = {await threads.run(lambda: threading.current_thread().name) for _ in range(200)}
    assert names == {"devtools-tested-0"}
    assert len(running()) == 1
    gate = Gate()
    tasks = await start(threads, gate, gate)
    for _ in tasks:
        await gate.has_begun()
    gate.opened.set()
    await asyncio.gather(*tasks)
    assert len({await threads.run(lambda: threading.current_thread().name) for _ in range(20)}) == 1
    assert len(running()) == 2


@pytest.mark.anyio
async def test_more_calls_wait_in_order_while_the_loop_goes_on():
    """One at a time; what waits begins when that ends, the first of them first."""
    threads, gate, order = Threads("devtools-tested", 1), Gate(), []
    tasks = await start(threads, gate, *(lambda number=number: order.append(number) for number in range(6)))
    await gate.has_begun()
    assert order == []
    gate.opened.set()
    await asyncio.gather(*tasks)
    assert order == list(range(6))
    assert len(running()) == 1
    threads.close()


@pytest.mark.anyio
async def test_what_nobody_waits_for_any_more_is_forgotten(threads):
    """And what has begun goes on, and is heard by nobody."""
    gate, called = Gate(), []
    blocking = await start(threads, gate, gate)
    for _ in blocking:
        await gate.has_begun()

    def call():
        called.append("waiting")

    left = weakref.ref(call)
    (waiting,) = await start(threads, call)
    waiting.cancel()
    blocking[0].cancel()
    await asyncio.wait([waiting, blocking[0]])
    assert waiting.cancelled()
    assert blocking[0].cancelled()
    del call, waiting
    gc.collect()
    assert left() is None
    gate.opened.set()
    assert await blocking[1]
    await threads.run(lambda: called.append("after"))
    assert called == ["after"]


@pytest.mark.anyio
async def test_closing_does_what_was_given_and_ends_the_threads(threads, monkeypatch):
    """It waits for what goes on, though not for ever; later calls run elsewhere, as many at a time."""
    gate = Gate()
    tasks = await start(threads, gate, gate, gate, gate, gate)
    ending = running()
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    await asyncio.to_thread(threads.close)
    assert all(thread.is_alive() for thread in ending)
    assert await threads.run(threading.current_thread) not in ending
    other, order = Gate(), []
    later = await start(threads, other, other, lambda: order.append("third"))
    for _ in range(2):
        await other.has_begun()
    assert order == []
    for each in (gate, other):
        each.opened.set()
    assert await asyncio.gather(*tasks, *later) == [True] * 7 + [None]
    end_of(ending)


def test_work_may_close_them(threads):
    """Its thread ends after that, as the others do."""
    asyncio.run(threads.run(threads.close))
    end_of(running())


def test_a_loop_that_was_closed_hears_nothing(threads):
    """The thread goes on with the work of others."""
    gate = Gate()

    async def leave():
        await start(threads, gate)
        await gate.has_begun()

    asyncio.run(leave())
    gate.opened.set()
    assert asyncio.run(threads.run(lambda: 7)) == 7


class Held:
    """Something that a call has, or answers."""


@pytest.mark.anyio
async def test_a_thread_that_waits_keeps_nothing_of_what_it_did(threads):
    """Neither the call nor its result; nor does an error keep them, which would wait for the garbage collector."""
    given, made = Held(), []

    def answer(given=given):
        made.append(weakref.ref(answered := Held()))
        return answered, given

    def fail(given=given):
        raise ValueError(given)

    gc.disable()
    try:
        await threads.run(answer)
        with pytest.raises(ValueError, match="Held"):
            await threads.run(fail)
        left = weakref.ref(given)
        del given, answer, fail
        until = time.monotonic() + SECONDS
        while (left() is not None or made[0]() is not None) and time.monotonic() < until:  # noqa: ASYNC110 - no thread says that it has let go
            await asyncio.sleep(0)
        assert left() is None
        assert made[0]() is None
    finally:
        gc.enable()


def test_many_loops_at_once_lose_nothing(threads):
    """While the interpreter switches between threads as often as it can, and one of them closes in the middle."""
    interval, found = sys.getswitchinterval(), []

    async def ask(number):
        found.extend(await asyncio.gather(*(threads.run(lambda each=each: each) for each in range(200))))
        if number == 1:
            threads.close()

    sys.setswitchinterval(1e-6)
    try:
        loops = [threading.Thread(target=asyncio.run, args=(ask(number),)) for number in range(3)]
        for loop in loops:
            loop.start()
        end_of(loops)
    finally:
        sys.setswitchinterval(interval)
    assert sorted(found) == sorted([*range(200)] * 3)
    end_of(running())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_has_threads_of_its_own(threads):
    """Those of its parent do not run there; closing there waits for none of them."""
    asyncio.run(threads.run(int))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = asyncio.run(asyncio.wait_for(threads.run(int), SECONDS))
            threads.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asyncio.run(threads.run(lambda: 7)) == 7


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_while_work_is_given_can_close_and_run(threads):
    """The lock of its parent is held by a thread that the child does not have."""
    for act in (threads.close, lambda: asyncio.run(asyncio.wait_for(threads.run(int), SECONDS))):
        with threads._changing:
            child = os.fork()
            if child == 0:
                signal.alarm(SECONDS)
                act()
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.anyio
async def test_where_no_loop_of_asyncio_runs_they_are_anyios(threads, monkeypatch):
    """As under trio, which has no loop that a thread could call."""

    class NoLoop:
        def get_running_loop(self):
            raise RuntimeError("no running event loop")

    monkeypatch.setattr(module, "asyncio", NoLoop())
    assert await threads.run(lambda: 7) == 7
    assert not running()
