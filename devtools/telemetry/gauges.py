"""How the process is now: memory, processor, lateness of the event loop, garbage collections. Read by GraphQL and the health event.

Needs nothing beyond the standard library on Linux and macOS. Made by the application; `start` begins to count collections, `follow`
measures one event loop, `close` ends both.
"""

import asyncio
import contextvars
import ctypes
import gc
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.telemetry.context import internal
from devtools.telemetry.stalls import Stall, StallWatch, Timer

SAMPLE_SECONDS = 0.1
"""Between two looks at the event loop."""
LAG_WINDOW_SECONDS = 10.0
"""Over which the greatest lateness is answered."""
SHORTEST_READING_SECONDS = 0.05
"""A processor reading sooner after the last one repeats it: the clock of the operating system is too coarse."""
COLLECTIONS_KEPT = 10_000


@dataclass(frozen=True)
class Memory:
    """Memory of the process in bytes.

    `heap_used` is private memory that is resident: the objects of CPython, its arenas, what extensions allocated (Linux `RssAnon`,
    macOS physical footprint). `heap_total` is private memory that was asked for, resident or not (Linux `VmData`, on macOS as
    `heap_used` or `rss`, the greater). `rss` is all that is resident, with shared libraries and mapped files.
    """

    heap_used: int
    heap_total: int
    rss: int


@dataclass(frozen=True)
class Cpu:
    """`usage` is processor time of this process per second since the last reading: 1.0 is one core fully busy, and the cap.

    `load_average` is that of the machine over the last minute, as the operating system counts it.
    """

    usage: float
    load_average: float


@dataclass(frozen=True)
class Collections:
    """Garbage collections: how many, and how many milliseconds they took together."""

    count: int
    duration_ms: float


class Gauges:
    """The readings of this process. Callable from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cpu_lock = threading.Lock()
        self._cpu_read_at = clock()
        self._cpu_time = time.process_time()
        self._cpu_usage = 0.0
        self._lag = Lag(clock)
        self._watch = StallWatch(self._lag.timer)
        self._collections: deque[tuple[float, float]] = deque(maxlen=COLLECTIONS_KEPT)
        self._collected = 0
        self._collecting_seconds = 0.0
        self._collection_began: float | None = None

    def start(self) -> None:
        """Count garbage collections from now on."""
        if self._on_collection not in gc.callbacks:
            gc.callbacks.append(self._on_collection)

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure the lateness of this event loop from now on, instead of one before it."""
        self._lag.follow(loop)
        self._watch.start()

    def close(self) -> None:
        """Leave loop and collector as they were."""
        self._watch.stop()
        self._lag.stop()
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)

    def memory(self) -> Memory:
        """Memory of the process now."""
        return _memory()

    def cpu(self) -> Cpu:
        """Use of the processor since the last reading."""
        with self._cpu_lock:
            now, used = self._clock(), time.process_time()
            elapsed = now - self._cpu_read_at
            if elapsed >= SHORTEST_READING_SECONDS:
                self._cpu_usage = min(1.0, max(0.0, (used - self._cpu_time) / elapsed))
                self._cpu_read_at, self._cpu_time = now, used
            return Cpu(self._cpu_usage, os.getloadavg()[0])

    def event_loop_lag_ms(self, *, reset: bool = False) -> float:
        """Greatest lateness of a timer on the app's event loop in the last ten seconds; with `reset`, forget it afterwards.

        A loop that is blocked now counts with the time since its timer was due. 0 where no loop is followed.
        """
        lag = self._lag.greatest() * 1_000
        if reset:
            self._lag.forget()
        return lag

    def stalls(self) -> list[Stall]:
        """What kept the app's event loop from going on, the newest last."""
        return self._watch.seen()

    def collections(self, window_ms: float | None = None) -> Collections:
        """Garbage collections in the last `window_ms`, or since the start. Of a window, at most the newest ten thousand."""
        if window_ms is None:
            return Collections(self._collected, self._collecting_seconds * 1_000)
        since = self._clock() - window_ms / 1_000
        taken = [seconds for ended, seconds in list(self._collections) if ended > since]
        return Collections(len(taken), sum(taken) * 1_000)

    def _on_collection(self, phase: str, _info: dict[str, Any]) -> None:  # Any: as the interpreter gives it
        now = self._clock()
        if phase == "start":
            self._collection_began = now
        elif self._collection_began is not None:
            seconds = now - self._collection_began
            self._collection_began = None
            self._collected += 1
            self._collecting_seconds += seconds
            self._collections.append((now, seconds))


