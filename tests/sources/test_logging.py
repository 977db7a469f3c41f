"""Capture from the standard library's logging."""

import asyncio
import importlib
import io
import json
import logging
import logging.config
import sys
import time
from types import ModuleType

import pytest

from devtools.records import Level
from devtools.telemetry import runs
from devtools.telemetry.context import own_work
from tests.sources.asgi_client import call, errors, http_scope, logs, recorded
from tests.sources.asgi_client import runs as recorded_runs


@pytest.fixture
def logger():
    """A logger of the app, and logging put back as it was."""
    made = logging.getLogger("shop.orders")
    root = logging.getLogger()
    before = (
        root.level,
        root.handlers[:],
        made.level,
        made.propagate,
        made.disabled,
        logging.root.manager.disable,
    )
    yield made
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    made.setLevel(before[2])
    made.propagate, made.disabled = before[3], before[4]
    logging.disable(before[5])


def messages(recorder) -> list[str]:
    return [log.message for log in logs(recorder)]


def test_a_line_with_its_level_logger_place_and_run(watch, logger):
    """What a record needs to be found again."""
    recorder = watch()
    run = runs.start("shop.order", runs.NodeKind.TASK, "order")
    logger.warning("order %d of %s", 12, "ann")
    runs.finish(run)
    (log,) = logs(recorder)
    assert (log.level, log.message, log.source_id) == (Level.warn, "order 12 of ann", "shop.orders")
    assert log.location.startswith(__file__ + ":")
    assert (log.run_id, log.correlation_id) == (run.run_id, run.correlation_id)
    assert log.data is None


@pytest.mark.parametrize(
    ("number", "level"),
    [(5, Level.trace), (10, Level.debug), (20, Level.info), (25, Level.info), (30, Level.warn), (40, Level.error),
     (50, Level.fatal), (60, Level.fatal), (1, Level.trace)],
)  # fmt: skip
def test_levels(watch, logger, number, level):
    """Numbers between two levels count as the lower one."""
    recorder = watch(log_level="trace")
    logger.setLevel(1)
    logger.log(number, "x")
    assert logs(recorder)[0].level is level


def test_extra_fields_are_data(watch, logger):
    """Masked by name."""
    recorder = watch()
    logger.warning("x", extra={"sku": "sku-2", "password": "planted"})
    assert json.loads(logs(recorder)[0].data) == {"sku": "sku-2", "password": "[masked]"}


def test_secrets_in_messages_are_masked(watch, logger):
    recorder = watch()
    logger.warning("password=%s", "planted")
    assert messages(recorder) == ["password=[masked]"]


def test_captured_below_the_level_and_not_printed(watch, logger):
    """Root is WARNING: info is captured, handlers see only what they saw before."""
    stream = io.StringIO()
    logging.basicConfig(stream=stream, level=logging.WARNING, force=True, format="%(message)s")
    recorder = watch(log_level="debug")
    logger.debug("detail")
    logger.warning("loud")
    assert messages(recorder) == ["detail", "loud"]
    assert stream.getvalue() == "loud\n"


def test_without_a_level_only_what_loggers_let_through(watch, logger):
    recorder = watch(log_level=None)
    logging.getLogger().setLevel(logging.WARNING)
    logger.info("quiet")
    logger.warning("loud")
    assert messages(recorder) == ["loud"]


def test_a_level_changed_later_holds(watch, logger):
    """Also after both sides have remembered the level."""
    stream = io.StringIO()
    logging.basicConfig(stream=stream, level=logging.WARNING, force=True, format="%(message)s")
    recorder = watch(log_level="info")
    logger.info("one")
    logging.getLogger().setLevel(logging.INFO)
    logger.info("two")
    logger.setLevel(logging.ERROR)
    logger.warning("three")
    assert messages(recorder) == ["one", "two", "three"]
    assert stream.getvalue() == "two\n"


def test_survives_dict_config_and_force(watch, logger):
    """Both throw handlers away; we have none."""
    recorder = watch()
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}})
    logger.warning("after dictConfig")
    logging.basicConfig(force=True, stream=io.StringIO())
    logger.warning("after force")
    assert messages(recorder) == ["after dictConfig", "after force"]


def test_loggers_that_do_not_propagate_and_children_once(watch, logger):
    """uvicorn.access does not propagate; a child's record passes its parents' handlers and counts once."""
    recorder = watch()
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logging.getLogger("shop.orders.child").warning("x")
    assert messages(recorder) == ["x"]


