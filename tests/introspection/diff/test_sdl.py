"""Changes of a GraphQL schema, as graphql-core classes them."""

from devtools.introspection.diff import diff
from tests.introspection.diff.conftest import structure

OLD = "type Query { a: Int b(x: Int): String } enum Size { S M }"


def found(old, new):
    changes = diff(structure(sdl=old), structure(sdl=new)).sdl
    return [(change.severity.value, change.code) for change in changes]


def test_each_change_is_breaking_dangerous_or_safe_and_the_worst_comes_first():
    new = "type Query { b(x: Int): String c: Int } enum Size { S M L }"
    assert found(OLD, new) == [
        ("breaking", "FIELD_REMOVED"),
        ("dangerous", "VALUE_ADDED_TO_ENUM"),
        ("safe", "FIELD_ADDED"),
    ]


def test_a_value_that_must_be_given_since_its_default_went_breaks():
    """Another default, or none where null will do, is dangerous."""
    old = (
        "type Query { f(a: Int! = 1, b: Int = 1, c: Int! = 1, i: I): Int } input I { x: Int! = 1 y: Int = 1 }"
    )
    new = "type Query { f(a: Int!, b: Int, c: Int! = 2, i: I): Int } input I { x: Int! y: Int }"
    changes = diff(structure(sdl=old), structure(sdl=new)).sdl
    assert [(change.severity.value, change.message.partition(" ")[0]) for change in changes] == [
        ("breaking", "I.x"),
        ("breaking", "Query.f(a:)"),
        ("dangerous", "I.y"),
        ("dangerous", "Query.f(b:)"),
        ("dangerous", "Query.f(c:)"),
    ]
    assert changes[1].message == "Query.f(a:) must be given now: its default was removed."


def test_a_schema_that_comes_is_safe_and_one_that_goes_breaks():
    assert found(None, OLD) == [("safe", "SCHEMA_ADDED")]
    assert found(OLD, None) == [("breaking", "SCHEMA_REMOVED")]


def test_layout_is_no_change():
    assert found(OLD, OLD.replace(" } ", " }\n\n")) == []


def test_what_cannot_be_read_is_said():
    assert found(OLD, "type {") == [("dangerous", "SCHEMA_UNREADABLE")]
