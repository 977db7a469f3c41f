"""Which operations are done sooner than they are handed to a thread: those that read a few of the newest records."""

# graphql-core leaves the depth of its wrapped types open, which strict mode would report wherever one is unwrapped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any, TypeGuard

from graphql import DocumentNode, FieldNode, OperationDefinitionNode, OperationType, get_named_type

from devtools.graphql.projection import is_column
from devtools.graphql.schema import schema

RECORDS = 20
"""An operation that may return more is not brief."""
_LISTS = frozenset({"runs", "logs", "errors", "emissions"})
_LENGTH = frozenset({"last"})


def is_brief(document: DocumentNode, cost: int) -> bool:
    """Whether it is one query for `live` lists, by their length alone, of values that the records hold.

    Nothing of that calls the app or compares records with a filter. `cost` is how many records the operation may return.
    """
    operation = document.definitions[0]
    if cost > RECORDS or len(document.definitions) > 1 or not isinstance(operation, OperationDefinitionNode):
        return False
    # With variables the same text may ask for any number.
    if (
        operation.operation is not OperationType.QUERY
        or operation.directives
        or operation.variable_definitions
    ):
        return False
    return all(
        _is_bare(root) and root.name.value == "live" and all(map(_is_listed, _inside(root)))
        for root in operation.selection_set.selections
    )


def _is_listed(selected: object) -> bool:
    if not _is_bare(selected, _LENGTH) or selected.name.value not in _LISTS:
        return False
    live: Any = schema().type_map["Live"]
    kind: Any = get_named_type(live.fields[selected.name.value].type)
    return all(_is_bare(each) and is_column(kind, each.name.value) for each in _inside(selected))


def _is_bare(selected: object, arguments: frozenset[str] = frozenset()) -> TypeGuard[FieldNode]:
    """Whether it is a field, with no other arguments than these and no directives."""
    return (
        isinstance(selected, FieldNode)
        and not selected.directives
        and all(argument.name.value in arguments for argument in selected.arguments or ())
    )


def _inside(selected: FieldNode) -> tuple[object, ...]:
    return () if selected.selection_set is None else tuple(selected.selection_set.selections)