def test_what_logging_filters_out_is_not_captured(watch, logger):
    """Disabled loggers, `logging.disable`, filters: the app said so."""
    recorder = watch()
    logging.disable(logging.ERROR)
    logger.warning("disabled by level")
    logging.disable(logging.NOTSET)
    logger.disabled = True
    logger.warning("disabled logger")
    logger.disabled = False
    refuse = lambda record: False  # noqa: E731
    logger.addFilter(refuse)
    logger.warning("filtered")
    logger.removeFilter(refuse)
    logger.warning("seen")
    assert messages(recorder) == ["seen"]


class Unprintable:
    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        ("%d items", ("x",), "%d items [not formatted: TypeError]"),
        ("%s %s", (1,), "%s %s [not formatted: TypeError]"),
        ("%s", (Unprintable(),), "%s [not formatted: SystemExit]"),
        (Unprintable(), (), "[unprintable Unprintable: SystemExit]"),
        (12, (), "12"),
        ("100%", (), "100%"),
        ("%(a)s", ({"a": 1},), "1"),
    ],
)
def test_a_message_that_cannot_be_formatted(watch, logger, message, arguments, expected):
    """Never raises from us."""
    recorder = watch()
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.warning(message, *arguments)
    assert messages(recorder) == [expected]


class Interrupted:
    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("message", "arguments"), [("%s", (Interrupted(),)), (Interrupted(), ())])
def test_an_interrupt_while_formatting_reaches_the_app(watch, logger, message, arguments):
    """Ctrl-C is meant for the program, not for a log line."""
    watch()
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    with pytest.raises(KeyboardInterrupt):
        logger.warning(message, *arguments)


def test_logger_exception_is_one_log_and_one_error(watch, logger):
    """Linked; logged twice, it is still one error."""
    recorder = watch()
    try:
        raise ValueError("no stock")
    except ValueError:
        logger.exception("failed")
        logger.exception("failed again")
    (error,) = errors(recorder)
    assert (error.type, error.message, error.source_id) == ("ValueError", "no stock", "shop.orders")
    for log in logs(recorder):
        told = json.loads(log.data)["exception"]
        assert told == {"type": "ValueError", "message": "no stock", "errorId": str(error.id)}


class ClientDisconnected(OSError):
    """Named like uvicorn's."""


class ConnectionClosedError(Exception):
    """Named like those of websockets."""


ConnectionClosed = type("ConnectionClosed", (ConnectionClosedError,), {})


@pytest.mark.parametrize(
    ("name", "raised", "count"),
    [
        ("shop", asyncio.CancelledError(), 0),
        ("shop", ClientDisconnected(), 0),
        ("shop", BaseExceptionGroup("g", [asyncio.CancelledError()]), 0),
        ("uvicorn.error", ConnectionClosed(1005, None), 0),
        ("shop", ConnectionClosed(1005, None), 1),
        ("uvicorn.error", ValueError("x"), 1),
    ],
)
def test_a_cancellation_or_a_client_that_left_is_no_error(watch, name, raised, count):
    """It is a line of the log; a connection that the app itself had opened is the app's."""
    recorder = watch()
    logging.getLogger(name).error("failed", exc_info=raised)
    assert (len(logs(recorder)), len(errors(recorder))) == (1, count)
    assert json.loads(logs(recorder)[0].data)["exception"]["type"].endswith(type(raised).__name__)


def test_a_huge_message_is_cut_before_it_is_copied(watch, logger):
    """A text of the app's own class too."""
    recorder = watch()
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    huge = type("Huge", (str,), {})("x" * 100_000_000)
    best = 1.0
    for _ in range(5):
        began = time.process_time()
        logger.warning(huge)
        best = min(best, time.process_time() - began)
    assert best < 0.01  # a copy would take longer each time
    logger.warning("y" * 100_000_000)
    assert len(messages(recorder)) == 6
    assert all(text.endswith("… [cut: 100,000,000 characters]") for text in messages(recorder))


async def test_a_server_logs_what_left_a_request(watch, logger):
    """In the call chain of that request, whatever the exception is; what is raised again elsewhere is not of it."""
    recorder = watch()
    constant = ValueError("no stock")

    async def app(scope, receive, send):
        raise constant if scope["path"] == "/raises" else asyncio.CancelledError

    async def serve(path):
        try:
            await call(recorded(app, recorder), http_scope(path), [])
        except BaseException:
            logger.exception("Exception in ASGI application")

    for path in ("/raises", "/leaves"):
        await asyncio.create_task(serve(path))
    logger.error("again", exc_info=constant)
    raising, leaving, again = logs(recorder)
    found = [(run.correlation_id, run.run_id) for run in recorded_runs(recorder)]
    assert [(line.correlation_id, line.run_id) for line in (raising, leaving)] == found
    assert json.loads(raising.data)["exception"]["message"] == "no stock"
    assert (again.correlation_id, again.run_id) == (None, None)


def test_exc_info_without_an_exception(watch, logger):
    """`exc_info=True` outside of a handler."""
    recorder = watch()
    logger.warning("x", exc_info=True)
    assert (len(logs(recorder)), errors(recorder)) == (1, [])


