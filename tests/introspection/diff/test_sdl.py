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


def test_the_argument_of_a_directive_that_must_be_given_breaks():
    of = "directive @cached(seconds: Int! = 1) on FIELD type Query { a: Int }"
    assert found(of, of.replace(" = 1", "")) == [("breaking", "ARG_DEFAULT_VALUE_CHANGE")]


def test_an_input_that_takes_one_of_its_fields_alone_breaks():
    """graphql-core does not look at it."""
    many = "type Query { f(i: I): Int } input I { x: Int y: Int }"
    one = many.replace("input I", "input I @oneOf")
    assert found(many, one) == [("breaking", "ONE_OF_ADDED")]
    assert found(one, many) == [("safe", "ONE_OF_REMOVED")]


def test_what_is_deprecated_is_said_with_its_reason():
    """Of fields, arguments, input fields and enum values alike; a field that is new with it is just new."""
    plain = "directive @d(z: Int) on FIELD type Query { a: Int f(x: Int, i: I): E } input I { y: Int } enum E { M }"
    for place in ("a: Int", "x: Int", "y: Int", "z: Int", "M"):
        old = plain.replace(place, f'{place} @deprecated(reason: "use b")', 1)
        assert found(plain, old) == [("safe", "DEPRECATION_ADDED")], place
        assert found(old, plain) == [("safe", "DEPRECATION_REMOVED")], place
        assert found(old, old.replace("use b", "use c")) == [("safe", "DEPRECATION_CHANGED")], place
    (change,) = diff(
        structure(sdl=plain), structure(sdl=plain.replace("x: Int", 'x: Int @deprecated(reason: "use b")'))
    ).sdl
    assert change.message == "Query.f(x:) is deprecated: use b"
    assert found(plain, plain.replace("a: Int", "a: Int b: Int @deprecated")) == [("safe", "FIELD_ADDED")]


def test_a_kind_of_operation_that_goes_breaks():
    """Though its type stays: graphql-core looks at types alone."""
    types = "type Q { a: Int } type M { b: Int }"
    both, one = f"schema {{ query: Q mutation: M }} {types}", f"schema {{ query: Q }} {types}"
    other = f"schema {{ query: M }} {types}"
    assert found(both, one) == [("breaking", "ROOT_TYPE_REMOVED")]
    assert found(one, both) == [("safe", "ROOT_TYPE_ADDED")]
    assert found(one, other) == [("breaking", "ROOT_TYPE_CHANGED")]


def test_a_scalar_that_is_specified_elsewhere_is_dangerous():
    of = 'scalar Day @specifiedBy(url: "https://a.example") type Query { a: Day }'
    assert found(of, of.replace("a.example", "b.example")) == [("dangerous", "SPECIFIED_BY_CHANGED")]


def test_what_is_written_otherwise_and_means_the_same_is_said():
    """Two schemas that differ never have an empty list of changes, but for layout."""
    of = 'directive @owner(name: String) on OBJECT type Query @owner(name: "a") { a: Int b: Int }'
    assert found(of, of.replace('"a"', '"b"')) == [("safe", "SCHEMA_REWRITTEN")]
    assert found(OLD, OLD.replace("S M", "M S")) == [("safe", "SCHEMA_REWRITTEN")]


def test_a_schema_that_comes_is_safe_and_one_that_goes_breaks():
    assert found(None, OLD) == [("safe", "SCHEMA_ADDED")]
    assert found(OLD, None) == [("breaking", "SCHEMA_REMOVED")]


def test_layout_is_no_change():
    assert found(OLD, OLD.replace(" } ", " }\n\n")) == []


def test_what_cannot_be_read_is_said():
    assert found(OLD, "type {") == [("dangerous", "SCHEMA_UNREADABLE")]
