"""Runs operations: parse, limits, validate, execute, encode, synchronously in one call, so that a server can do it in a thread.

`execute` answers queries and mutations, `subscribe` everything. Documents that were read once are remembered.
"""

# graphql-core leaves type parameters of its executor open, which strict mode would report wherever one is named.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
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
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_leaf_type,
    is_object_type,
    validate,
)
from graphql.execution import Executor, create_source_event_stream, get_argument_values

from devtools.errors import DevToolsError, LimitExceededError, ValidationError
from devtools.graphql import answers
from devtools.graphql.answers import Result
from devtools.graphql.context import Context
from devtools.graphql.limits import Cost, Fragments, check_cost, check_shape, exceeded, fragments_of, parse
from devtools.graphql.policies import authorise, write_down
from devtools.graphql.projection import FEWEST, project
from devtools.graphql.schema import schema
from devtools.graphql.services import Request
from devtools.graphql.subscription import ALIVE
from devtools.records import Run
from devtools.settings import Limits
from devtools.telemetry.context import own_work
from devtools.telemetry.identifiers import new_correlation

T = TypeVar("T")
Variables = Mapping[str, Any] | None  # Any: JSON
Running = Executor[Any]  # Any: what belongs to deferred parts, of which there are none
Thread = Callable[[Callable[[], T]], Awaitable[T]]

DOCUMENTS_KEPT = 128


def _is_awaitable(_value: object) -> TypeGuard[Awaitable[Any]]:
    """No resolver is asynchronous, but the one that begins a subscription."""
    return False


def _is_coroutine(value: object) -> TypeGuard[Awaitable[Any]]:
    """What begins a subscription is a coroutine."""
    return iscoroutine(value)


class StoppedError(BaseException):
    """The operation is to end now. Not an `Exception`: that would become the error of one field."""

    def __init__(self, cause: LimitExceededError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class RefusedError(Exception):
    """The operation does not run."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__(*errors)
        self.errors = errors


class ServerStops(Exception):
    """A subscription ends because the server does: nothing more comes, and it is not complete."""


class OperationExecutor(Executor[None]):
    """Executes one operation within its time and its number of objects."""

    # Any below: what graphql-core hands from one of these methods to the next.

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Count the items, then complete them: as columns where that is possible."""
        if isinstance(result, list | tuple) and not is_leaf_type(get_named_type(return_type)):
            items = cast("Sequence[object]", result)
            _spend(self.context_value, len(items))
            kind = get_nullable_type(return_type.of_type)
            if is_object_type(kind) and len(items) >= FEWEST:
                selected = self.collect_subfields(kind, field_details_list).grouped_field_set
                projected = project(return_type.of_type, items, selected)
                if projected is not None:
                    return projected
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def execute_fields_serially(
        self,
        parent_type: Any,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Mutations: write down what was asked for, then do it."""
        context: Context = self.context_value
        for key, details in grouped_field_set.items():
            node = details[0].node
            definition = parent_type.fields.get(node.name.value)
            if definition is not None:
                arguments = get_argument_values(definition, node, self.variable_values)
                context.actions[key] = f"{new_correlation():032x}"
                write_down(context.request, node.name.value, arguments, context.actions[key])
        return super().execute_fields_serially(
            parent_type, source_value, path, grouped_field_set, position_context
        )

    def complete_object_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Look at the clock, then complete the object."""
        if time.monotonic() > self.context_value.deadline:
            limits = self.context_value.limits
            raise StoppedError(
                LimitExceededError(
                    f"The operation took longer than {limits.deadline:g} seconds (limits.deadline). Ask for less at a time."
                )
            )
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )


def _spend(context: Context, items: int) -> None:
    context.returned += items
    if context.returned > context.limits.cost:
        what = f"an answer of {context.returned:,} objects"
        raise StoppedError(exceeded(what, context.limits.cost, "cost", "Ask for shorter lists."))


@dataclass(frozen=True)
class Document:
    """A query that was read: its document, or why it cannot run."""

    document: DocumentNode | None
    fragments: Fragments
    errors: tuple[GraphQLError, ...] = ()


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
        return Document(
            None, {}, tuple(error.with_traceback(None) for error in errors[: limits.validation_errors])
        )
    return Document(document, fragments_of(document))


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
    if found.document is None:
        raise RefusedError(found.errors)
    executor = OperationExecutor.build(
        schema(),
        found.document,
        context_value=context,
        raw_variable_values=dict(variables or {}),
        operation_name=operation_name,
        max_coercion_errors=context.limits.validation_errors,
        is_awaitable=_is_awaitable,
    )
    if isinstance(executor, list):
        raise RefusedError(executor[: context.limits.validation_errors])
    capacity = context.services.recorder.rings.of(Run).capacity
    cost = Cost(schema(), found.fragments, executor.variable_values.coerced, capacity)
    check_cost(cost.of(executor.operation), context.limits)
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

    One that was refused yields `{"errors": …}` without data, and ends. An empty one is a sign of life after a silence. Raises
    ServerStops where a subscription ends because the server does. `in_thread` runs what blocks, away from the loop.
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
                one = executor.build_per_event_executor(event)
                one.context_value, one.is_awaitable = Context(request), _is_awaitable
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
