"""Threads for what blocks: away from the app's event loop, and from the threads that its loop has for the app."""

import asyncio
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")
Outcome = tuple[Any, BaseException | None]
"""What came of some work: its result, or what it raised."""

CLOSE_SECONDS = 1.0
"""How long closing waits for work that goes on."""


@dataclass(slots=True, eq=False)
class Work:
    """Something to do for who waits in a loop."""

    context: Context
    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    waiter: "asyncio.Future[Outcome]"

    def tell(self, outcome: Outcome) -> None:
        """Wake who waits."""
        with suppress(Exception):  # the loop is closed, or broken: nobody hears it, and the thread goes on
            self.loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Outcome) -> None:
        if not self.waiter.done():
            self.waiter.set_result(outcome)


class Threads:
    """So many pieces of work at a time; more wait. Threads begin with the work, and end with `close`.

    The one that was busy last is the next: its memory is still near. The executors of the standard library and of anyio cost
    two and three times as much, which is a fifth of a small operation.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._closed = False
        self._limiter: anyio.CapacityLimiter | None = None
        self.begin()
        _made.add(self)

    def begin(self) -> None:
        """Have no thread yet, as in a forked child: the threads, and who waits for them, are its parent's."""
        self._changing = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle: list[SimpleQueue[Work | None]] = []
        self._waiting: deque[Work] = deque()

    async def run(self, call: Callable[[], T]) -> T:
        """Call it in a thread, in the context of the caller. What it raises is raised here.

        Once closed, and under trio, it is a thread of anyio's, which somebody else ends.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return await self._run_elsewhere(call)
        work = Work(copy_context(), call, loop, loop.create_future())
        if not self._take(work):
            return await self._run_elsewhere(call)
        try:
            result, error = await work.waiter
        except asyncio.CancelledError:
            self._forget(work)
            raise
        if error is None:
            return result
        try:
            raise error
        finally:
            del error, work  # the traceback holds this frame

    async def _run_elsewhere(self, call: Callable[[], T]) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._count)
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)

    def _forget(self, work: Work) -> None:
        """Nobody waits for it any more: where it has not begun, it does not."""
        with self._changing, suppress(ValueError):
            self._waiting.remove(work)

    def _take(self, work: Work) -> bool:
        """Give it to a thread, or let it wait for one. False once closed."""
        with self._changing:
            if self._closed:
                return False
            if self._idle:
                self._idle.pop().put(work)
            elif len(self._threads) < self._count:
                inbox: SimpleQueue[Work | None] = SimpleQueue()
                inbox.put(work)
                name = f"{self._name}-{len(self._threads)}"
                thread = threading.Thread(target=self._serve, args=(inbox,), name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
            else:
                self._waiting.append(work)
            return True

    def _serve(self, inbox: "SimpleQueue[Work | None]") -> None:
        while (work := inbox.get()) is not None:
            outcome = _outcome(work.context, work.call)
            with self._changing:  # before it is told, so that what comes next comes here
                ends = self._closed and not self._waiting
                if self._waiting:
                    inbox.put(self._waiting.popleft())
                elif not ends:
                    self._idle.append(inbox)
            work.tell(outcome)
            if ends:
                return
            del work, outcome  # a thread that waits holds nothing

    def close(self) -> None:
        """End the threads once they have done what was given to them. Waits at most `CLOSE_SECONDS`."""
        with self._changing:
            self._closed = True
            for inbox in self._idle:
                inbox.put(None)
            self._idle.clear()
            ending, self._threads = self._threads, []
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in ending:
            if thread is not threading.current_thread():  # what runs here may end a DevTools
                thread.join(max(0.0, deadline - time.monotonic()))


_made: weakref.WeakSet[Threads] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for threads in tuple(_made):
        threads.begin()


os.register_at_fork(after_in_child=_after_fork_in_child)


def _outcome(context: Context, call: Callable[[], Any]) -> Outcome:
    """A function of its own: the frames of an error lead here, and must not lead on to who waits, who gets the error."""
    try:
        return context.run(call), None
    except BaseException as error:
        return None, error
