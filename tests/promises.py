"""Figures that are promised in seconds, asserted on machines that do other things, too."""

from collections.abc import Callable

START_AFTER_KILL_SECONDS = 1.0
"""Of the next start after kill -9."""
STREAMS_END_SECONDS = 2.0
"""Of the end of a server while streams are open."""
SHUTDOWN_SECONDS = 5.0
"""Of the end of a server, with all that can be stored, whatever holds it up."""
LEASE_SECONDS = 5.0
"""Until another process keeps house for one that was killed."""
TRIES = 5


def in_time(promised: float, measure: Callable[[], float], tries: int = TRIES) -> None:
    """One of a few tries takes no longer than promised. Other work on the machine makes some of them late, a fault all of them."""
    taken: list[float] = []
    while len(taken) < tries:
        taken.append(measure())
        if taken[-1] <= promised:
            return
    raise AssertionError(f"promised: {promised} s; each try took: {taken}")
