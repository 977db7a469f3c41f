"""Run a declared task or emit a declared event from outside the app. Called by mutations, which have already been let in.

Values come as JSON and are built by the type hints of the function or the declared payload: the app gets what its own callers would
give. Async code runs on the app's event loop, sync code in a thread of its own; both are recorded below a run of their own.
"""

import asyncio
import concurrent.futures
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from devtools.errors import (
    DevToolsError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
    ValidationError,
)
from devtools.introspection import naming, schemas
from devtools.introspection.elements import ElementKind
from devtools.introspection.events import Event
from devtools.introspection.instrumentation import instrument
from devtools.introspection.registry import Declared, registry
from devtools.records import NodeKind
from devtools.telemetry import runs
from devtools.telemetry.payload import PayloadGuard

Loop = asyncio.AbstractEventLoop


@dataclass(frozen=True)
class Invocation:
    """What came of it. `error` is the app's own exception in one line; `result` is JSON text, bounded and masked."""

    error: str | None
    result: str | None
    duration_ms: float


@dataclass(frozen=True)
class Caller:
    """Where and how long an action may run. `loop` is the app's, None where it has none; `seconds` is what is left to it."""

    guard: PayloadGuard
    loop: Loop | None
    seconds: float
    correlation_id: str


def invoke_task(identifier: str, input_json: str | None, caller: Caller, *, pure: bool = False) -> Invocation:
    """Call a declared task with the JSON object of its arguments. `pure` calls the bare function: no run of the task is recorded.

    Raises NotFoundError and ValidationError before anything runs; what the task raises is in the answer.
    """
    entry = _declared("invokeTask", identifier, ElementKind.task)
    function = _callable(entry)
    given = arguments_of(function, input_json)
    called = function if pure else instrument(function, identifier, NodeKind.TASK)
    return _invoke(f"invokeTask {identifier}", lambda: called(**given), caller)


def invoke_event(identifier: str, input_json: str | None, caller: Caller) -> Invocation:
    """Emit a declared event with this payload; its hooks run. Raises NotFoundError and ValidationError before anything runs."""
    entry = _declared("invokeEvent", identifier, ElementKind.event)
    payload = None
    if input_json is not None or entry.payload is not None:
        payload = _built("inputJson", (input_json or "null").encode(), entry.payload or Any)
    event: Event[Any] = Event(identifier)  # Any: the payload was built by its declaration
    return _invoke(f"invokeEvent {identifier}", lambda: event.emit(payload), caller)


def _declared(operation: str, identifier: str, kind: ElementKind) -> Declared:
    entry = registry.declared.get(identifier)
    if entry is None or entry.element.kind is not kind:
        raise NotFoundError(operation, f"declared {kind.value}", identifier)
    return entry


def _callable(entry: Declared) -> Callable[..., Any]:  # Any: every function there is
    function: Any = entry.thing
    if isinstance(function, staticmethod):
        function = cast("Any", function).__func__
    why = None
    if not inspect.isfunction(function):
        why = "it is not a plain function"
    elif inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        why = "it yields"
    elif next(iter(inspect.signature(function).parameters), None) in {"self", "cls"}:
        why = "it is a method, and needs an object of the app"
    if why is not None:
        raise ValidationError(
            f"Cannot invoke {entry.element.id}: {why}.", field="taskId", value=entry.element.id
        )
    return function


def arguments_of(
    function: Callable[..., Any], input_json: str | None
) -> dict[str, Any]:  # Any: as its hints say
    """The keyword arguments in a JSON object, each built by its type hint. Raises ValidationError naming the argument."""
    given = _object(input_json)
    parameters = inspect.signature(function).parameters
    names = [name for name, parameter in parameters.items() if parameter.kind not in _NOT_BY_NAME]
    unknown = [name for name in given if name not in names]
    missing = [
        name for name in names if name not in given and parameters[name].default is inspect.Parameter.empty
    ]
    if unknown or missing:
        said = f"does not know {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
        raise ValidationError(
            f"inputJson cannot be used: {naming.element_id(function)} {said}. Its arguments: {', '.join(names) or 'none'}.",
            field="inputJson",
            value=(unknown or missing)[0],
        )
    hints = schemas.hints_of(function)
    return {
        name: _built(f"inputJson.{name}", bytes(raw), hints.get(name, Any)) for name, raw in given.items()
    }


_NOT_BY_NAME = frozenset(
    {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY}
)


