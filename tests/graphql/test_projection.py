"""Lists answered as columns equal those of the stock executor: values, order, errors, also of damaged records and foreign types."""

import enum
import math
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import strawberry
from graphql import ExecutionResult, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type, parse
from graphql.execution import Executor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.graphql import executor as ours
from devtools.graphql.answers import encode
from devtools.graphql.context import Context
from devtools.graphql.operation import OperationExecutor
from devtools.graphql.projection import row_of
from devtools.graphql.schema import schema
from devtools.records import Level, Log, Run, RunStatus
from tests.conftest import FakeClocks
from tests.graphql.conftest import World


def run_with(
    made: type[Executor[Any]], world: World, query: str, on: GraphQLSchema, root: Any = None
) -> ExecutionResult:
    """Of two copies of one executor the second's result: what the first remembered decides nothing."""
    built = made.build(on, parse(query))
    assert isinstance(built, Executor)
    for _ in range(2):
        found = ours.running(built, Context(world.request()), root).execute_operation()
    assert isinstance(found, ExecutionResult)
    return ExecutionResult(plain(found.data), found.errors)


def plain(value: Any) -> Any:
    """The answer with its rows as what they stand for."""
    if isinstance(value, msgspec.Struct):
        return dict(
            zip(value.__struct_encode_fields__, map(plain, msgspec.structs.astuple(value)), strict=True)
        )
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def same(world: World, query: str, on: GraphQLSchema | None = None, root: Any = None) -> ExecutionResult:
    """The result of ours, which is that of the stock executor."""
    on = on or schema()
    expected = run_with(Executor, world, query, on, root)
    found = run_with(OperationExecutor, world, query, on, root)
    assert found.data == expected.data
    assert repr(found.data) == repr(expected.data), "order and types, too"
    assert [error.formatted for error in found.errors or ()] == [
        error.formatted for error in expected.errors or ()
    ]
    return found


def leaves(name: str) -> list[str]:
    kind = schema().type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return [field for field, declared in kind.fields.items() if is_leaf_type(get_named_type(declared.type))]


PARTS = st.one_of(
    st.sampled_from([*leaves("RunRecord"), "__typename"]),
    st.tuples(st.sampled_from("abc"), st.sampled_from(leaves("RunRecord"))).map(": ".join),
    st.sampled_from(leaves("RunRecord")).map("{} @skip(if: true)".format),
    st.sampled_from(leaves("RunRecord")).map("{} @include(if: true)".format),
    st.sampled_from(leaves("RunRecord")).map("... on RunRecord {{ {} }}".format),
    st.sampled_from(["...F", "nodeResolved { id }", "logs(first: 1) { totalCount }"]),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, min_size=1, max_size=8))
def test_any_selection_of_runs_is_answered_alike(world: World, clocks: FakeClocks, parts: list[str]) -> None:
    if not world.recorder.rings.of(Run):
        for number in range(6):
            clocks.advance(ms=1)
            world.run(
                run_id=number + 1,
                ok=number % 2 == 0,
                error=None if number % 2 else "no",
                attributes='{"a":1}',
                input="text",
            )
    selected = " ".join(parts)
    fragment = "fragment F on RunRecord { id status }" if "...F" in selected else ""
    try:
        ours.read.__wrapped__(f"{{ live {{ runs {{ {selected} }} }} }} {fragment}", world.settings.limits)
    except Exception:
        return
    same(
        world,
        f"{{ live {{ runs {{ {selected} }} }} history {{ runs {{ nodes {{ {selected} }} }} }} }} {fragment}",
    )


DAMAGED = [
    {"level": None}, {"level": "loud"}, {"level": 3}, {"message": None}, {"message": 5}, {"message": True}, {"message": b"x"},
    {"id": None}, {"id": "seven"}, {"id": 1.5}, {"id": 2**70}, {"time_ns": None}, {"time_ns": "x"}, {"time_ns": math.nan},
    {"time_ns": math.inf}, {"data": "{"}, {"data": 5}, {"run_id": "x"}, {"run_id": -1}, {"level": RunStatus.ok},
    {"source_id": object()},
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED, ids=lambda damage: next(iter(damage)))
def test_damaged_records_have_the_same_errors(world: World, damage: dict[str, Any]) -> None:
    ring = world.recorder.rings.of(Log)
    for number in range(6):
        whole = {"id": number, "time_ns": 10**18 + number, "level": Level.info, "message": "m"}
        ring.append(Log(**(whole | (damage if number == 3 else {}))))
    for field in ("level", "message", "id", "timestampMs", "data", "dataJson", "runId", "sourceId"):
        same(world, f"{{ live {{ logs {{ __typename {field} }} }} }}")
    same(world, "{ live { logs { id level message timestampMs data dataJson runId sourceId processId } } }")


