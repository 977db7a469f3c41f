"""Starlette from inside: background tasks as runs in their request's chain, and exceptions that a handler of the app turned into a
server error. Starts from `sys.modules`; an app without Starlette is left alone."""

import functools
import sys
from collections.abc import Callable
from typing import Any

from devtools.introspection.registry import declared_id
from devtools.records import NodeKind
from devtools.settings import Settings
from devtools.sources import sampler
from devtools.sources.asgi import note_handled
from devtools.telemetry import runs
from devtools.telemetry.errors import record_exception
from devtools.telemetry.recorder import Recorder


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Watch background tasks and handled exceptions until the answer is called."""
    restores = [_background(recorder, settings), _handled()]

    def uninstall() -> None:
        for restore in restores:
            restore()

    return uninstall


def _background(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    module: Any = sys.modules.get("starlette.background")
    if module is None:
        return lambda: None
    task_class = module.BackgroundTask
    original = task_class.__call__
    keeps = sampler(settings, "starlette")
    active = True

    async def call(self: Any) -> None:
        # A declared function records its run itself.
        run = (
            runs.start(name := node_id_of(self.func), NodeKind.TASK, name)
            if active and declared_id(self.func) is None and _keep(keeps)
            else None
        )
        if run is None:
            await original(self)
            return
        try:
            await original(self)
        except BaseException as error:
            if runs.status_of(error) is runs.RunStatus.error:
                record_exception(recorder, error, run.node_id)
            runs.finish(run, exception=error)
            raise
        runs.finish(run)

    task_class.__call__ = call

    def restore() -> None:
        nonlocal active
        active = False
        if task_class.__call__ is call:
            task_class.__call__ = original

    return restore


def _keep(keeps: Callable[[], bool] | None) -> bool:
    return keeps is None or keeps()


def node_id_of(function: Any) -> str:
    """`module.qualname` of what a background task calls."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or type(function).__module__}.{name}"


def _handled() -> Callable[[], None]:
    """Note the exception that a handler is looked up for; the request's end decides whether it was an error."""
    module: Any = sys.modules.get("starlette._exception_handler")
    original = getattr(module, "_lookup_exception_handler", None)
    if original is None:
        return lambda: None
    active = True

    def lookup(handlers: Any, exception: Exception) -> Any:
        handler = original(handlers, exception)
        if active and handler is not None:
            note_handled(exception)
        return handler

    module._lookup_exception_handler = lookup

    def restore() -> None:
        nonlocal active
        active = False
        if module._lookup_exception_handler is lookup:
            module._lookup_exception_handler = original

    return restore
