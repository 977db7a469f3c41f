"""Exceptions that nobody caught: of the main thread, other threads, asyncio and `__del__`. Every hook calls the one before it."""

import asyncio
import contextvars
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from devtools.records import SourceKind
from devtools.settings import Settings
from devtools.sources import sampler
from devtools.sources.patching import replace
from devtools.telemetry.context import current, internal
from devtools.telemetry.errors import record_exception, source_kind_of
from devtools.telemetry.recorder import Recorder

_NOT_ERRORS = (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)

Record = Callable[[BaseException | None, str], None]


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Record what reaches the hooks of last resort until the answer is called."""
    keeps = sampler(settings, "exceptions")
    active = True

    def record(exception: BaseException | None, where: str) -> None:
        # Where somebody else's hook calls ours, ours stays after `uninstall`, and does nothing.
        if not active or exception is None or isinstance(exception, _NOT_ERRORS) or internal.get():
            return
        if keeps is not None and not keeps():
            return
        run = current.get()
        if run is not None:
            record_exception(recorder, exception, run.node_id, source_kind_of(run.node_kind))
        else:
            record_exception(recorder, exception, where, SourceKind.INTERNAL)

    restores = [watch(record) for watch in (_main, _threads, _unraisable, _loops)]

    def uninstall() -> None:
        nonlocal active
        active = False
        for restore in reversed(restores):
            restore()

    return uninstall


def _main(record: Record) -> Callable[[], None]:
    def make(previous: Any) -> Any:  # Any: a hook, whatever put it there
        def hook(kind: type[BaseException], exception: BaseException, trace: TracebackType | None) -> Any:
            record(exception, "sys.excepthook")
            return previous(kind, exception, trace)

        return hook

    return replace(sys, "excepthook", make)


def _threads(record: Record) -> Callable[[], None]:
    def make(previous: Any) -> Any:  # Any: as above
        def hook(arguments: threading.ExceptHookArgs) -> Any:
            name = arguments.thread.name if arguments.thread is not None else "unknown"
            record(arguments.exc_value, f"thread.{name}")
            return previous(arguments)

        return hook

    return replace(threading, "excepthook", make)


def _unraisable(record: Record) -> Callable[[], None]:
    def make(previous: Any) -> Any:  # Any: as above
        def hook(arguments: Any) -> Any:  # Any: sys.UnraisableHookArgs exists for type checkers only
            # In no call chain: the garbage collector runs in the midst of any.
            contextvars.Context().run(record, arguments.exc_value, "sys.unraisablehook")
            return previous(arguments)

        return hook

    return replace(sys, "unraisablehook", make)


def _loops(record: Record) -> Callable[[], None]:
    """Watch every event loop, also those of other threads and those with a handler of their own."""
    restores = [_loop_class(kind, record) for kind in _loop_classes()]

    def restore() -> None:
        for undo in restores:
            undo()

    return restore


def _loop_classes() -> list[Any]:
    """The classes whose `call_exception_handler` is asked: asyncio's, and uvloop's, which does not inherit from it."""
    uvloop: Any = sys.modules.get("uvloop")
    return [asyncio.BaseEventLoop] if uvloop is None else [asyncio.BaseEventLoop, uvloop.Loop]


def _loop_class(kind: Any, record: Record) -> Callable[[], None]:
    def make(previous: Any) -> Any:  # Any: as above
        def call_exception_handler(self: Any, context: dict[str, Any]) -> None:
            _in_context_of(context.get("task") or context.get("future"), record, context.get("exception"))
            previous(self, context)

        return call_exception_handler

    return replace(kind, "call_exception_handler", make)


def _in_context_of(task: Any, record: Record, exception: BaseException | None) -> None:
    """Record in the task's own call chain; a forgotten task is often reported from the midst of another."""
    get_context = getattr(task, "get_context", None)  # Python 3.12
    if get_context is not None:
        try:
            get_context().run(record, exception, "asyncio")
        except RuntimeError:
            pass
        else:
            return
    contextvars.Context().run(record, exception, "asyncio")
