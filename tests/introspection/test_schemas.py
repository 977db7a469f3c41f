"""JSON Schemas from annotations, and the form people read."""

import enum
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from devtools.introspection import schemas


class Line(msgspec.Struct):
    sku: str
    count: int = 1


class Order(msgspec.Struct):
    lines: list[Line]
    note: str | None = None


@dataclass
class Customer:
    name: str
    orders: list[Order]


class Node(msgspec.Struct):
    left: "Node | None" = None
    right: "Node | None" = None


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


class Row(TypedDict):
    id: int
    name: NotRequired[str]


def tree(schema: str | None) -> dict[str, Any]:
    assert schema is not None
    return json.loads(schema)


def references(part: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(part)))


def test_arguments_become_one_object_with_what_is_required() -> None:
    def buy(item: str, count: int = 1, *rest: int, gift: bool, **more: str) -> None: ...

    assert tree(schemas.of_call(buy)) == {
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}, "gift": {"type": "boolean"}},
        "required": ["item", "gift"],
    }


def test_self_cls_and_what_is_left_out_are_no_input() -> None:
    class Shop:
        def buy(self, request: int, item: str) -> None: ...

        @classmethod
        def make(cls) -> None: ...

    assert list(tree(schemas.of_call(Shop.buy, without=frozenset({"request"})))["properties"]) == ["item"]
    assert schemas.of_call(Shop.make) is None


def test_a_class_takes_what_its_init_takes() -> None:
    class Database:
        def __init__(self, path: str, size: int = 3) -> None: ...

    assert tree(schemas.of_call(Database))["properties"] == {
        "path": {"type": "string"},
        "size": {"type": "integer"},
    }
    assert list(tree(schemas.of_call(Customer))["properties"]) == ["name", "orders"]


def test_nothing_is_said_of_what_takes_nothing_or_cannot_be_read() -> None:
    assert schemas.of_call(lambda: None) is None
    assert schemas.of_call(dict) is None or isinstance(schemas.of_call(dict), str)
    assert schemas.of_call(42) is None
    assert schemas.of_type(None) is None
    assert schemas.of_type(Any) is None


def test_unknown_annotations_do_not_hide_the_other_arguments() -> None:
    def handle(request: Request, item: str) -> None: ...

    def broken(item: "Missing", count: int) -> None: ...  # type: ignore[name-defined] # noqa: F821

    assert tree(schemas.of_call(handle))["properties"] == {
        "request": {"title": "Request"},
        "item": {"type": "string"},
    }
    assert list(tree(schemas.of_call(broken))["properties"]) == ["item", "count"]


TYPES: list[Any] = [
    int,
    str,
    float,
    bool,
    bytes,
    datetime,
    list[int],
    dict[str, int],
    tuple[int, str],
    int | None,
    Literal["a", "b"],
    Colour,
    Row,
    Line,
    Order,
    Customer,
    Node,
]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_every_reference_of_a_schema_is_defined_at_its_root(kind: Any) -> None:
    def call(first: Any, second: Any) -> None: ...

    call.__annotations__ = {"first": kind, "second": kind}

    for schema in (schemas.of_type(kind), schemas.of_call(call)):
        found = tree(schema)
        defined = {f"#/$defs/{name}" for name in found.get("$defs", {})}
        assert references(found) <= defined
        assert schemas.readable(schema)


def test_pydantic_models_are_described_by_themselves() -> None:
    pydantic = pytest.importorskip("pydantic")
    item = pydantic.create_model("Item", sku=(str, ...))
    basket = pydantic.create_model("Basket", items=(list[item], pydantic.Field(description="What is bought")))

    def buy(basket: Any) -> None: ...

    buy.__annotations__ = {"basket": basket}
    found = schemas.of_call(buy)

    assert references(tree(found)) <= {f"#/$defs/{name}" for name in tree(found)["$defs"]}
    assert schemas.readable(found) == (
        "{\n  basket: {\n    items: {\n      sku: string\n    }[] — What is bought\n  }\n}"
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "integer"),
        (list[str], "string[]"),
        (list[list[int]], "integer[][]"),
        (int | None, "integer | null"),
        (list[int | None], "(integer | null)[]"),
        (Literal["a", "b"], '"a" | "b"'),
        (Colour, '"blue" | "red"'),
        (dict[str, int], "{ [key]: integer }"),
        (dict[str, Any], "object"),
        (Line, "{\n  sku: string\n  count?: integer\n}"),
        (list[Line], "{\n  sku: string\n  count?: integer\n}[]"),
        (Row, "{\n  id: integer\n  name?: string\n}"),
    ],
    ids=str,
)
def test_people_read_types_as_they_write_them(kind: Any, text: str) -> None:
    assert schemas.readable(schemas.of_type(kind)) == text


def test_a_type_within_itself_is_named_and_not_written_out_again() -> None:
    assert schemas.readable(schemas.of_type(Node)) == "{\n  left?: Node | null\n  right?: Node | null\n}"


def test_a_schema_that_refers_to_itself_without_end_is_read() -> None:
    endless = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}}

    assert schemas.readable(json.dumps(endless)) == "A[]"


@pytest.mark.parametrize("text", [None, "", "{", "[]", "3", "null"])
def test_what_is_no_schema_is_not_read(text: str | None) -> None:
    assert schemas.readable(text) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "anyOf",
                    "oneOf",
                    "enum",
                    "const",
                    "$ref",
                    "$defs",
                    "required",
                    "title",
                    "description",
                    "additionalProperties",
                    "A",
                ]
            ),
            inner | st.sampled_from(["object", "array", "#/$defs/A"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=JSON)
def test_any_json_can_be_read_without_an_error(value: Any) -> None:
    text = schemas.readable(json.dumps(value))

    assert text is None or isinstance(text, str)


def test_a_schema_is_the_same_every_time() -> None:
    class Opaque:
        pass

    def call(one: Opaque, two: "list[Opaque]", three: Opaque | int) -> None: ...

    schema = schemas.of_call(call)
    assert schema == schemas.of_call(call)
    assert schema is not None
    assert "0x" not in schema


def test_a_schema_made_to_be_endless_is_cut() -> None:
    definitions = {
        f"T{number}": {"anyOf": [{"$ref": f"#/$defs/T{number + 1}"}] * 2, "properties": {}}
        for number in range(30)
    }

    text = schemas.readable(json.dumps({"$ref": "#/$defs/T0", "$defs": definitions}))

    assert text is not None
    assert len(text) < 100_000


def test_two_types_of_one_name_are_not_mixed_up() -> None:
    other = msgspec.defstruct("Line", [("other", int)])

    def buy(first: Any, second: Any) -> None: ...

    buy.__annotations__ = {"first": Line, "second": other}

    assert tree(schemas.of_call(buy))["properties"]["second"] == {"title": "Line"}


def test_schemas_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from devtools.introspection import schemas; from typing import Literal; import enum, msgspec\n"
        "class A(msgspec.Struct):\n x: int\n y: 'B | None'\n"
        "class B(msgspec.Struct):\n z: Literal['b', 'a', 'c'] | int | list[str]\n"
        "def call(a: A, b: B): ...\n"
        "print(schemas.of_call(call))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(answers) == 1
