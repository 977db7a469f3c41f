"""Exceptions that nobody caught."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading

import pytest

from devtools.records import SourceKind
from devtools.settings import Settings
from devtools.sources.exceptions import install
from devtools.telemetry import runs
from tests.sources.asgi_client import errors


@pytest.fixture
def quiet():
    """Hooks that print nothing, below ours."""
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    seen: list[str] = []
    sys.excepthook = lambda *arguments: seen.append("main")
    threading.excepthook = lambda arguments: seen.append("thread")
    sys.unraisablehook = lambda arguments: seen.append("unraisable")
    yield seen
    sys.excepthook, threading.excepthook, sys.unraisablehook = before


@pytest.fixture
def watched(recorder, quiet):
    uninstall = install(recorder, Settings())
    yield recorder
    uninstall()


def test_the_main_threads_hook(watched, quiet):
    """Recorded, and the hook before ours is called."""
    try:
        raise ValueError("at the end")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    (error,) = errors(watched)
    assert (error.type, error.message) == ("ValueError", "at the end")
    assert (error.source_id, error.source_kind) == ("sys.excepthook", SourceKind.INTERNAL)
    assert quiet == ["main"]


def test_a_thread_that_dies(watched, quiet):
    def work() -> None:
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    (error,) = errors(watched)
    assert (error.message, error.source_id) == ("in a thread", "thread.worker")
    assert quiet == ["thread"]


def test_a_thread_that_ends_is_no_error(watched):
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert errors(watched) == []


def test_what_a_run_recorded_is_not_recorded_again(watched, quiet):
    """The exception passed a run in the thread, then the thread's hook: one error."""
    from devtools.telemetry.errors import record_exception

    def work() -> None:
        run = runs.start("shop.work", runs.NodeKind.TASK, "work")
        try:
            raise RuntimeError("once")
        except RuntimeError as error:
            record_exception(watched, error, "shop.work")
            runs.finish(run, exception=error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [error.source_id for error in errors(watched)] == ["shop.work"]


def test_unraisable(watched, quiet):
    """An exception in `__del__`."""

    class Broken:
        def __del__(self) -> None:
            raise ValueError("in del")

    Broken()
    gc.collect()
    assert [error.message for error in errors(watched)] == ["in del"]
    assert quiet == ["unraisable"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_task_whose_exception_nobody_read(recorder, quiet, loop):
    """Reported by the loop when the task is forgotten; the loop's own handler is still called."""
    new_loop = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    uninstall = install(recorder, Settings())
    handled: list[str] = []

    async def fail() -> None:
        raise RuntimeError("nobody reads this")

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: handled.append(context["message"])
        )
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task
        gc.collect()

    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(scenario())
    finally:
        uninstall()
    assert [error.message for error in errors(recorder)] == ["nobody reads this"]
    assert handled == ["Task exception was never retrieved"]


def test_a_failing_callback_of_the_loop(watched):
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert [error.type for error in errors(watched)] == ["ZeroDivisionError"]


def test_uninstall_restores_every_hook(recorder, quiet):
    before = (
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
        asyncio.BaseEventLoop.call_exception_handler,
    )
    install(recorder, Settings())()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before[:3]
    assert asyncio.BaseEventLoop.call_exception_handler is before[3]


def test_in_a_real_process():
    """The traceback is printed as ever, the exit code is Python's, and the error is on record."""
    script = """
        import atexit
        from devtools.records import Error
        from devtools.settings import Settings
        from devtools.sources import install
        from devtools.telemetry.recorder import Recorder
        recorder = Recorder()
        install(recorder, Settings())
        atexit.register(lambda: print([error.message for error in recorder.rings.of(Error).snapshot()]))
        raise ValueError("the end")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ValueError: the end" in done.stderr
    assert done.stdout.strip() == "['the end']"
