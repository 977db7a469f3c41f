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


def test_a_schema_that_comes_is_safe_and_one_that_goes_breaks():
    assert found(None, OLD) == [("safe", "SCHEMA_ADDED")]
    assert found(OLD, None) == [("breaking", "SCHEMA_REMOVED")]


def test_layout_is_no_change():
    assert found(OLD, OLD.replace(" } ", " }\n\n")) == []


def test_what_cannot_be_read_is_said():
    assert found(OLD, "type {") == [("dangerous", "SCHEMA_UNREADABLE")]
