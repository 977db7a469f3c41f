"""Functions that leave a run each time they are called, and are otherwise what they were.

With no DevTools running a call costs one look. Sync, async, generator and async generator functions keep their kind.
"""

import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from devtools.records import NodeKind
from devtools.telemetry import active, runs
from devtools.telemetry.errors import record_exception, source_kind_of
from devtools.telemetry.runs import ActiveRun

Function = Callable[..., Any]  # Any: every function there is
Steps = Generator[Any, Any, Any]  # Any: the values of the app's generators

Begin = Callable[[tuple[Any, ...], dict[str, Any]], ActiveRun | None]  # Any: the arguments of the call

OWN_ARGUMENTS = ("self", "cls")


def instrument(function: Function, node_id: str, kind: NodeKind) -> Function:
    """The function, recording each call as a run of this element."""
    begin = beginning(function, node_id, kind)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, begin)
    if inspect.isgeneratorfunction(function):
        return _generator(function, begin)
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, begin)
    return _plain(function, begin)


def beginning(function: Function, node_id: str, kind: NodeKind) -> Begin:
    """Begins a run of a function from the arguments of a call; None when nothing records."""
    code = inspect.unwrap(function).__code__
    names = code.co_varnames[: code.co_argcount]
    rest = None
    if code.co_flags & inspect.CO_VARARGS:
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
    own = names[0] if names and names[0] in OWN_ARGUMENTS else None
    name = function.__name__

    def begin(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> ActiveRun | None:
        run = runs.start(node_id, kind, name)
        if run is not None and (arguments or keywords):
            given: dict[str, Any] = dict(zip(names, arguments, strict=False))
            if rest is not None and len(arguments) > len(names):
                given[rest] = arguments[len(names) :]
            given.update(keywords)
            if own is not None:
                given.pop(own, None)
            run.input = run.recorder.guard.json(given) if given else None
        return run

    return begin


def succeed(run: ActiveRun, result: Any = None) -> None:  # Any: what the function answered
    """End a run that went well."""
    runs.finish(run, output_json=None if result is None else run.recorder.guard.json(result))


def fail(run: ActiveRun, exception: BaseException) -> None:
    """End a run with an exception, and record that as an error unless it is a cancellation, an exit or an answer below 500."""
    if isinstance(exception, Exception) and not _is_answer(exception):
        record_exception(run.recorder, exception, run.node_id, source_kind_of(run.node_kind))
    runs.finish(run, exception=exception)


def _is_answer(exception: Exception) -> bool:
    """Whether this is Starlette's way to answer 4xx: the request is fine then, and so is what raised it."""
    module: Any = sys.modules.get("starlette.exceptions")
    if module is None or not isinstance(exception, module.HTTPException):
        return False
    status: object = getattr(exception, "status_code", None)
    return isinstance(status, int) and status < 500


def _plain(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if active.recorder is None or (run := begin(arguments, keywords)) is None:
            return function(*arguments, **keywords)
        try:
            result = function(*arguments, **keywords)
        except BaseException as exception:
            fail(run, exception)
            raise
        succeed(run, result)
        return result

    return call


def _coroutine(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    async def call(*arguments: Any, **keywords: Any) -> Any:
        if active.recorder is None or (run := begin(arguments, keywords)) is None:
            return await function(*arguments, **keywords)
        try:
            result = await function(*arguments, **keywords)
        except BaseException as exception:
            fail(run, exception)
            raise
        succeed(run, result)
        return result

    return call


def _generator(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Steps:
        if active.recorder is None or (run := begin(arguments, keywords)) is None:
            steps: Steps = function(*arguments, **keywords)
            return (yield from steps)
        try:
            result = yield from _suspending(run, function(*arguments, **keywords))
        except BaseException as exception:
            fail(run, exception)
            raise
        succeed(run, result)
        return result

    return call


def _suspending(run: ActiveRun, generator: Steps) -> Steps:
    """Run a generator so that its run is the current one only while its own code runs, not between two values."""
    step = functools.partial(next, generator)
    while True:
        try:
            value = step()
        except StopIteration as stop:
            return stop.value
        runs.leave(run)
        try:
            sent = yield value
        except GeneratorExit:
            runs.enter(run)
            generator.close()
            raise
        except BaseException as exception:  # handed to the function, as `yield from` does
            step = functools.partial(generator.throw, exception)
        else:
            step = functools.partial(generator.send, sent)
        runs.enter(run)


def _async_generator(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    async def call(*arguments: Any, **keywords: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*arguments, **keywords)
        run = None if active.recorder is None else begin(arguments, keywords)
        step = functools.partial(generator.asend, None)
        try:
            while True:
                value = await step()
                _leave(run)
                try:
                    sent = yield value
                except GeneratorExit:
                    _enter(run)
                    await generator.aclose()
                    raise
                except BaseException as exception:  # handed to the function, as `yield from` does
                    step = functools.partial(generator.athrow, exception)
                else:
                    step = functools.partial(generator.asend, sent)
                _enter(run)
        except StopAsyncIteration:
            if run is not None:
                succeed(run)
        except BaseException as exception:
            if run is not None:
                fail(run, exception)
            raise

    return call


def _leave(run: ActiveRun | None) -> None:
    if run is not None:
        runs.leave(run)


def _enter(run: ActiveRun | None) -> None:
    if run is not None:
        runs.enter(run)