class Lag:
    """How late a timer on one event loop fires, in seconds. Only `greatest` and `forget` are called from other threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._thread_id = 0
        self._samples: deque[tuple[float, float]] = deque(maxlen=int(LAG_WINDOW_SECONDS / SAMPLE_SECONDS))

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sample this loop until `stop`."""
        self.stop()
        self._loop = loop
        context = contextvars.copy_context()
        context.run(internal.set, True)
        loop.call_soon_threadsafe(self._next, loop, context, context=context)

    def stop(self) -> None:
        """Cancel the timer."""
        loop, self._loop = self._loop, None
        handle, self._handle = self._handle, None
        self._due = None
        if loop is not None and handle is not None and not loop.is_closed():
            loop.call_soon_threadsafe(handle.cancel)

    def greatest(self) -> float:
        """The greatest lateness of the window, or of the timer that is overdue now."""
        now = self._clock()
        kept = [late for at, late in list(self._samples) if at > now - LAG_WINDOW_SECONDS]
        due, loop = self._due, self._loop
        if due is not None and loop is not None and loop.is_running():
            kept.append(now - due)
        return max(0.0, *kept) if kept else 0.0

    def timer(self) -> Timer | None:
        """The timer that is to fire next; None while the loop does not run."""
        due, loop = self._due, self._loop
        return None if due is None or loop is None or not loop.is_running() else Timer(due, self._thread_id)

    def forget(self) -> None:
        """Begin a new window."""
        self._samples.clear()

    def _next(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context) -> None:
        if loop is not self._loop:
            return
        self._thread_id = threading.get_ident()
        self._due = self._clock() + SAMPLE_SECONDS
        self._handle = loop.call_later(SAMPLE_SECONDS, self._sample, loop, context, context=context)

    def _sample(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context) -> None:
        now = self._clock()
        if self._due is not None:
            self._samples.append((now, max(0.0, now - self._due)))
        self._next(loop, context)


def _linux() -> Memory:
    found: dict[str, int] = {}
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name in {"VmRSS", "RssAnon", "VmData"}:
            found[name] = int(value.split()[0]) * 1_024
    rss = found["VmRSS"]
    return Memory(found.get("RssAnon", rss), found["VmData"], rss)


class _Usage(ctypes.Structure):
    """`rusage_info_v0` of macOS: <sys/resource.h>."""

    _fields_ = [
        ("uuid", ctypes.c_uint8 * 16),
        ("user_time", ctypes.c_uint64),
        ("system_time", ctypes.c_uint64),
        ("package_idle_wakeups", ctypes.c_uint64),
        ("interrupt_wakeups", ctypes.c_uint64),
        ("page_ins", ctypes.c_uint64),
        ("wired_size", ctypes.c_uint64),
        ("resident_size", ctypes.c_uint64),
        ("physical_footprint", ctypes.c_uint64),
        ("started", ctypes.c_uint64),
        ("ended", ctypes.c_uint64),
    ]


def _macos() -> Memory:
    usage = _Usage()
    library = ctypes.CDLL(None)
    if library.proc_pid_rusage(os.getpid(), 0, ctypes.byref(usage)) != 0:
        raise OSError("proc_pid_rusage failed")
    rss, used = int(usage.resident_size), int(usage.physical_footprint)
    return Memory(used, max(used, rss), rss)


def _peak() -> Memory:
    """The greatest resident size so far: all that POSIX tells."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    in_bytes = size if sys.platform == "darwin" else size * 1_024
    return Memory(in_bytes, in_bytes, in_bytes)


_READERS: dict[str, Callable[[], Memory]] = {"darwin": _macos, "linux": _linux}


def _memory() -> Memory:
    try:
        return _READERS[sys.platform]()
    except (OSError, KeyError, ValueError, AttributeError):
        return _peak()
