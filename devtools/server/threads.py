"""The threads in which operations run: away from the app's event loop, and from the threads that the app has for its own work."""

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")

CLOSE_SECONDS = 1.0
"""How long `close` waits for work that goes on."""


class Threads:
    """So many pieces of work at a time; more wait. Threads come with the work, and go with `close`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ThreadPoolExecutor | None = None
        self._process_id = 0
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do it in a thread, in the context of the caller. What it raises is raised here."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Under trio. Elsewhere this would cost twice as much: two more turns of the loop, one to begin and one to wait in.
            if self._limiter is None:
                self._limiter = anyio.CapacityLimiter(self._count)
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        return await loop.run_in_executor(self._running(), contextvars.copy_context().run, work)

    def _running(self) -> ThreadPoolExecutor:
        pool = self._pool
        if pool is None or self._process_id != os.getpid():  # a fork has none of its parent's threads
            pool = self._pool = ThreadPoolExecutor(self._count, "devtools-graphql")
            self._process_id = os.getpid()
        return pool

    def close(self) -> None:
        """End the threads, and with them what has not begun."""
        pool, self._pool = self._pool, None
        if pool is not None and self._process_id == os.getpid():
            ending = threading.Thread(
                target=pool.shutdown, kwargs={"cancel_futures": True}, name="devtools-ending", daemon=True
            )
            ending.start()
            ending.join(CLOSE_SECONDS)
