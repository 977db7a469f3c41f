"""Resources that leave a run when they are made: until a function returns, a context is entered, or a generator gives its value.

What is done with a resource afterwards belongs to whoever does it, and not to that run.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import TracebackType
from typing import Any

from devtools.introspection.instrumentation import Begin, beginning, fail, instrument, succeed
from devtools.records import NodeKind
from devtools.telemetry import active
from devtools.telemetry.runs import ActiveRun

Function = Callable[..., Any]  # Any: every function there is


def instrument_resource(function: Function, node_id: str) -> Function:
    """The function, recording as a run what it does until its resource is there."""
    begin = beginning(function, node_id, NodeKind.RESOURCE)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, begin)
    if inspect.isgeneratorfunction(function):
        return _generator(function, begin)
    inner = inspect.unwrap(function)
    if inner is not function and (inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner)):
        return _context(function, begin)
    return instrument(function, node_id, NodeKind.RESOURCE)


def instrument_class(kind: type, node_id: str) -> None:
    """Record as a run each making of an object of this class, not of its subclasses. Without `__init__` there is nothing to see."""
    initialize = vars(kind).get("__init__")
    if not inspect.isfunction(initialize):
        return
    begin = beginning(initialize, node_id, NodeKind.RESOURCE)

    @functools.wraps(initialize)
    def call(self: Any, *arguments: Any, **keywords: Any) -> None:
        if active.recorder is None or type(self) is not kind:
            return initialize(self, *arguments, **keywords)
        run = begin((self, *arguments), keywords)
        if run is None:
            return initialize(self, *arguments, **keywords)
        run.name = kind.__name__
        try:
            initialize(self, *arguments, **keywords)
        except BaseException as exception:
            fail(run, exception)
            raise
        return succeed(run)

    setattr(kind, "__init__", call)  # noqa: B010 - a plain assignment is refused by the type checker


def _generator(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Generator[Any, Any, Any]:
        generator: Generator[Any, Any, Any] = function(*arguments, **keywords)
        run = None if active.recorder is None else begin(arguments, keywords)
        if run is None:
            return (yield from generator)
        step = functools.partial(next, generator)
        while True:
            try:
                value = step() if run is None else _made(run, step)
            except StopIteration as stop:
                return stop.value
            run = None
            try:
                sent = yield value
            except GeneratorExit:
                generator.close()
                raise
            except BaseException as exception:  # handed to the function, as `yield from` does
                step = functools.partial(generator.throw, exception)
            else:
                step = functools.partial(generator.send, sent)

    return call


def _made(run: ActiveRun, step: Callable[[], Any]) -> Any:  # Any: the resource
    try:
        value = step()
    except StopIteration:
        succeed(run)
        raise
    except BaseException as exception:
        fail(run, exception)
        raise
    succeed(run)
    return value


def _async_generator(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    async def call(*arguments: Any, **keywords: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*arguments, **keywords)
        run = None if active.recorder is None else begin(arguments, keywords)
        step = functools.partial(generator.asend, None)
        while True:
            try:
                value = await _made_later(run, step) if run is not None else await step()
            except StopAsyncIteration:
                return
            run = None
            try:
                sent = yield value
            except GeneratorExit:
                await generator.aclose()
                raise
            except BaseException as exception:  # handed to the function, as a plain generator would
                step = functools.partial(generator.athrow, exception)
            else:
                step = functools.partial(generator.asend, sent)

    return call


async def _made_later(run: ActiveRun, step: Callable[[], Awaitable[Any]]) -> Any:  # Any: as above
    try:
        value = await step()
    except StopAsyncIteration:
        succeed(run)
        raise
    except BaseException as exception:
        fail(run, exception)
        raise
    succeed(run)
    return value


def _context(function: Function, begin: Begin) -> Function:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        manager = function(*arguments, **keywords)
        if active.recorder is None:
            return manager
        kind = AsyncEntered if hasattr(manager, "__aenter__") else Entered
        return kind(manager, functools.partial(begin, arguments, keywords))

    return call


class _Around:
    """A context manager around another. Everything else is asked of that one."""

    def __init__(self, manager: Any, begin: Callable[[], ActiveRun | None]) -> None:
        self._manager = manager
        self._begin = begin

    def __getattr__(self, name: str) -> Any:  # Any: whatever the context manager has
        return getattr(self._manager, name)

    def __call__(self, function: Function) -> Function:
        return self._manager(function)


class Entered(_Around):
    """A context manager whose entering is a run."""

    def __enter__(self) -> Any:
        run = self._begin()
        try:
            value = self._manager.__enter__()
        except BaseException as exception:
            if run is not None:
                fail(run, exception)
            raise
        if run is not None:
            succeed(run)
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._manager.__exit__(kind, error, trace)


class AsyncEntered(_Around):
    """An async context manager whose entering is a run."""

    async def __aenter__(self) -> Any:
        run = self._begin()
        try:
            value = await self._manager.__aenter__()
        except BaseException as exception:
            if run is not None:
                fail(run, exception)
            raise
        if run is not None:
            succeed(run)
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._manager.__aexit__(kind, error, trace)
