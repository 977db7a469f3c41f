"""The standard library's `logging` (structlog and loguru through it): every record that reaches a logger's handlers.

Watches at the class `logging.Logger`, not with a handler: it survives `dictConfig` and `basicConfig(force=True)`, sees loggers
that do not propagate, and sees each record once.

What `logging` filters out (disabled loggers, `logging.disable`, filters) is not captured.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

from devtools.records import Level, Log, SourceKind
from devtools.settings import Settings
from devtools.sources import sampler
from devtools.telemetry.context import Left, current, left
from devtools.telemetry.errors import is_cancellation, record_exception, recorded_id, source_kind_of
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.values import MAX_TEXT, exception_text, qualified_name, unprintable

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "message",
    "asctime",
    "taskName",
}
_STANDARD_COUNT = len(vars(logging.LogRecord("", 0, "", 0, "", (), None)))

_FILES, _LINES = 2_000, 1_000
_NO_LINES: dict[int, str] = {}

NUMBERS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50}
"""Our levels as numbers of `logging`."""

_LEVELS: dict[int, Level] = {
    5: Level.trace,
    10: Level.debug,
    20: Level.info,
    30: Level.warn,
    40: Level.error,
    50: Level.fatal,
}


def level_of(number: int) -> Level:
    """Our level for a number of `logging`: the greatest that is not above it."""
    found = _LEVELS.get(number)
    if found is None:
        below = [known for known in NUMBERS.values() if known <= number]
        found = _LEVELS[max(below)] if below else Level.trace
    return found


class LogCapture:
    """Makes facts of what loggers handle."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.locations: dict[str, dict[int, str]] = {}
        """`file:line` of the calls that were seen: one text for all records of a call."""
        self.active = True
        """Until it is uninstalled: another patch may hold on to ours."""

    def locate(self, record: logging.LogRecord) -> str:
        """`file:line` of a call that is seen for the first time."""
        location = f"{record.pathname}:{record.lineno}"
        lines = self.locations.setdefault(record.pathname, {}) if len(self.locations) < _FILES else {}
        if len(lines) < _LINES:
            lines[record.lineno] = location
        return location

    def data(self, record: logging.LogRecord) -> dict[str, Any] | None:  # Any: what the app attached
        """What the app attached to a line, and its exception."""
        attached = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        exception = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if exception is not None:
            attached["exception"] = self._exception(record, exception)
        return attached or None

    def request_left(self, record: logging.LogRecord) -> Left | None:
        """The request that the exception of a line has just left, where a server logs it outside of every run; else None."""
        if (
            current.get() is not None
            or (found := left.get()) is None
            or not isinstance(record.exc_info, tuple)
        ):
            return None
        meant = found.recorder == id(self.recorder) and found.exception == id(record.exc_info[1])
        return found if meant else None

    def keep(self, request: Left, level: Level, message: str, name: str, data: object, location: str) -> None:
        """Keep a line of a request that has ended; the rest is what `Recorder.log` does."""
        self.recorder.record(
            Log,
            level=level,
            message=message,
            source_id=name,
            data=self.recorder.guard.json(data),
            location=location,
            correlation_id=request.correlation_id,
            run_id=request.run_id,
        )

    def _exception(self, record: logging.LogRecord, exception: BaseException) -> dict[str, str]:
        """Record the exception where nobody did, and tell which record it is."""
        run = current.get()
        source_id = run.node_id if run is not None else record.name
        kind = source_kind_of(run.node_kind) if run is not None else SourceKind.INTERNAL
        if not (is_cancellation(exception) or _is_lost_client(record, exception)):
            record_exception(self.recorder, exception, source_id, kind)
        told = {"type": qualified_name(type(exception)), "message": exception_text(exception)}
        identifier = recorded_id(exception)
        return told if identifier is None else {**told, "errorId": str(identifier)}


_SERVERS = ("uvicorn", "hypercorn", "daphne", "granian")


def _is_lost_client(record: logging.LogRecord, exception: BaseException) -> bool:
    """Whether a server tells that the client of a WebSocket is gone. A connection that the app opened itself is the app's."""
    return record.name.startswith(_SERVERS) and any(
        base.__name__ == "ConnectionClosed" for base in type(exception).__mro__
    )


def _formatted(record: logging.LogRecord) -> str:
    message: Any = record.msg
    if not record.args and issubclass(type(message), str) and str.__len__(message) > MAX_TEXT:
        return message  # the guard takes its start; `getMessage` would copy all of it
    try:
        return record.getMessage()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _template(record, error)


