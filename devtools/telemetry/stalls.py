"""What kept the app's event loop from going on: a thread looks at its stack when a timer of it is overdue. Started by `gauges`.

It sleeps until that would be so: a thread that wakes takes the interpreter from the app.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FrameType
from typing import NamedTuple

STALL_SECONDS = 0.1
"""How late a timer of the loop must be before something blocks it."""
LOOK_SECONDS = 0.05
"""The shortest pause between two looks, and the pause while something blocks."""
STALLS_KEPT = 200
MAX_FRAMES = 100
IDLE = frozenset({"select", "poll", "run_once"})
DEBUGGERS = ("bdb.py", "pdb.py", "pydevd.py")
"""A person at a breakpoint blocks nothing."""


class Timer(NamedTuple):
    """A timer of a loop that has not fired: when it is due on the monotonic clock, and the thread that runs it."""

    due: float
    thread_id: int


@dataclass(frozen=True)
class Stall:
    """One time that a loop could not go on."""

    functions: tuple[tuple[str, int], ...]
    """File and first line of the functions on the stack, the outermost first."""
    where: str
    """`file:line in function` of the innermost one."""
    seconds: float


class StallWatch:
    """The newest stalls of one loop. `timer` answers the one that the loop waits for; None while the loop does not run."""

    def __init__(self, timer: Callable[[], Timer | None]) -> None:
        self._timer = timer
        self._stalls: deque[Stall] = deque(maxlen=STALLS_KEPT)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._look, name="devtools-stalls", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what was seen stays."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            thread.join()

    def seen(self) -> list[Stall]:
        """The newest stalls, oldest first."""
        return list(self._stalls)

    def _look(self) -> None:
        current: tuple[float, Stall] | None = None
        pause = LOOK_SECONDS
        while True:
            due, used = time.monotonic() + pause, time.process_time()
            if self._stopped.wait(pause):
                return
            now = time.monotonic()
            timer = self._timer()
            if current is not None and (timer is None or timer.due != current[0]):
                self._stalls.append(replace(current[1], seconds=now - current[0]))
                current = None
            late = 0.0 if timer is None else now - timer.due
            busy = time.process_time() - used - pause
            pause = min(STALL_SECONDS, max(LOOK_SECONDS, STALL_SECONDS - late))
            if (
                current is not None
                or timer is None
                or late < STALL_SECONDS
                or _may_be_starved(now - due, busy)
            ):
                continue
            stall = _stall_of(sys._current_frames().get(timer.thread_id))  # pyright: ignore[reportPrivateUsage] - documented
            current = None if stall is None else (timer.due, stall)


def _may_be_starved(overslept: float, busy: float) -> bool:
    """Whether the machine may have given this process no time, so that nobody here blocks anything: the next look tells.

    `busy` is the processor time that it used while we overslept, at least.
    """
    return overslept > 2 * LOOK_SECONDS and busy < overslept / 2


def _stall_of(frame: FrameType | None) -> Stall | None:
    """The stack of a thread; None while it waits for events, or stands at a breakpoint."""
    if frame is None or frame.f_code.co_name in IDLE:
        return None
    where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
    functions: list[tuple[str, int]] = []
    while frame is not None and len(functions) < MAX_FRAMES:
        if frame.f_code.co_filename.endswith(DEBUGGERS):
            return None
        functions.append((frame.f_code.co_filename, frame.f_code.co_firstlineno))
        frame = frame.f_back
    return Stall(tuple(reversed(functions)), where, 0.0)
