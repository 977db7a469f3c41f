"""Fields resolved without a detour: the same values and the same errors as graphql-core and Strawberry give, whatever is wanted."""

import enum
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLSchema
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from devtools.graphql import resolving
from tests.graphql.conftest import World
from tests.graphql.test_projection import same


@strawberry.enum
class Colour(enum.Enum):
    red = "r"
    blue = strawberry.enum_value("b", name="BLAU")


@strawberry.enum
class Right(enum.Flag):
    read = 1
    write = 2


@strawberry.input
class Wish:
    size: int = 1
    colours: list[Colour] = strawberry.field(default_factory=list)


class Never(BasePermission):
    message = "Never."

    def has_permission(self, source: Any, info: strawberry.Info, **_: Any) -> bool:
        return False


class Louder(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return next_(source, info, **arguments).upper()


def of_parent(parent: strawberry.Parent["Shelf"], times: int = 2) -> str:
    return parent.name * times


def of_root(root: "Shelf", info: strawberry.Info) -> str:
    return f"{root.name} {info.field_name} {info.path.as_list()} {info.selected_fields[0].arguments}"


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def shout(self, marks: int = 1) -> str:
        return self.name.upper() + "!" * marks


@strawberry.type
class Book(Named):
    rights: Right = Right.read


@strawberry.type
class Shelf(Named):
    parent: str = strawberry.field(resolver=of_parent)
    root: str = strawberry.field(resolver=of_root)

    @strawberry.field
    def shout(self, marks: int = 2) -> str:  # another default than that of the interface
        return self.name + "?" * marks

    @strawberry.field
    def given(
        self,
        number: int | None = strawberry.UNSET,
        text: Annotated[str | None, strawberry.argument(name="named")] = None,
        share: float = 0.5,
        key: strawberry.ID | None = None,
        colour: Colour = Colour.red,
        colours: list[Colour] | None = None,
        wish: Wish | None = None,
    ) -> str:
        shown = repr((number, text, share, key, colour, colours, wish))
        for mutable in (colours, wish.colours if wish else None):
            if mutable is not None:
                mutable.append(Colour.blue)  # must not be there the next time
        return shown

    @strawberry.field
    def needed(self, number: int) -> int:
        return 10 // number

    @strawberry.field
    def nothing(self) -> str:
        return None  # type: ignore[return-value] # what a careless app does

    @strawberry.field
    def failing(self) -> str | None:
        return ValueError("returned")  # type: ignore[return-value] # graphql-core raises it

    @strawberry.field(permission_classes=[Never])
    def forbidden(self) -> str | None:
        return "seen"

    @strawberry.field(extensions=[Louder()])
    def extended(self, word: str = "a") -> str:
        return word

    @strawberry.field
    def books(self, count: int = 2) -> list[Named]:
        return [Book(name=f"book {number}") for number in range(count)] + [Shelf(name="inner")]

    @strawberry.field
    def lent(self, both: bool = False) -> list[Book]:
        return [Book(name="a"), Book(name="b", rights=Right.read | Right.write if both else Right.write)]


@strawberry.type
class Query:
    @strawberry.field
    def shelf(self, info: strawberry.Info, name: str = "top") -> Shelf:
        assert info.context.request is not None
        return Shelf(name=name)

    @strawberry.field
    def again(self) -> "list[Query]":
        return [Query()]


@pytest.fixture(scope="module")
def foreign() -> GraphQLSchema:
    made: Any = strawberry.Schema(Query, types=[Book, Shelf])
    return made._schema


@pytest.mark.parametrize(
    "query",
    [
        "{ shelf { name shout __typename } }",
        '{ a: shelf(name: "a") { shout(marks: 3) } b: shelf(name: "b") { shout(marks: 1) shout(marks: 1) } }',
        "{ shelf { parent root other: parent(times: 3) } }",
        "{ shelf { given } }",
        '{ shelf { given(number: 7, named: "x", share: 1, key: 5, colour: BLAU) } }',
        "{ shelf { given(number: null, named: null, key: null, colours: null, wish: null) } }",
        "{ shelf { given(colours: [red, BLAU]) again: given(colours: []) } }",
        "{ shelf { given(wish: {}) again: given(wish: {size: 3, colours: [BLAU]}) } }",
        "query ($n: Int = 4, $c: Colour = BLAU, $m: Int) { shelf { given(number: $n, colour: $c) shout(marks: $m) } }",
        "{ shelf { needed(number: 0) } }",
        "{ shelf { needed } }",
        '{ shelf { needed(number: "x") } }',
        "{ shelf { given(colour: green) } }",
        "{ shelf { nothing } }",
        '{ shelf { failing forbidden extended(word: "b") } }',
        "{ shelf { ...F books { ...F ... on Book { shout(marks: 5) } } } } fragment F on Named { shout name }",
        "{ shelf { books(count: 0) { shout } } }",
        "{ shelf { lent { name rights } } }",
        "{ shelf { lent(both: true) { name rights } } }",
        "{ again { __schema { queryType { name } } again { __typename } shelf { name } } }",
        "{ shelf { shout @skip(if: true) parent @include(if: false) unknown } nowhere }",
        '{ __schema { queryType { name } } __type(name: "Shelf") { fields { name } } }',
    ],
)
def test_whatever_is_wanted_is_answered_alike(world: World, foreign: GraphQLSchema, query: str) -> None:
    same(world, query, foreign)


def test_arguments_are_converted_once(
    world: World, foreign: GraphQLSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all items of a list, and for every run of the operation."""
    converted: list[Any] = []
    convert = resolving.convert_arguments

    def counted(value: Any, arguments: Any, **others: Any) -> Any:
        converted.append(value)
        return convert(value, arguments, **others)

    monkeypatch.setattr(resolving, "convert_arguments", counted)
    found = same(world, "{ shelf { books(count: 50) { ... on Book { shout(marks: 5) } } } }", foreign)
    assert found.data is not None
    assert len(found.data["shelf"]["books"]) == 51
    assert converted == [{"name": "top"}, {"count": 50}, {"marks": 5}]