def test_our_own_loggers_and_work_are_left_out(watch, logger):
    """No feedback; an app whose name begins like ours is not ours."""
    recorder = watch()
    logging.getLogger("devtools").warning("ours")
    logging.getLogger("devtools.storage").warning("ours")
    logging.getLogger("devtoolsmith").warning("theirs")
    with own_work():
        logger.warning("our work")
    assert messages(recorder) == ["theirs"]


def test_sampling_and_pause(watch, logger):
    recorder = watch(sampling={"logging": 0.0})
    logger.warning("x")
    assert logs(recorder) == []


def test_paused(watch, logger):
    recorder = watch()
    recorder.paused = True
    logger.warning("x")
    recorder.paused = False
    assert logs(recorder) == []


def test_uninstall_restores_the_class(recorder, logger):
    """Methods and levels are as before; with another patch on top ours falls silent."""
    from devtools.settings import Settings
    from devtools.sources.logging import install

    before = (logging.Logger.callHandlers, logging.Logger.getEffectiveLevel)
    uninstall = install(recorder, Settings(log_level="debug"))
    logger.debug("x")
    uninstall()
    assert (logging.Logger.callHandlers, logging.Logger.getEffectiveLevel) == before
    assert not logger.isEnabledFor(logging.DEBUG)
    uninstall = install(recorder, Settings())
    ours = logging.Logger.callHandlers
    logging.Logger.callHandlers = lambda self, record: ours(self, record)
    try:
        uninstall()
        logger.warning("y")
    finally:
        logging.Logger.callHandlers = before[0]
    assert messages(recorder) == ["x"]


def test_structured_libraries_that_use_logging(watch, logger):
    """A `LogRecord` factory of another library, and a record made elsewhere."""
    recorder = watch()
    record = logging.makeLogRecord(
        {"name": "remote", "msg": "from elsewhere", "levelno": 30, "pathname": "x", "lineno": 1}
    )
    logging.getLogger("remote").handle(record)
    assert [(log.source_id, log.message) for log in logs(recorder)] == [("remote", "from elsewhere")]


def test_the_place_is_the_callers(watch, logger):
    """The line of the call, not of a wrapper in logging."""
    recorder = watch()
    for _ in range(2):
        logger.warning("x")
    line = sys._getframe().f_lineno - 1
    assert {log.location for log in logs(recorder)} == {f"{__file__}:{line}"}


@pytest.mark.parametrize(
    "name",
    [
        "sqlalchemy.engine.Engine",
        "django.db.backends",
        "peewee",
        "aiosqlite",
        "aiomysql",
        "asyncmy",
        "neo4j.io",
        "pymongo.command",
    ],
)
def test_values_bound_to_statements_are_not_captured_from_the_loggers_of_databases(watch, logger, name):
    """Whatever is captured from others, and also where the app prints them itself; their warnings are."""
    logging.getLogger().setLevel(logging.WARNING)
    recorder = watch(log_level="trace")
    library = logging.getLogger(name)
    assert not library.isEnabledFor(logging.INFO)
    before = library.level
    library.setLevel(1)
    try:
        library.info("[%s] %r", "generated in 0.1s", ("alice", "correct-horse"))
        library.debug("args=%s", ("correct-horse",))
        library.warning("a slow statement")
    finally:
        library.setLevel(before)
    assert [log.message for log in logs(recorder)] == ["a slow statement"]


@pytest.mark.parametrize("is_library", [True, False])
def test_a_package_of_the_app_may_be_called_as_the_library_databases_is(watch, monkeypatch, is_library):
    """Its lines are captured, those of the library are not: that one has `DatabaseURL`."""
    module = ModuleType("databases")
    module.__getattr__ = lambda name: importlib.import_module(f".{name}", "nowhere")
    if is_library:
        module.DatabaseURL = object
    monkeypatch.setitem(sys.modules, "databases", module)
    monkeypatch.setattr(logging.getLogger("databases.orders"), "level", logging.INFO)
    logging.getLogger("databases.orders")._cache.clear()
    recorder = watch()
    logging.getLogger("databases.orders").info("Query: SELECT ?")
    assert len(logs(recorder)) == (0 if is_library else 1)


def test_chatter_of_sqlalchemy_stays_as_the_app_configured_it(watch):
    """Its mappers alone write a hundred lines at the first request."""
    recorder = watch(log_level="info")
    mapper = logging.getLogger("sqlalchemy.orm.mapper.Mapper")
    before = mapper.level
    mapper.setLevel(logging.WARNING)
    try:
        mapper.info("(Author|author) constructed")
    finally:
        mapper.setLevel(before)
    assert logs(recorder) == []
