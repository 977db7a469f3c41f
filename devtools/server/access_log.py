"""uvicorn's access log: a page of ours that is open asks every second, and its lines would hide those of the app's requests."""

import logging
from collections.abc import Callable

from devtools.telemetry.context import internal

_LOGGER = "uvicorn.access"
_FIRST_FAILURE = 400


def leave_out_ours() -> Callable[[], None]:
    """Leave our own requests out of uvicorn's access log, but for those that failed, until the answer is called."""
    logger = logging.getLogger(_LOGGER)

    def is_wanted(record: logging.LogRecord) -> bool:
        return not internal.get() or _status(record) >= _FIRST_FAILURE

    logger.addFilter(is_wanted)
    return lambda: logger.removeFilter(is_wanted)


def _status(record: logging.LogRecord) -> int:
    """The last argument of a line, as uvicorn writes it. A line of another form counts as a failure."""
    match record.args:
        case (*_, int(status)):
            return status
        case _:
            return _FIRST_FAILURE
