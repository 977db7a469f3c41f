"""Threads for what blocks: away from the app's event loop, and from the threads that its loop has for the app."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

import anyio.to_thread

T = TypeVar("T")

CLOSE_SECONDS = 1.0
"""How long closing waits for work that goes on."""


@dataclass(slots=True)
class _Work:
    """Something to do for who waits in a loop."""

    context: Context
    do: Callable[[], Any]  # Any: what it answers
    loop: asyncio.AbstractEventLoop
    outcome: "asyncio.Future[tuple[Any, BaseException | None]]"

    def settle(self, outcome: tuple[Any, BaseException | None]) -> None:
        """Say what came of it, on the loop, unless nobody waits any more."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Threads:
    """So many pieces of work at a time; more wait. The threads begin with the first piece and end with `close`.

    A queue and a future for each piece: the executors of the standard library and of anyio cost three times that, which is a
    fifth of a small operation.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._changing = threading.Lock()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def run(self, do: Callable[[], T]) -> T:
        """Do it in a thread, in the context of the caller. What it raises is raised here.

        Once closed, and under trio, it is a thread of anyio's.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return await anyio.to_thread.run_sync(do)
        work = _Work(copy_context(), do, loop, loop.create_future())
        if not self._take(work):
            return await anyio.to_thread.run_sync(do)
        result, error = await work.outcome
        if error is None:
            return result
        try:
            raise error
        finally:
            del error, work  # the traceback holds this frame

    def _take(self, work: _Work) -> bool:
        """Queue it; False once closed, where nobody would end a thread."""
        if self._process != os.getpid():  # a fork has none of its parent's threads
            self._begin()
        with self._changing:
            if self._closed:
                return False
            if not self._threads:
                self._threads = [
                    threading.Thread(target=_serve, args=(self._queue,), name=f"{self._name}-{number}", daemon=True)
                    for number in range(self._count)
                ]
                for thread in self._threads:
                    thread.start()
            self._queue.put(work)
            return True

    def close(self) -> None:
        """End the threads once they have done what was given to them. Waits at most `CLOSE_SECONDS`."""
        if self._process != os.getpid():
            self._begin()
        with self._changing:
            self._closed = True
            ending, self._threads = self._threads, []
            for _ in ending:
                self._queue.put(None)
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in ending:
            thread.join(max(0.0, deadline - time.monotonic()))


def _serve(queue: "SimpleQueue[_Work | None]") -> None:
    while (work := queue.get()) is not None:
        if not work.outcome.done():  # else nobody waits any more
            with suppress(RuntimeError):  # the loop is closed
                work.loop.call_soon_threadsafe(work.settle, _outcome(work))
        del work  # what a thread that waits would hold


def _outcome(work: _Work) -> tuple[Any, BaseException | None]:
    try:
        return work.context.run(work.do), None
    except BaseException as error:
        return None, error