def _template(record: logging.LogRecord, error: BaseException) -> str:
    try:
        return f"{record.msg!s} [not formatted: {type(error).__name__}]"
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        return unprintable(record.msg, failure)


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Capture from every logger of this process until the answer is called."""
    capture = LogCapture(recorder)
    original = logging.Logger.callHandlers
    restore_level = (lambda: None) if settings.log_level is None else _lower(NUMBERS[settings.log_level])
    call_handlers = _before(capture, original, sampler(settings, "logging"))
    logging.Logger.callHandlers = call_handlers

    def uninstall() -> None:
        capture.active = False
        restore_level()
        if logging.Logger.callHandlers is call_handlers:
            logging.Logger.callHandlers = original

    return uninstall


def _before(
    capture: LogCapture, original: Callable[..., None], keeps: Callable[[], bool] | None
) -> Callable[..., None]:
    """`callHandlers` that keeps the line first. It never raises: a message that cannot be formatted is kept as its template.

    One function, whose names are those of a closure: every line of the app's logs passes here.
    """
    log, locations, levels, standard = capture.recorder.log, capture.locations, _LEVELS, _STANDARD_COUNT
    locate, attached = capture.locate, capture.data
    request_left, keep = capture.request_left, capture.keep

    def call_handlers(self: Any, record: logging.LogRecord) -> None:  # Any: typeshed leaves `_cache` out
        if not capture.active:
            original(self, record)
            return
        lowest, captured = self._cache.get(_KNOWN) or _know(self)
        number = record.levelno
        if number >= captured and (keeps is None or keeps()):
            message: Any = record.msg
            if record.args or type(message) is not str:
                message = _formatted(record)
            location = locations.get(record.pathname, _NO_LINES).get(record.lineno) or locate(record)
            name, exception = record.name, record.exc_info
            # Last: once its `__dict__` was looked at, every attribute of an object takes longer to read.
            data = attached(record) if exception or len(record.__dict__) > standard else None
            level = levels.get(number) or level_of(number)
            if exception and (request := request_left(record)) is not None:
                keep(request, level, message, name, data, location)
            else:
                log(level, message, name, data, location)
        if number >= lowest:
            original(self, record)

    return call_handlers


_STATEMENTS = (
    "sqlalchemy.engine",
    "django.db.backends",
    "peewee",
    "aiomysql",
    "aiopg",
    "aiosqlite",
    "asyncmy",
    "asyncpg",
    "clickhouse_driver.connection",
    "gino.engine",
    "neo4j.io",
    "pony.orm.sql",
    "psycopg",
    "pymongo.command",
    "tortoise.db_client",
)
"""Loggers that tell of statements with the values bound to them. Statements are runs, without them; of these only warnings are
captured. So it is with the library `databases`, whose name an app may have for a package of its own."""
_NEVER = 1 << 30
_KNOWN = "devtools"
"""Key in the cache of a logger, which `logging` empties whenever a level changes."""
_effective_level = logging.Logger.getEffectiveLevel


def _know(logger: Any) -> tuple[int, int]:  # Any: as above
    """The level from which the records of a logger would exist without us, and that from which they are captured."""
    captured = _NEVER if _is_below(logger.name, "devtools") else 0
    if _tells_statements(logger.name):
        captured = logging.WARNING
    known = logger._cache[_KNOWN] = (_effective_level(logger), captured)
    return known


def _tells_statements(name: str) -> bool:
    if _is_below(name, "databases"):
        # Read off its namespace: a module may compute its attributes, and raise.
        return "DatabaseURL" in getattr(sys.modules.get("databases"), "__dict__", ())
    return _is_below(name, *_STATEMENTS)


def _is_below(name: str, *parents: str) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def _is_quiet(name: str) -> bool:
    return _is_below(name, "sqlalchemy") or _tells_statements(name)


def _lower(lowest: int) -> Callable[[], None]:
    """Let records from `lowest` on exist in every logger but those of libraries that log their own work with what it works on.

    What handlers see stays as configured.
    """
    original = logging.Logger.getEffectiveLevel

    def get_effective_level(self: logging.Logger) -> int:
        level = original(self)
        return level if level <= lowest or _is_quiet(self.name) else lowest

    logging.Logger.getEffectiveLevel = get_effective_level
    _forget_levels()

    def restore() -> None:
        if logging.Logger.getEffectiveLevel is get_effective_level:
            logging.Logger.getEffectiveLevel = original
        _forget_levels()

    return restore


def _forget_levels() -> None:
    """Empty the caches of `isEnabledFor`."""
    manager: Any = logging.Logger.manager  # Any: the cache has no public name
    manager._clear_cache()
