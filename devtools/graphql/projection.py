"""Lists of plain records, column by column: a tenth of the time of field by field. Called by `operation` for every list.

A selected field becomes a column where it is a leaf that is read from an attribute and every value is what its type expects. Every
other field is left to graphql-core, with its errors: so the answers are the same.
"""

# graphql-core leaves the depth of its wrapped types open, which strict mode would report wherever one is unwrapped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache, partial
from operator import attrgetter
from typing import Any

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    Undefined,
    is_leaf_type,
)
from graphql.pyutils import UndefinedType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from devtools.graphql.derive import BY_CLASS, COLUMN, LEAF

TYPENAME = "__typename"
ROWS_KEPT = 256
"""Sets of names whose rows are remembered."""
COLUMNS_KEPT = 1_024
"""Fields of which is remembered how they are read."""
_name = attrgetter("_name_")
_PLAIN: dict[str, type] = {"String": str, "Int": int, "Float": float, "Boolean": bool, "ID": str}
_SPECIAL = (Exception, UndefinedType)
_INT_32 = range(-(2**31), 2**31)

# Any below: a type of GraphQL, an item of a list, a value in it.
Values = Sequence[Any]
Columns = Mapping[str, Values | None]
"""By name in the answer: the completed values, or None for what is left to graphql-core."""


class NotPlainError(Exception):
    """This column is for graphql-core."""


@dataclass(frozen=True)
class Column:
    """One selected field."""

    read: Callable[[Sequence[Any]], Iterable[Any]]
    """Reads all of its values."""
    leaf: GraphQLLeafType
    nullable: bool
    plain: type | None = None
    """The class whose values are written as they are."""

    @cached_property
    def usual(self) -> set[type] | None:
        """The classes of the values of nearly every list."""
        return None if self.plain is None else {self.plain}

    @cached_property
    def check(self) -> Callable[[list[Any]], None] | None:
        """Raises for plain values that cannot be written."""
        return _CHECKS.get(self.plain)


Projection = Mapping[str, Column | None]
"""The selected fields by name in the answer; None for one that is left to graphql-core."""


def projection_of(kind: GraphQLObjectType, selected: Mapping[str, list[Any]]) -> Projection:
    """What is selected of one type. `selected`: details of fields by name in the answer, as graphql-core groups them."""
    return {name: _column(kind, details[0].node.name.value) for name, details in selected.items()}


def columns_of(projection: Projection, items: Sequence[Any]) -> Columns:
    """The columns of a list of one type."""
    columns: dict[str, Values | None] = {}
    for name, column in projection.items():
        try:
            columns[name] = None if column is None else _values(column, items)
        except Exception:
            # Whatever it was, graphql-core meets it again and says which field of which item it is.
            columns[name] = None
    return columns


def is_of(kind: GraphQLObjectType, items: Sequence[Any], info: object) -> bool:
    """Whether every item is a value of the type, and none is null or an error."""
    classes = set(map(type, items))
    if any(map(_is_special, classes)):
        return False
    check: Any = kind.is_type_of
    if check is None:
        return True
    # Where the class alone decides, one item of each class is enough.
    some: Iterable[Any] = items
    if is_by_class(kind):
        some = items[:1] if len(classes) == 1 else {type(item): item for item in items}.values()
    return all(check(item, info) is True for item in some)


def is_by_class(kind: GraphQLObjectType) -> bool:
    """Whether the class of a value alone says that it is of the type."""
    return getattr(kind.is_type_of, BY_CLASS, False)


@lru_cache(maxsize=ROWS_KEPT)
def row_of(names: tuple[str, ...]) -> Callable[..., Any]:
    """Makes an object of the answer from its values in this order. Encodes like a dict, at a third of its cost."""
    fields = [f"f{number}" for number in range(len(names))]
    return msgspec.defstruct("Row", fields, rename=dict(zip(fields, names, strict=True)), gc=False)


def is_column(kind: GraphQLObjectType, field: str) -> bool:
    """Whether a field of the type is a value that its items hold."""
    return _column(kind, field) is not None


@lru_cache(maxsize=COLUMNS_KEPT)
def _column(parent: GraphQLObjectType, field: str) -> Column | None:
    if field == TYPENAME:
        return Column(lambda items: [parent.name] * len(items), GraphQLString, nullable=False, plain=str)
    declared = parent.fields.get(field)
    if declared is None:  # of the query type: introspection, which every type's list may lead to
        return None
    kind: Any = declared.type
    leaf = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    read = _reader(declared)
    if declared.args or not is_leaf_type(leaf) or read is None:
        return None
    return Column(read, leaf, nullable=leaf is kind, plain=_PLAIN.get(leaf.name))


def _reader(declared: GraphQLField) -> Callable[[Sequence[Any]], Iterable[Any]] | None:
    definition = declared.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField):
        return None
    if getattr(declared.resolve, "_is_default", False) and definition.default_resolver is getattr:
        return definition.metadata.get(COLUMN) or partial(map, attrgetter(definition.python_name))
    leaf = definition.metadata.get(LEAF)
    return None if leaf is None else partial(map, leaf)


def _values(column: Column, items: Sequence[Any]) -> Values:
    values = [*column.read(items)]
    kinds: set[type] = {*map(type, values)}
    if kinds == column.usual:
        if column.check is not None:
            column.check(values)
        return values
    leaf = column.leaf
    if type(None) in kinds:
        if not column.nullable:
            raise NotPlainError
        kinds.discard(type(None))
        if column.plain is not None and kinds <= {column.plain}:
            if column.check is not None:
                column.check([value for value in values if value is not None])
            return values
    elif len(kinds) == 1:
        if kinds == {int} and leaf.name == "ID":
            return list(map(str, values))
        if isinstance(leaf, GraphQLEnumType):
            return _enum_values(leaf, kinds.pop(), values)
    if any(map(_is_special, kinds)):
        raise NotPlainError
    return [_coerced(leaf, value) for value in values]


def _enum_values(leaf: GraphQLEnumType, kind: type, values: list[Any]) -> Values:
    # Through their names: hashing a member is a call of Python.
    names = list(map(_name, values))
    written, is_same = _written(leaf, kind)
    if not is_same:
        return list(map(written.__getitem__, names))
    if not written.keys() >= set(names):  # a combination of flags is a member of its own
        raise NotPlainError
    return names


@lru_cache(maxsize=COLUMNS_KEPT)
def _written(leaf: GraphQLEnumType, kind: type) -> tuple[Mapping[str, Any], bool]:
    """What stands in answers for the members of a class, by their names; and whether that is their names."""
    if not issubclass(kind, Enum):
        raise NotPlainError
    written = {member.name: _coerced(leaf, member) for member in kind}
    return written, all(name == value for name, value in written.items())


def _is_special(kind: type) -> bool:
    """Whether graphql-core treats such values in a way of its own."""
    return kind is type(None) or issubclass(kind, _SPECIAL)


def _check_finite(values: list[float]) -> None:
    # The sum of what is finite may not be, seldom: then each is looked at.
    if not (math.isfinite(sum(values)) or all(map(math.isfinite, values))):
        raise NotPlainError


def _check_32_bits(values: list[int]) -> None:
    if values and not (min(values) in _INT_32 and max(values) in _INT_32):
        raise NotPlainError


_CHECKS: Mapping[type | None, Callable[[list[Any]], None]] = {int: _check_32_bits, float: _check_finite}


def _coerced(leaf: GraphQLLeafType, value: Any) -> Any:
    if value is None:
        return None
    coerced = leaf.coerce_output_value(value)
    if coerced is None or coerced is Undefined:
        raise NotPlainError
    return coerced
