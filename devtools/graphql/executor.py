"""Runs operations: parse, limits, validate, execute, encode, synchronously in one call, so that a server can do it in a thread.

`execute` answers queries and mutations, `subscribe` everything. Documents that were read once are remembered.
"""

# graphql-core leaves type parameters of its executor open, which strict mode would report wherever one is named.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import lru_cache, partial
from inspect import iscoroutine
from typing import Any, TypeGuard, TypeVar, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationType,
    SelectionSetNode,
    get_operation_ast,
    validate,
)
from graphql.execution import create_source_event_stream

from devtools.errors import DevToolsError, ValidationError
from devtools.graphql import answers
from devtools.graphql.answers import Result
from devtools.graphql.brief import is_brief
from devtools.graphql.context import Context
from devtools.graphql.limits import Cost, Fragments, check_cost, check_shape, exceeded, fragments_of, parse
from devtools.graphql.operation import OperationExecutor, Running, StoppedError, builder
from devtools.graphql.policies import authorise
from devtools.graphql.schema import schema
from devtools.graphql.services import Request
from devtools.graphql.subscription import ALIVE
from devtools.records import Run
from devtools.settings import Limits
from devtools.telemetry.context import own_work

T = TypeVar("T")
Variables = Mapping[str, Any] | None  # Any: JSON
Thread = Callable[[Callable[[], T]], Awaitable[T]]

DOCUMENTS_KEPT = 128

_brief: dict[str, bool] = {}
"""Whether queries that were run are brief."""


def _is_awaitable(_value: object) -> TypeGuard[Awaitable[Any]]:
    """No resolver is asynchronous, but the one that begins a subscription."""
    return False


def _is_coroutine(value: object) -> TypeGuard[Awaitable[Any]]:
    """What begins a subscription is a coroutine."""
    return iscoroutine(value)


def running(executor: Running, context: Context, root: object = None) -> Running:
    """A copy of an executor that runs once, for this request or this event."""
    one = executor.build_per_event_executor(root)
    one.context_value, one.is_awaitable = context, _is_awaitable
    return one


