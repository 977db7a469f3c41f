"""Where the code that runs now belongs: the current run, and whether this is our own work."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devtools.telemetry.runs import ActiveRun

current: ContextVar["ActiveRun | None"] = ContextVar("devtools_current_run", default=None)
"""The innermost run. Follows `await`, tasks, and executor threads as every context variable does."""


class Left(NamedTuple):
    """A request that an exception has left. Recorder and exception by `id()`: no object may be held by what outlives it."""

    recorder: int
    exception: int
    correlation_id: str
    run_id: int


left: ContextVar[Left | None] = ContextVar("devtools_left", default=None)
"""The request that ended last in this context by an exception: servers log that once nothing is current."""

internal: ContextVar[bool] = ContextVar("devtools_internal", default=False)
"""This is our own work: nothing of it is recorded."""


_OWN = "_devtools_own"


def mark_own(thing: object) -> None:
    """Say that an object of a library's, as a database, is ours: what is done with it is not recorded, whoever does it."""
    setattr(thing, _OWN, True)


def is_own(thing: object) -> bool:
    """Whether an object is marked as ours."""
    return _OWN in getattr(thing, "__dict__", ())


class own_work:  # noqa: N801 - used as contextlib's managers are, which cost three times as much
    """Mark what happens inside as our own work."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = internal.set(True)

    def __exit__(self, *_: object) -> None:
        internal.reset(self._token)
