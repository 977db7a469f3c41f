"""The health of resources: their checks, run side by side, each with a time limit, none able to raise."""

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from devtools.introspection.registry import HealthCheck, registry
from devtools.telemetry.context import own_work
from devtools.telemetry.runs import describe

CHECK_SECONDS = 2.0
STATUSES = ("healthy", "degraded", "unhealthy")

Status = Literal["healthy", "degraded", "unhealthy"]


@dataclass(frozen=True)
class HealthEntry:
    """The health of one resource."""

    id: str
    status: Status
    message: str | None = None
    details: str | None = None
    initialized: bool = True


class Check(threading.Thread):
    """One run of one check. It may hang for ever: then it is asked about again, not started again."""

    def __init__(self, name: str, check: HealthCheck, seconds: float) -> None:
        super().__init__(name="devtools-health", daemon=True)
        self.check = check
        self.seconds = seconds
        self.entry = HealthEntry(name, "unhealthy", f"The check did not answer within {seconds:g} s.")
        """The answer; until there is one, that there is none."""

    def run(self) -> None:
        """Ask, off the app's event loop."""
        name = self.entry.id
        with own_work():
            try:
                answer: Any = self.check()  # Any: what the app answers
                if inspect.isawaitable(answer):
                    answer = asyncio.run(_within(answer, self.seconds))
                self.entry = _entry(name, answer)
            except BaseException as error:  # a check may raise SystemExit; this is a thread of ours
                self.entry = HealthEntry(name, "unhealthy", describe(error))


_running: dict[str, Check] = {}
_starting = threading.Lock()


def check_health(seconds: float = CHECK_SECONDS) -> Sequence[HealthEntry]:
    """Run every check now, by resource id. A check that takes longer than `seconds` is unhealthy.

    Checks run in threads of their own, one a resource at a time; async ones on an event loop of their own, never on the app's.
    """
    deadline = time.monotonic() + seconds
    with _starting:
        asked = [_ask(name, check, seconds) for name, check in sorted(registry.health_checks().items())]
    for check in asked:
        check.join(max(0.0, deadline - time.monotonic()))
    return tuple(check.entry for check in asked)


def _ask(name: str, check: HealthCheck, seconds: float) -> Check:
    running = _running.get(name)
    if running is None or running.check is not check or not running.is_alive():
        running = _running[name] = Check(name, check, seconds)
        running.start()
    return running


async def _within(answer: Awaitable[Any], seconds: float) -> Any:  # Any: as above
    async with asyncio.timeout(seconds):
        return await answer


def _entry(name: str, answer: Any) -> HealthEntry:  # Any: as above
    if answer is None or answer is True:
        return HealthEntry(name, "healthy")
    if answer is False:
        return HealthEntry(name, "unhealthy", "The check answered False.")
    if isinstance(answer, tuple):
        pair = cast("tuple[Any, ...]", answer)
        if len(pair) == 2 and pair[0] in STATUSES:
            return HealthEntry(name, pair[0], str(pair[1]))
    kind = cast("object", answer).__class__.__name__
    return HealthEntry(name, "unhealthy", f"The check answered {kind}, not True, False or (status, message).")
