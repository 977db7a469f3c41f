"""The executor of one operation: within its time and its number of objects, and with lists of plain records as columns.

It overrides methods of graphql-core that are not part of its public interface. Where those are not as they were, its own executor
runs instead, with the same limits: slower, and with the same answers.
"""

# graphql-core leaves type parameters of its executor open, which strict mode would report wherever one is named.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import inspect
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, cast

import graphql
from graphql import (
    GraphQLError,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution import Executor, get_argument_values

from devtools.errors import LimitExceededError
from devtools.graphql.context import Context
from devtools.graphql.limits import exceeded
from devtools.graphql.policies import write_down
from devtools.graphql.projection import (
    Columns,
    Projection,
    columns_of,
    is_by_class,
    is_of,
    projection_of,
    row_of,
)
from devtools.graphql.resolving import Plain, changed_resolving, plain_field
from devtools.telemetry.identifiers import new_correlation

# Any below: what graphql-core hands from one of these methods to the next.
Running = Executor[Any]
Build = Callable[..., "Running | list[graphql.GraphQLError]"]

logger = logging.getLogger("devtools")

_LISTS = (list, tuple)
KNOWN_VERSIONS = ((3, 3),)
"""Of graphql-core: the ones whose inner methods were read."""
_COMPLETE = ("return_type", "field_details_list", "info", "path", "result", "position_context")
_FIELDS = ("parent_type", "source_value", "path", "grouped_field_set", "position_context")
INNER_METHODS: dict[str, tuple[str, ...]] = {
    "complete_list_value": _COMPLETE,
    "complete_object_value": _COMPLETE,
    "collect_subfields": ("return_type", "field_details_list"),
    "execute_fields_serially": _FIELDS,
    "execute_fields": _FIELDS,
    "execute_field": ("parent_type", "source", "field_details_list", "path", "position_context"),
    "complete_value": _COMPLETE,
    "build_resolve_info": ("field_def", "field_nodes", "parent_type", "path"),
    "build_per_event_executor": ("payload",),
    "execute_operation": ("serially",),
    "execute_root_grouped_field_set": (
        "root_type",
        "root_value",
        "grouped_field_set",
        "serially",
        "position_context",
    ),
    "build_response": ("data",),
    "handle_field_error": ("raw_error", "return_type", "field_details_list", "path"),
    "ensure_valid_runtime_type": (
        "runtime_type_name",
        "return_type",
        "field_details_list",
        "info",
        "result",
    ),
}
"""What is overridden or called, with the parameters it had."""


class StoppedError(BaseException):
    """The operation is to end now. Not an `Exception`: that would become the error of one field."""

    def __init__(self, cause: LimitExceededError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Selected(NamedTuple):
    """What a field selects of one type."""

    collected: Any
    """The selected fields as graphql-core collects them."""
    projection: Projection


@dataclass(slots=True)
class Findings:
    """What is the same for every run of a document. Threads that run it for the first time together each find the same."""

    root: tuple[Any, Any] | None = None
    """Type and selected fields of the root."""
    selected: dict[tuple[Any, ...], Selected] = field(default_factory=dict[tuple[Any, ...], Selected])
    """By type and `id()` of the nodes of the document."""
    plain: dict[tuple[Any, int], Plain | None] = field(default_factory=dict[tuple[Any, int], Plain | None])
    """By type and `id()` of the node of the document."""


class OperationExecutor(Executor[None]):
    """Executes one operation within its time and its number of objects. Copies share what was found out about its document."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._findings = Findings()

    def build_per_event_executor(self, payload: Any) -> "OperationExecutor":
        """As graphql-core's, by hand: `copy` takes as long as a field."""
        one = object.__new__(type(self))
        one.__dict__.update(self.__dict__)
        one.root_value = payload
        one.collected_errors = type(self.collected_errors)()
        return one

    def execute_operation(self, serially: bool | None = None) -> Any:
        """As graphql-core's, with the root fields that an earlier run has selected, and without what awaits: nothing does here."""
        root = self._findings.root
        if root is None:
            return super().execute_operation(serially)
        if serially is None:
            serially = self.operation.operation is OperationType.MUTATION
        try:
            data = self.execute_root_grouped_field_set(root[0], self.root_value, root[1], serially, None)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            data = None
        return self.build_response(data)

    def execute_root_grouped_field_set(
        self,
        root_type: Any,
        root_value: Any,
        grouped_field_set: Any,
        serially: bool,
        position_context: Any,
    ) -> Any:
        """Remember the root fields, then run them."""
        self._findings.root = (root_type, grouped_field_set)
        return super().execute_root_grouped_field_set(
            root_type, root_value, grouped_field_set, serially, position_context
        )

    def collect_subfields(self, return_type: Any, field_details_list: Any) -> Any:
        """Remember it by the nodes of the document; graphql-core does by lists of them, which are others for every copy."""
        return self._select(return_type, field_details_list).collected

    def _select(self, kind: Any, details: Any) -> Selected:
        key = (kind, *[id(each.node) for each in details])
        known = self._findings.selected.get(key)
        if known is not None:
            return known
        collected = super().collect_subfields(kind, details)
        self._findings.selected[key] = found = Selected(
            collected, projection_of(kind, collected.grouped_field_set)
        )
        return found

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Any, position_context: Any
    ) -> Any:
        """Resolve a field and complete its value, without a detour where it is plain."""
        key = (parent_type, id(field_details_list[0].node))
        known = self._findings.plain
        if key not in known:
            known[key] = plain_field(
                self.schema, parent_type, field_details_list[0].node, self.variable_values
            )
        plain = known[key]
        if plain is None:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        definition, nodes = plain.definition, [details.node for details in field_details_list]
        info = self.build_resolve_info(definition, nodes, parent_type, path)
        try:
            result = plain.resolve(source, info)
            if plain.list_type is not None and type(result) is list:
                return self.complete_list_value(
                    plain.list_type, field_details_list, info, path, result, position_context
                )
            return self.complete_value(
                definition.type, field_details_list, info, path, result, position_context
            )
        except Exception as error:
            self.handle_field_error(error, definition.type, field_details_list, path)
            return None

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
        if isinstance(result, _LISTS) and not is_leaf_type(get_named_type(return_type)):
            items = cast("Sequence[object]", result)
            _spend(self.context_value, len(items))
            if items:
                rows = self._rows(return_type.of_type, field_details_list, info, path, items)
                if rows is not None:
                    return rows
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
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
        self._look_at_clock()
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _look_at_clock(self) -> None:
        """End it where its time is over; a mutation is done, and its answer is given."""
        if self.operation.operation is not OperationType.MUTATION:
            _check_clock(self.context_value)

    def execute_fields_serially(
        self,
        parent_type: Any,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Mutations: write down what was asked for, then do it."""
        for key, details in grouped_field_set.items():
            node = details[0].node
            definition = parent_type.fields.get(node.name.value)
            if definition is not None:
                arguments = get_argument_values(definition, node, self.variable_values)
                _write_down(self.context_value, key, node.name.value, arguments)
        return super().execute_fields_serially(
            parent_type, source_value, path, grouped_field_set, position_context
        )

    def _rows(self, item_type: Any, details: Any, info: Any, path: Any, items: Sequence[Any]) -> Any:
        """The completed items; None where no field of theirs is a column."""
        kind: Any = get_nullable_type(item_type)
        if is_object_type(kind):
            if not is_of(kind, items, info):
                return None
            selected = self._select(kind, details)
            columns = columns_of(selected.projection, items)
            if columns and None not in columns.values():
                return _whole_rows(columns)
            fields = selected.collected.grouped_field_set
            left = {name: fields[name] for name, values in columns.items() if values is None}
            if len(left) == len(columns):
                return None
            return self._mixed_rows(item_type, details, path, items, columns, left)
        return self._rows_of_kinds(kind, details, info, items) if is_abstract_type(kind) else None

    def _mixed_rows(
        self, item_type: Any, details: Any, path: Any, items: Sequence[Any], columns: Columns, left: Any
    ) -> list[Any]:
        """Items of which some fields are columns, while graphql-core completes the others."""
        kind = get_nullable_type(item_type)
        row, rows = row_of(tuple(columns)), list[Any]()
        for index, item in enumerate(items):
            item_path = path.add_key(index, None)
            self._look_at_clock()
            try:
                found: Any = self.execute_fields(kind, item, item_path, left, None)
                rows.append(
                    row(
                        *(
                            found[name] if values is None else values[index]
                            for name, values in columns.items()
                        )
                    )
                )
            except Exception as error:
                self.handle_field_error(error, item_type, details, item_path)
                rows.append(None)
        return rows

    def _rows_of_kinds(self, kind: Any, details: Any, info: Any, items: Sequence[Any]) -> list[Any] | None:
        """Items of an interface or a union whose classes say which type they are, every field a column."""
        by_class: dict[type, list[int]] = {}
        for index, item in enumerate(items):
            by_class.setdefault(type(item), []).append(index)
        rows: list[Any] = [None] * len(items)
        for indices in by_class.values():
            part = [items[index] for index in indices]
            found = self._rows_of_class(kind, details, info, part)
            if found is None:
                return None
            for index, row in zip(indices, found, strict=True):
                rows[index] = row
        return rows

    def _rows_of_class(self, kind: Any, details: Any, info: Any, items: Sequence[Any]) -> list[Any] | None:
        resolve: Any = kind.resolve_type or self.type_resolver
        try:
            name = resolve(items[0], info, kind)
            runtime = self.ensure_valid_runtime_type(name, kind, details, info, items[0])
        except Exception:
            return None  # graphql-core meets it again
        if not is_by_class(runtime) or not is_of(runtime, items, info):
            return None
        columns = columns_of(self._select(runtime, details).projection, items)
        return None if not columns or None in columns.values() else _whole_rows(columns)


def _whole_rows(columns: Columns) -> list[Any]:
    return list(map(row_of(tuple(columns)), *cast("Any", columns.values())))


def _check_clock(context: Context) -> None:
    if time.monotonic() > context.deadline:
        limit = context.limits.deadline
        raise StoppedError(
            LimitExceededError(
                f"The operation took longer than {limit:g} seconds (limits.deadline). Ask for less at a time."
            )
        )


def _spend(context: Context, items: int) -> None:
    context.returned += items
    if context.returned > context.limits.cost:
        what = f"an answer of {context.returned:,} objects"
        raise StoppedError(exceeded(what, context.limits.cost, "cost", "Ask for shorter lists."))


def _write_down(context: Context, key: str, name: str, arguments: Mapping[str, Any]) -> None:
    context.actions[key] = f"{new_correlation():032x}"
    write_down(context.request, name, arguments, context.actions[key])


def within_limits(resolve: Any, source: Any, info: Any, **arguments: Any) -> Any:
    """A middleware of graphql-core that does the same by its public interface: limits, and mutations written down."""
    _check_clock(info.context)
    if info.path.prev is None and info.operation.operation is OperationType.MUTATION:
        _write_down(info.context, info.path.key, info.field_name, arguments)
    result = resolve(source, info, **arguments)
    if isinstance(result, _LISTS) and not is_leaf_type(get_named_type(info.return_type)):
        _spend(info.context, len(cast("Sequence[object]", result)))
    return result


def changed_internals() -> str | None:
    """What of graphql-core or Strawberry is not as this module knows it; None when all is."""
    if graphql.version_info[:2] not in KNOWN_VERSIONS:
        return f"graphql-core {graphql.version} is not known"
    for name, expected in INNER_METHODS.items():
        method = getattr(Executor, name, None)
        found = () if method is None else tuple(inspect.signature(method).parameters)[1:]
        if found != expected:
            return f"Executor.{name} of graphql-core {graphql.version} is another"
    return changed_resolving()


@cache
def builder() -> Build:
    """Builds the executor of an operation: ours, or that of graphql-core where ours does not fit."""
    changed = changed_internals()
    if changed is None:
        return OperationExecutor.build

    logger.warning("%s: lists in GraphQL answers take longer. Update devtools-server.", changed)

    def build(*arguments: Any, **named: Any) -> Any:
        return Executor.build(*arguments, middleware=[within_limits], **named)

    return build
