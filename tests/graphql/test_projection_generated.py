"""Generated queries over generated types: whatever the executor meets, it answers as the stock executor does."""

import enum
import math
from typing import Annotated, Any

import pytest
import strawberry
from graphql import (
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    parse,
    validate,
)
from graphql.execution import Executor
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strawberry.scalars import JSON

from devtools.graphql.derive import BY_CLASS
from devtools.graphql.operation import OperationExecutor
from tests.graphql.conftest import World
from tests.graphql.test_projection import run_with


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


strawberry.enum(Colour)

LEAVES: list[tuple[Any, Any]] = [
    (str, "text"),
    (int, 7),
    (float, 1.5),
    (bool, True),
    (strawberry.ID, "id"),
    (Colour, Colour.BLUE),
    (JSON, {"a": [1]}),
    (list[str], ["a"]),
    (list[Colour], [Colour.RED]),
]
"""Types of fields, and a value of each."""
DAMAGED: list[Any] = [
    None, math.nan, math.inf, 2**40, "text", "red", b"bytes", object(), ValueError("held"), Undefined, True, [], {}, Colour,
    1.5, 7, -0.0, "", "\ud800",
]  # fmt: skip


class Row:
    """An object as a resolver may return it. A value that is a type of exception is raised."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __getattr__(self, name: str) -> Any:
        try:
            value = self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(name) from None
        if isinstance(value, type) and issubclass(value, Exception):
            raise value(f"no {name}")
        return value


NAMES = ("Leaf", "First", "Second")
ROWS: dict[str, Any] = {
    name: [type(f"{other}{name}Row", (Row,), {}) for other in ("", "Other")] for name in (*NAMES, "Unknown")
}
"""The classes whose objects are values of a type."""


def made_type(name: str, fields: list[tuple[Any, bool]], *bases: type, nested: Any = None) -> Any:
    """A Strawberry type: so many leaves, a field with an argument, a computed one, and where asked nested ones."""

    def computed(root: strawberry.Parent[Any], upper: bool = False) -> str | None:
        return str(root.f0).upper() if upper else str(root.f0)

    def is_type_of(value: Any, _info: Any) -> bool:
        return isinstance(value, tuple(ROWS[name]))

    annotations: dict[str, Any] = {
        f"f{at}": kind | None if nullable else kind for at, (kind, nullable) in enumerate(fields)
    }
    if nested is not None:
        annotations |= {"child": nested | None, "children": list[nested], "maybe": list[nested | None] | None}
    body = {"__annotations__": annotations, "computed": strawberry.field(resolver=computed)}
    body["is_type_of"] = staticmethod(is_type_of)
    return strawberry.type(type(name, bases, body))


@st.composite
def schemas(draw: st.DrawFn) -> tuple[GraphQLSchema, dict[str, list[tuple[Any, bool]]]]:
    """A schema that nobody has seen, and what its types hold."""
    leaves = st.tuples(st.sampled_from(LEAVES), st.booleans())
    drawn = {name: draw(st.lists(leaves, min_size=1, max_size=5)) for name in NAMES}
    fields = {name: [(kind, nullable) for (kind, _), nullable in found] for name, found in drawn.items()}
    shared = fields["First"][:1]
    fields["Second"][:1] = shared
    annotations = {"f0": shared[0][0] | None if shared[0][1] else shared[0][0]}
    named = strawberry.interface(type("Named", (), {"__annotations__": annotations}))
    leaf = made_type("Leaf", fields["Leaf"])
    first = made_type("First", fields["First"], named, nested=leaf)
    second = made_type("Second", fields["Second"], named)
    either = Annotated[first | second, strawberry.union("Either")]
    roots = {
        "firsts": list[first | None], "strict": list[first], "nullable": list[first] | None, "named": list[named | None],
        "either": list[either], "matrix": list[list[leaf | None]],
    }  # fmt: skip
    query = strawberry.type(type("Query", (), {"__annotations__": roots}))
    made = strawberry.Schema(query)._schema
    if draw(st.booleans()):
        for name in NAMES:
            setattr(made.type_map[name].is_type_of, BY_CLASS, True)
    return made, {
        name: [(value, nullable) for (_, value), nullable in found] for name, found in drawn.items()
    }


DAMAGES = st.tuples(
    st.integers(0, 6), st.integers(0, 5), st.sampled_from([*DAMAGED, KeyError, RuntimeError, "missing"])
)
STRANGERS = [None, ROWS["Leaf"][0]({}), ROWS["Unknown"][0]({}), Undefined, ValueError("row"), 5]


@st.composite
def rows(draw: st.DrawFn, kinds: tuple[str, ...], values: dict[str, Any]) -> list[Any]:
    """A list of whole rows, one or none of them damaged, and now and then a stranger among them."""
    nested: dict[str, Any] = {}
    if "First" in kinds:
        children = draw(rows(("Leaf",), values))
        nested = {
            "child": children[0] if children else None,
            "children": children,
            "maybe": children[1:] or None,
        }
    found: list[Any] = []
    for number in range(draw(st.sampled_from([6, 5, 4, 1]))):
        kind = kinds[number % len(kinds)]
        held = {f"f{at}": value for at, (value, _) in enumerate(values[kind])}
        if kind == "Second":
            held["f0"] = values["First"][0][0]
        if kind == "First":
            held |= nested
        found.append(ROWS[kind][number % 3 == 2](held))
    for row, field, damage in draw(st.lists(DAMAGES, max_size=1)):
        if row < len(found):
            held = found[row].values
            name = sorted(held)[field % len(held)]
            if damage == "missing":
                del held[name]
            else:
                held[name] = damage
    return found + draw(st.sampled_from([[]] * 12 + [[stranger] for stranger in STRANGERS]))


class Writer:
    """Writes a query, drawing what it selects."""

    def __init__(self, draw: st.DrawFn, schema: GraphQLSchema) -> None:
        self.draw = draw
        self.schema = schema
        self.fragments: list[str] = []
        self.aliases = 0

    def query(self) -> str:
        selected = self.selection(self.schema.query_type, 3)
        return " ".join([f"query ($yes: Boolean = true, $no: Boolean = false) {selected}", *self.fragments])

    def selection(self, kind: Any, depth: int) -> str:
        parts = [self.part(kind, depth) for _ in range(self.draw(st.integers(1, 4)))]
        return "{ " + " ".join(parts) + " }"

    def part(self, kind: Any, depth: int) -> str:
        form = self.draw(st.integers(0, 9))
        if depth > 0 and form == 0:
            return f"...{self.fragment(kind, depth)} {self.directive()}"
        if depth > 0 and (form == 1 or (form < 6 and is_abstract_type(kind))):
            target = self.draw(st.sampled_from(self.narrower(kind)))
            on = f"on {target.name}" if target is not kind or self.draw(st.booleans()) else ""
            return f"... {on} {self.directive()} {self.selection(target, depth - 1)}"
        names = [
            name
            for name in getattr(kind, "fields", {})
            if depth > 0 or is_leaf_type(self.type_of(kind, name))
        ]
        if form == 2 or not names:
            return f"{self.alias()} __typename"
        return self.field(kind, self.draw(st.sampled_from(names)), depth)

    def field(self, kind: Any, name: str, depth: int) -> str:
        target = self.type_of(kind, name)
        arguments = "(upper: true)" if name == "computed" and self.draw(st.booleans()) else ""
        inner = "" if is_leaf_type(target) else self.selection(target, depth - 1)
        alias = self.alias() if arguments or self.draw(st.booleans()) else ""
        return f"{alias} {name}{arguments} {self.directive()} {inner}"

    def alias(self) -> str:
        self.aliases += 1
        return f"a{self.aliases}:"

    def directive(self) -> str:
        choices = ["", "", "", "@skip(if: $no)", "@skip(if: true)", "@include(if: $yes)", "@include(if: $no)"]
        return self.draw(st.sampled_from(choices))

    def fragment(self, kind: Any, depth: int) -> str:
        name = f"F{len(self.fragments)}"
        self.fragments.append("")
        at = len(self.fragments) - 1
        self.fragments[at] = f"fragment {name} on {kind.name} {self.selection(kind, depth - 1)}"
        return name

    def narrower(self, kind: Any) -> list[Any]:
        return list(self.schema.get_possible_types(kind)) if is_abstract_type(kind) else [kind]

    def type_of(self, kind: Any, name: str) -> Any:
        return get_named_type(kind.fields[name].type)


def settings_of(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def check(world: World, data: st.DataObject) -> None:
    schema, values = data.draw(schemas())
    query = Writer(data.draw, schema).query()
    document = parse(query)
    assume(not validate(schema, document))
    firsts, both = data.draw(rows(("First",), values)), data.draw(rows(("First", "Second"), values))
    root = {"firsts": firsts, "strict": firsts, "nullable": firsts, "named": both, "either": both}
    root["matrix"] = [data.draw(rows(("Leaf",), values)), None, both]
    held = Row(root)
    expected = run_with(Executor, world, query, schema, held)
    found = run_with(OperationExecutor, world, query, schema, held)
    assert repr(found.data) == repr(expected.data)
    assert [error.formatted for error in found.errors or ()] == [
        error.formatted for error in expected.errors or ()
    ]


@settings_of(25)
@given(data=st.data())
def test_types_it_has_never_seen_are_answered_alike(world: World, data: st.DataObject) -> None:
    """Data, order of fields, and errors with their paths, also of rows that are damaged."""
    check(world, data)


@pytest.mark.slow
@settings_of(500)
@given(data=st.data())
def test_many_types_it_has_never_seen_are_answered_alike(world: World, data: st.DataObject) -> None:
    """The same, longer."""
    check(world, data)