class RefusedError(Exception):
    """The operation does not run."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__(*errors)
        self.errors = errors


class ServerStops(Exception):
    """A subscription ends because the server does: nothing more comes, and it is not complete."""


@dataclass(frozen=True)
class Document:
    """A query that was read: its document, or why it cannot run."""

    document: DocumentNode | None
    fragments: Fragments
    errors: tuple[GraphQLError, ...] = ()
    costs: dict[tuple[str | None, int], int] = field(default_factory=dict[tuple[str | None, int], int])
    """What operations without variables cost, by name and capacity of the rings."""
    executors: dict[str | None, OperationExecutor] = field(
        default_factory=dict[str | None, OperationExecutor]
    )
    """Executors of operations without variables, by name: each request runs a copy."""

    def executor(self, context: Context, variables: Variables, operation_name: str | None) -> Running:
        """The executor of one operation. Raises RefusedError."""
        executor = None if variables else self.executors.get(operation_name)
        if executor is None:
            if self.document is None:
                raise RefusedError(self.errors)
            executor = builder()(
                schema(),
                self.document,
                raw_variable_values=dict(variables or {}),
                operation_name=operation_name,
                max_coercion_errors=context.limits.validation_errors,
                is_awaitable=_is_awaitable,
            )
            if isinstance(executor, list):
                raise RefusedError(executor[: context.limits.validation_errors])
            if not isinstance(executor, OperationExecutor):
                executor.context_value = context
                return executor
            if not executor.operation.variable_definitions:
                self.executors[operation_name] = executor
        return running(executor, context)

    def cost_of(self, executor: Running, operation_name: str | None, capacity: int) -> int:
        """How many records the operation may return."""
        variables = executor.variable_values.coerced
        known = None if variables else self.costs.get((operation_name, capacity))
        if known is None:
            known = Cost(schema(), self.fragments, variables, capacity).of(executor.operation)
            if not variables:
                self.costs[operation_name, capacity] = known
        return known


@lru_cache(maxsize=DOCUMENTS_KEPT)
def read(query: str, limits: Limits) -> Document:
    """Parse, measure and validate a query. Raises LimitExceededError and GraphQLSyntaxError."""
    try:
        document = parse(query, limits)
        check_shape(document, limits)
    except RecursionError:
        raise exceeded("too many levels", limits.depth, "depth", "Ask for less at a time.") from None
    errors = validate(schema(), document, max_errors=limits.validation_errors)
    if errors:
        return Document(None, {}, tuple(errors[: limits.validation_errors]))
    return Document(document, fragments_of(document))


def is_known_brief(query: str) -> bool:
    """Whether it was run before, so that it is read and checked, and takes less time than handing it to a thread."""
    return _brief.get(query, False)


def names_mutation(query: str, operation_name: str | None, limits: Limits) -> bool:
    """Whether the operation that would run is a mutation; False for what cannot run. Blocks: call it in a thread."""
    try:
        document = read(query, limits).document
    except (GraphQLError, DevToolsError):
        return False
    operation = None if document is None else get_operation_ast(document, operation_name)
    return operation is not None and operation.operation is OperationType.MUTATION


def execute(
    request: Request, query: str, variables: Variables = None, operation_name: str | None = None
) -> Result:
    """Run one query or mutation and encode its result. Never raises for what a client sent. Blocks: call it in a thread."""
    with own_work():
        try:
            executor = _build(Context(request), query, variables, operation_name)
            if executor.operation.operation is OperationType.SUBSCRIPTION:
                raise ValidationError(
                    "A subscription needs a stream: use a WebSocket (graphql-transport-ws) or SSE."
                )
        except Exception as error:
            return answers.refusal(error.errors if isinstance(error, RefusedError) else [error])
        return _run(executor)


def _build(context: Context, query: str, variables: Variables, operation_name: str | None) -> Running:
    """Everything before the first resolver. Raises RefusedError and DevToolsError."""
    found = read(query, context.limits)
    executor = found.executor(context, variables, operation_name)
    capacity = context.services.recorder.rings.of(Run).capacity
    cost = found.cost_of(executor, operation_name, capacity)
    check_cost(cost, context.limits)
    if query not in _brief and found.document is not None:
        if len(_brief) >= DOCUMENTS_KEPT:
            _brief.clear()
        _brief[query] = is_brief(found.document, cost)
    if executor.operation.operation is OperationType.MUTATION:
        authorise(context.request, _fields(executor.operation.selection_set, found.fragments))
    return executor


def _fields(selected: SelectionSetNode, fragments: Fragments) -> set[str]:
    """Names of the fields of a selection, through fragments, without `__typename`."""
    found: set[str] = set()
    for selection in selected.selections:
        if isinstance(selection, FieldNode):
            found |= {selection.name.value} - {"__typename"}
        elif isinstance(selection, FragmentSpreadNode):
            found |= _fields(fragments[selection.name.value].selection_set, fragments)
        elif isinstance(selection, InlineFragmentNode):
            found |= _fields(selection.selection_set, fragments)
    return found


def _run(executor: Running) -> Result:
    try:
        found = executor.execute_operation()
        assert isinstance(found, ExecutionResult)  # noqa: S101 - nothing is awaited and nothing deferred
        return answers.answer(found.data, found.errors)
    except StoppedError as error:
        return answers.stopped(error.cause)
    except Exception as error:
        return answers.answer(None, [answers.as_graphql(error)])


async def subscribe(
    request: Request,
    query: str,
    variables: Variables = None,
    operation_name: str | None = None,
    *,
    in_thread: Thread[Any] = asyncio.to_thread,
) -> AsyncGenerator[bytes, None]:
    """Run one operation: a JSON result for every event of a subscription, one for a query or mutation.

    One that was refused yields `{"errors": …}` without data, and ends. An empty one is a sign of life: a subscription follows from
    now on, or still does after a silence. Raises ServerStops where a subscription ends because the server does. `in_thread` runs
    what blocks, away from the loop.
    """

    def begin() -> "Running | Result":
        with own_work():
            try:
                return _build(Context(request), query, variables, operation_name)
            except Exception as error:
                return answers.refusal(error.errors if isinstance(error, RefusedError) else [error])

    found = await in_thread(begin)
    if isinstance(found, Result):
        yield found.body
    elif found.operation.operation is not OperationType.SUBSCRIPTION:
        yield (await in_thread(partial(_run_marked, found))).body
    else:
        async with aclosing(_events(request, found, in_thread)) as results:
            async for result in results:
                yield result


def _run_marked(executor: Running) -> Result:
    with own_work():
        return _run(executor)


async def _events(request: Request, executor: Running, in_thread: Thread[Any]) -> AsyncGenerator[bytes, None]:
    stream = await _opened(executor)
    if isinstance(stream, ExecutionResult):
        yield answers.refusal(stream.errors or ()).body
        return
    events = cast("AsyncGenerator[Any, None]", stream)
    async with aclosing(events):
        try:
            async for event in events:
                if event is ALIVE:
                    yield b""
                    continue
                one = running(executor, Context(request), event)
                yield (await in_thread(partial(_run_marked, one))).body
        except (DevToolsError, GraphQLError) as error:
            yield answers.refusal([error]).body
            return
    if request.services.subscribers.stopped:
        raise ServerStops


async def _opened(executor: Running) -> "AsyncIterable[Any] | ExecutionResult":
    executor.is_awaitable = _is_coroutine
    stream = create_source_event_stream(executor)
    return await stream if isinstance(stream, Awaitable) else stream
