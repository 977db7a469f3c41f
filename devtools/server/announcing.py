"""The line that says where devtools is. It is no warning, and still it must be seen."""

import logging
import sys
from collections.abc import Iterator
from contextlib import suppress


def announce(logger: logging.Logger, text: str) -> None:
    """Log at INFO; where the app's logging shows no INFO, as by default, write the line to standard error."""
    logger.info("%s", text)
    if not is_shown(logger, logging.INFO):
        say(text)


def say(text: str) -> None:
    """Write a line to standard error, where there is one: whoever reads it may be gone, and the app goes on."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{text}\n")


def is_shown(logger: logging.Logger, level: int) -> bool:
    """Whether the app's logging shows records of this level. Our `log_level` does not count: it captures and prints nothing."""
    lowest = next((each.level for each in _upwards(logger) if each.level), logging.WARNING)
    if logger.disabled or level < lowest or level <= logger.manager.disable:
        return False
    return any(handler.level <= level for handler in _handlers(logger))


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    for each in _upwards(logger):
        yield from (handler for handler in each.handlers if not isinstance(handler, logging.NullHandler))
        if not each.propagate:
            return


def _upwards(logger: logging.Logger) -> Iterator[logging.Logger]:
    current: logging.Logger | None = logger
    while current is not None:
        yield current
        current = current.parent
