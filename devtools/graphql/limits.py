"""What one operation may ask for. At a limit is fine, one more is refused, before anything runs. Called by the executor.

Depth, aliases, directives and root fields are counted on the document, with fragments as often as they are used. Cost is how many
records an operation may return: pages and `live` lists with what they were asked for, multiplied where one stands in another. Where
nothing is said of a page inside a list it counts as a short one; what is really returned is counted while the operation runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Source,
    VariableNode,
    is_composite_type,
)
from graphql.language.parser import Parser

from devtools.errors import LimitExceededError
from devtools.graphql.reading import DEFAULT_LAST
from devtools.settings import Limits
from devtools.telemetry.pages import DEFAULT_PAGE

NESTED_PAGE = 20
"""What a page inside a list counts when nobody said how long it may be: few runs have more logs. Answers are counted as well."""
PAGE_ITEMS = frozenset({"nodes", "edges"})
"""Fields of a connection that hold the records of the page."""

Fragments = Mapping[str, FragmentDefinitionNode]


def exceeded(what: str, limit: int, name: str, remedy: str) -> LimitExceededError:
    """The error for a limit: what there is too much of, how much is allowed, which setting says so, what to do."""
    return LimitExceededError(f"The operation has {what}: at most {limit:,} (limits.{name}). {remedy}")


class CountingParser(Parser):
    """A parser that stops at a number of tokens, comments among them."""

    def __init__(self, text: str, limit: int) -> None:
        super().__init__(Source(text))
        self.limit = limit

    def advance_lexer(self) -> None:
        """Count the token that is read."""
        super().advance_lexer()
        if self.token_count > self.limit:
            raise exceeded("too many tokens", self.limit, "tokens", "Ask for less, or split the query.")


def parse(text: str, limits: Limits) -> DocumentNode:
    """Parse a query that is neither too long nor has too many tokens. Raises LimitExceededError and GraphQLSyntaxError."""
    if len(text) > limits.query_characters:
        raise exceeded(
            f"{len(text):,} characters", limits.query_characters, "query_characters", "Split the query."
        )
    return CountingParser(text, limits.tokens).parse_document()


@dataclass(frozen=True)
class Shape:
    """The size of a part of a document."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    """Fields on the first level."""


def check_shape(document: DocumentNode, limits: Limits) -> None:
    """Raise LimitExceededError for a document with an operation that is too deep or too wide."""
    fragments = fragments_of(document)
    shapes: dict[str, Shape] = {}
    for operation in operations_of(document):
        shape = _selections(operation.selection_set, fragments, shapes, frozenset())
        if shape.depth > limits.depth:
            raise exceeded(f"a depth of {shape.depth}", limits.depth, "depth", "Ask for less at a time.")
        if shape.aliases > limits.aliases:
            raise exceeded(f"{shape.aliases:,} aliases", limits.aliases, "aliases", "Split the query.")
        if shape.fields > limits.root_fields:
            raise exceeded(
                f"{shape.fields:,} root fields", limits.root_fields, "root_fields", "Split the query."
            )
    directives = sum(_directives(node) for node in document.definitions)
    if directives > limits.directives:
        raise exceeded(f"{directives} directives", limits.directives, "directives", "Leave some out.")


def fragments_of(document: DocumentNode) -> Fragments:
    """The fragments of a document by name."""
    found = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
    return {node.name.value: node for node in found}


def operations_of(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    """The operations of a document."""
    return (node for node in document.definitions if isinstance(node, OperationDefinitionNode))


def _selections(
    selected: SelectionSetNode, fragments: Fragments, known: dict[str, Shape], above: frozenset[str]
) -> Shape:
    depth = aliases = fields = 0
    for selection in selected.selections:
        shape = _selection(selection, fragments, known, above)
        depth, aliases, fields = max(depth, shape.depth), aliases + shape.aliases, fields + shape.fields
    return Shape(depth, aliases, fields)


def _selection(
    selection: SelectionNode, fragments: Fragments, known: dict[str, Shape], above: frozenset[str]
) -> Shape:
    if isinstance(selection, FieldNode):
        inner = Shape()
        if selection.selection_set is not None:
            inner = _selections(selection.selection_set, fragments, known, above)
        # How deep introspection may go is limited by a validation rule: its own query is deeper than any other should be.
        depth = 1 if selection.name.value.startswith("__") else inner.depth + 1
        return Shape(depth, inner.aliases + (selection.alias is not None), 1)
    if isinstance(selection, FragmentSpreadNode):
        return _fragment(selection.name.value, fragments, known, above)
    if isinstance(selection, InlineFragmentNode):
        return _selections(selection.selection_set, fragments, known, above)
    return Shape()


def _fragment(name: str, fragments: Fragments, known: dict[str, Shape], above: frozenset[str]) -> Shape:
    if name in known:
        return known[name]
    if name in above or name not in fragments:
        return Shape()  # a cycle, or no such fragment: validation says so
    known[name] = _selections(fragments[name].selection_set, fragments, known, above | {name})
    return known[name]


def _directives(node: Any) -> int:  # Any: nodes with and without directives and selections
    own = len(getattr(node, "directives", None) or ())
    variables = sum(_directives(variable) for variable in getattr(node, "variable_definitions", None) or ())
    selected = getattr(node, "selection_set", None)
    inner = 0 if selected is None else sum(_directives(selection) for selection in selected.selections)
    return own + variables + inner


class Cost:
    """How many records one operation may return."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Fragments, variables: Mapping[str, Any], capacity: int
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.variables = variables
        self.capacity = capacity
        """Most records of a kind in memory: no `live` list is longer."""
        self._known: dict[tuple[str, str, int | None, bool], int] = {}
        self._lists = 0
        """How many lists the selection that is looked at stands in."""
        self._above: set[str] = set()

    def of(self, operation: OperationDefinitionNode) -> int:
        """The cost of an operation."""
        root = self.schema.get_root_type(operation.operation)
        return 0 if root is None else self._selections(operation.selection_set, root, None)

    def _selections(self, selected: SelectionSetNode, on: GraphQLNamedType, page: int | None) -> int:
        return sum(self._selection(selection, on, page) for selection in selected.selections)

    def _selection(self, selection: SelectionNode, on: GraphQLNamedType, page: int | None) -> int:
        if isinstance(selection, FieldNode):
            return self._field(selection, on, page)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value, on, page)
        if isinstance(selection, InlineFragmentNode):
            narrowed = selection.type_condition
            target = on if narrowed is None else self.schema.get_type(narrowed.name.value)
            return 0 if target is None else self._selections(selection.selection_set, target, page)
        return 0

    def _fragment(self, name: str, on: GraphQLNamedType, page: int | None) -> int:
        key = (name, on.name, page, self._lists > 0)
        if key not in self._known:
            fragment = self.fragments.get(name)
            target = None if fragment is None else self.schema.get_type(fragment.type_condition.name.value)
            if fragment is None or target is None or name in self._above:
                return 0
            self._above.add(name)
            self._known[key] = self._selections(fragment.selection_set, target, page)
            self._above.discard(name)
        return self._known[key]

    def _field(self, selected: FieldNode, on: GraphQLNamedType, page: int | None) -> int:
        name = selected.name.value
        definition = (
            None if name.startswith("__") or not is_composite_type(on) else self.schema.get_field(on, name)
        )
        if definition is None or selected.selection_set is None:
            return 0
        target = _named(definition)
        if "first" in definition.args:
            size = self._size(selected, definition, "first", NESTED_PAGE if self._lists else DEFAULT_PAGE)
            return self._selections(selected.selection_set, target, size)
        items = page if page is not None and name in PAGE_ITEMS else None
        if "last" in definition.args:
            items = min(self._size(selected, definition, "last", DEFAULT_LAST), self.capacity)
        if items is None:
            return self._selections(selected.selection_set, target, None)
        self._lists += 1
        inner = self._selections(selected.selection_set, target, None)
        self._lists -= 1
        return items * (1 + inner)

    def _size(self, selected: FieldNode, definition: GraphQLField, name: str, default: int) -> int:
        value: object = definition.args[name].default_value
        for argument in selected.arguments or ():
            if argument.name.value == name:
                value = self._value(argument.value)
        return max(0, value) if isinstance(value, int) else default

    def _value(self, node: object) -> object:
        if isinstance(node, VariableNode):
            return self.variables.get(node.name.value)
        return int(node.value) if isinstance(node, IntValueNode) else None


def _named(definition: Any) -> GraphQLNamedType:  # Any: its type stands in any number of lists and non-nulls
    found: Any = definition.type
    while hasattr(found, "of_type"):
        found = found.of_type
    return found


def check_cost(cost: int, limits: Limits) -> None:
    """Raise LimitExceededError for an operation that may return too many records."""
    if cost > limits.cost:
        raise exceeded(
            f"a cost of {cost:,} records",
            limits.cost,
            "cost",
            "Ask for shorter lists with `first` and `last`.",
        )