def _object(input_json: str | None) -> Mapping[str, msgspec.Raw]:
    try:
        return msgspec.json.decode((input_json or "{}").encode(), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValidationError(
            f"inputJson must be a JSON object of the task's arguments by name: {error}.",
            field="inputJson",
            value=input_json,
        ) from error


def _built(field: str, raw: bytes, hint: Any) -> Any:  # Any: a type expression, and a value of it
    try:
        return schemas.build(raw, hint)
    except Exception as error:  # types of the app raise what they like
        raise ValidationError(
            f"{field} cannot be used: {error}", field=field, value=raw[:200].decode(errors="replace")
        ) from error


def _invoke(
    name: str, call: Callable[[], Any], caller: Caller
) -> Invocation:  # Any: a value, or an awaitable of one
    """Call in a thread of its own, in a context where nothing is marked as our own work, and wait as long as there is time."""
    if not _room.acquire(blocking=False):
        raise LimitExceededError(
            f"Cannot {name}: {INVOKED_AT_ONCE} invoked tasks run already. Wait for one to end, or restart the app."
        )
    began = time.monotonic()
    outcome: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def work() -> None:
        try:
            outcome.set_result(Context().run(_in_run, name, call, caller))
        except BaseException as error:  # whatever it is, it is the answer and not the end of anything
            outcome.set_exception(error)
        finally:
            _room.release()

    threading.Thread(target=work, name="devtools-invoke", daemon=True).start()
    result, error = None, None
    try:
        result = outcome.result(caller.seconds + CANCELLING_SECONDS)
    except DevToolsError:
        raise
    except Exception as raised:
        if not outcome.done():
            raise _too_long(caller.seconds, "goes on in its thread, which nothing can end") from raised
        error = caller.guard.text(runs.describe(raised))
    duration_ms = (time.monotonic() - began) * 1_000
    return Invocation(error, None if result is None else caller.guard.json(result), duration_ms)


def _in_run(name: str, call: Callable[[], Any], caller: Caller) -> Any:  # Any: as above
    """Call inside a run of its own, which carries the correlation id and says who called."""
    run = runs.start(name, NodeKind.CALL, name, correlation_id=caller.correlation_id)
    try:
        answer = call()
        if inspect.isawaitable(answer):
            answer = _awaited(answer, caller)
    except BaseException as error:
        if run is not None:
            runs.finish(run, exception=error)
        if isinstance(error, Exception):
            raise
        raise _contained(error) from error
    if run is not None:
        runs.finish(run)
    return answer


def _contained(error: BaseException) -> RuntimeError:
    """What the app's code raised to end the process, the loop or a task: here it only ends the call."""
    text = str(error)
    return RuntimeError(f"it raised {type(error).__name__}{f' ({text})' if text else ''}")


def _awaited(answer: Awaitable[Any], caller: Caller) -> Any:  # Any: as above
    """Wait for it on the app's loop, on one of its own where the app has none."""

    async def contained() -> Any:
        try:
            return await answer
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _contained(error) from error
        except Exception:
            raise
        except BaseException as error:  # would end the loop, and with it the app
            raise _contained(error) from error

    if caller.loop is None:
        return asyncio.run(_within(contained(), caller.seconds))
    waiting = contained()
    try:
        future = asyncio.run_coroutine_threadsafe(waiting, caller.loop)
    except RuntimeError as error:
        waiting.close()
        raise UnavailableError("Cannot invoke: the event loop of the app has ended.") from error
    try:
        return future.result(caller.seconds)
    except concurrent.futures.CancelledError as error:
        raise RuntimeError("it was cancelled") from error
    except TimeoutError as error:
        if future.done():
            raise  # the app's own
        future.cancel()
        raise _too_long(caller.seconds, "was cancelled") from error


async def _within(work: Awaitable[Any], seconds: float) -> Any:  # Any: as above
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        raise _too_long(seconds, "was cancelled")
    return task.result()


def _too_long(seconds: float, fate: str) -> LimitExceededError:
    return LimitExceededError(
        f"It took longer than {seconds:.3g} seconds (limits.deadline) and {fate}. Raise the limit, or call it in the app."
    )


INVOKED_AT_ONCE = 4
CANCELLING_SECONDS = 0.5
"""What a coroutine may take to be cancelled before nobody waits for it any more."""

_room = threading.BoundedSemaphore(INVOKED_AT_ONCE)