def test_a_record_of_another_kind_is_refused_alike(world: World) -> None:
    ring: Any = world.recorder.rings.of(Log)
    for number in range(4):
        world.log(f"log {number}")
    ring.append(world.run())
    assert same(world, "{ live { logs { id } } }").errors


def test_leaves_of_every_kind_are_answered_alike(world: World) -> None:
    for _ in range(5):
        world.run()
        world.log(data='{"a":[1,{"b":null}]}')
        world.fail(cause="[1]")
        world.emit(payload="text")
    for field, kind in {
        "runs": "RunRecord",
        "logs": "LogEntry",
        "errors": "ErrorEntry",
        "emissions": "EmissionEntry",
    }.items():
        same(world, f"{{ live {{ {field} {{ {' '.join(leaves(kind))} }} }} }}")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


strawberry.enum(Colour)


@strawberry.type
class Foreign:
    """A type the executor has never seen."""

    text: str
    number: int
    size: float | None
    flag: bool
    colour: Colour
    colours: list[Colour]
    key: strawberry.ID

    @strawberry.field
    def computed(self) -> str:
        return self.text.upper()


@dataclass
class Row:
    text: Any = "a"
    number: Any = 1
    size: Any = 1.5
    flag: Any = True
    colour: Any = Colour.RED
    colours: Any = (Colour.RED,)
    key: Any = 7
    computed: Any = "x"


@strawberry.type
class Query:
    rows: list[Foreign | None]
    strict: list[Foreign]


FOREIGN = strawberry.Schema(Query)._schema
FIELDS = ["text", "number", "size", "flag", "colour", "colours", "key", "__typename"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.sampled_from(Colour), st.sampled_from(Level),
    st.just(object),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
    damage=st.dictionaries(st.sampled_from(["text", "number", "size", "flag", "colour", "key"]), SCALARS, max_size=2),
    missing=st.booleans(),
    strict=st.booleans(),
)  # fmt: skip
def test_foreign_types_are_answered_alike(
    world: World, fields: list[str], damage: dict[str, Any], missing: bool, strict: bool
) -> None:
    rows: list[Any] = [
        Row(),
        Row(text="b", number=2, size=None),
        Row(**damage),
        Row(),
        *([None] if missing else []),
    ]
    found, expected = (
        run_with(
            made,
            world,
            f"{{ {'strict' if strict else 'rows'} {{ {' '.join(fields)} }} }}",
            FOREIGN,
            Query(rows=rows, strict=rows),
        )
        for made in (OperationExecutor, Executor)
    )
    assert repr(found.data) == repr(expected.data)
    assert [error.formatted for error in found.errors or ()] == [
        error.formatted for error in expected.errors or ()
    ]


def test_a_value_that_raises_is_the_error_of_its_field(world: World) -> None:
    class Raising(Row):
        @property
        def text(self) -> str:
            raise ValueError("no text")

        @text.setter
        def text(self, value: str) -> None: ...

    rows = [Row(), Row(), Raising(), Row()]
    found = same(world, "{ rows { number text } }", FOREIGN, Query(rows=rows, strict=[]))
    assert found.errors is not None
    assert found.errors[0].path == ["rows", 2, "text"]


def test_plain_fields_do_take_the_short_way(world: World) -> None:
    """Whole lists and the plain part of mixed ones are rows; so are records of several kinds."""
    for _ in range(5):
        world.run()

    def rows(query: str) -> Any:
        built = OperationExecutor.build(schema(), parse(query), context_value=Context(world.request()))
        assert isinstance(built, Executor)
        found = built.execute_operation()
        assert isinstance(found, ExecutionResult)
        assert found.data is not None
        return found.data

    for selected in ("id runId nodeKind startedAtMs inputJson", "id nodeResolved { id }"):
        (row, *_) = rows(f"{{ live {{ runs {{ {selected} }} }} }}")["live"]["runs"]
        assert isinstance(row, msgspec.Struct), selected
    (row, *_) = rows("{ history { runs { nodes { id status durationMs } } } }")["history"]["runs"]["nodes"]
    assert isinstance(row, msgspec.Struct)
    (row, *_) = rows("{ live { runs { nodeResolved { id } } } }")["live"]["runs"]
    assert isinstance(row, dict)


def test_rows_that_the_fast_encoder_refuses_are_encoded_too() -> None:
    row = row_of(("class", "inputJson"))
    assert encode([row("\ud800", [2**70])]) == b'[{"class":"\\ud800","inputJson":[1180591620717411303424]}]'
