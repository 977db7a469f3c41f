"""Changes of an OpenAPI document, judged for the clients that exist."""

import copy
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.introspection.diff import diff
from devtools.introspection.diff.check import check
from devtools.introspection.diff.openapi_schemas import Direction, Schemas
from tests.introspection.diff.conftest import structure

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "size": {"enum": ["s", "m"]},
        "next": {"$ref": "#/components/schemas/Order"},
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/orders": {
            "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}],
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}
                            }
                        }
                    }
                }
            },
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
                },
                "responses": {"201": {"description": "made"}, "404": {"description": "gone"}},
            },
        },
        "/orders/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "one"}},
            }
        },
    },
    "components": {"schemas": {"Order": ORDER}},
}


def changed(edit) -> list[tuple[str, str, str]]:
    """What is found after editing a copy."""
    new = copy.deepcopy(DOCUMENT)
    edit(new)
    changes = diff(structure(openapi=DOCUMENT), structure(openapi=new)).openapi
    return [(change.severity.value, change.code, change.location) for change in changes]


def path(document, name="/orders"):
    return document["paths"][name]


def order(document):
    return document["components"]["schemas"]["Order"]


def rename(document):
    document["paths"]["/orders/{number}"] = document["paths"].pop("/orders/{id}")
    document["paths"]["/orders/{number}"]["get"]["parameters"][0]["name"] = "number"


def parameter(name, **fields):
    return {"name": name, "in": "query", "schema": {"type": "string"}, **fields}


CASES = {
    "an operation goes": (
        lambda new: path(new).pop("post"),
        [("breaking", "OPERATION_REMOVED", "POST /orders")],
    ),
    "an operation comes": (
        lambda new: path(new).update(put={"responses": {}}),
        [("safe", "OPERATION_ADDED", "PUT /orders")],
    ),
    "a path parameter has another name": (rename, []),
    "a parameter goes": (
        lambda new: path(new).update(parameters=[]),
        [
            ("dangerous", "PARAMETER_REMOVED", "GET /orders query parameter limit"),
            ("dangerous", "PARAMETER_REMOVED", "POST /orders query parameter limit"),
        ],
    ),
    "a parameter that is needed comes": (
        lambda new: path(new)["get"].update(parameters=[parameter("q", required=True)]),
        [("breaking", "PARAMETER_ADDED", "GET /orders query parameter q")],
    ),
    "a parameter that is not needed comes": (
        lambda new: path(new)["get"].update(parameters=[parameter("q")]),
        [("safe", "PARAMETER_ADDED", "GET /orders query parameter q")],
    ),
    "a parameter is needed now": (
        lambda new: path(new)["parameters"][0].update(required=True),
        [
            ("breaking", "PARAMETER_REQUIRED", "GET /orders query parameter limit"),
            ("breaking", "PARAMETER_REQUIRED", "POST /orders query parameter limit"),
        ],
    ),
    "a limit is tighter": (
        lambda new: path(new)["parameters"][0]["schema"].update(maximum=50),
        [
            ("breaking", "LIMIT_CHANGED", "GET /orders query parameter limit maximum"),
            ("breaking", "LIMIT_CHANGED", "POST /orders query parameter limit maximum"),
        ],
    ),
    "a limit is wider": (
        lambda new: path(new)["parameters"][0]["schema"].update(maximum=500),
        [
            ("safe", "LIMIT_CHANGED", "GET /orders query parameter limit maximum"),
            ("safe", "LIMIT_CHANGED", "POST /orders query parameter limit maximum"),
        ],
    ),
    "a request may be a number where it was an integer": (
        lambda new: path(new)["parameters"][0]["schema"].update(type="number"),
        [
            ("safe", "TYPE_CHANGED", "GET /orders query parameter limit"),
            ("safe", "TYPE_CHANGED", "POST /orders query parameter limit"),
        ],
    ),
    "a body is needed now": (
        lambda new: path(new)["post"]["requestBody"].update(required=True),
        [("breaking", "BODY_REQUIRED", "POST /orders body")],
    ),
    "a body goes": (
        lambda new: path(new)["post"].pop("requestBody"),
        [("dangerous", "BODY_REMOVED", "POST /orders body")],
    ),
    "a media type goes": (
        lambda new: path(new)["post"]["requestBody"].update(content={"text/plain": {}}),
        [
            ("breaking", "MEDIA_TYPE_REMOVED", "POST /orders body application/json"),
            ("safe", "MEDIA_TYPE_ADDED", "POST /orders body text/plain"),
        ],
    ),
    "a success goes": (
        lambda new: path(new)["post"]["responses"].pop("201"),
        [("breaking", "RESPONSE_REMOVED", "POST /orders response 201")],
    ),
    "a failure goes": (
        lambda new: path(new)["post"]["responses"].pop("404"),
        [("safe", "RESPONSE_REMOVED", "POST /orders response 404")],
    ),
    "a field that is needed comes to a shared schema": (
        lambda new: order(new).update(
            required=["id", "sku"], properties={**ORDER["properties"], "sku": {"type": "string"}}
        ),
        [("breaking", "PROPERTY_ADDED", "Order.sku"), ("safe", "PROPERTY_ADDED", "Order.sku")],
    ),
    "a field of a shared schema goes": (
        lambda new: order(new)["properties"].pop("size"),
        [("breaking", "PROPERTY_REMOVED", "Order.size"), ("dangerous", "PROPERTY_REMOVED", "Order.size")],
    ),
    "a field may be left out now": (
        lambda new: order(new).update(required=[]),
        [("breaking", "PROPERTY_OPTIONAL", "Order.id"), ("safe", "PROPERTY_OPTIONAL", "Order.id")],
    ),
    "a field may be null now": (
        lambda new: order(new)["properties"].update(id={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        [("breaking", "TYPE_CHANGED", "Order.id"), ("safe", "TYPE_CHANGED", "Order.id")],
    ),
    "a value comes": (
        lambda new: order(new)["properties"].update(size={"enum": ["s", "m", "l"]}),
        [("dangerous", "VALUE_ADDED", "Order.size"), ("safe", "VALUE_ADDED", "Order.size")],
    ),
    "a value goes": (
        lambda new: order(new)["properties"].update(size={"enum": ["s"]}),
        [("breaking", "VALUE_REMOVED", "Order.size"), ("safe", "VALUE_REMOVED", "Order.size")],
    ),
    "only words differ": (
        lambda new: new.update(info={"title": "Orders"}),
        [("safe", "DETAILS_CHANGED", "document")],
    ),
    "an operation is deprecated": (
        lambda new: path(new)["get"].update(deprecated=True),
        [("safe", "OPERATION_DEPRECATED", "GET /orders")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_change_is_found_once_and_judged(name):
    edit, expected = CASES[name]
    if not expected:
        assert [change for change in changed(edit) if change[1] != "DETAILS_CHANGED"] == []
    else:
        assert changed(edit) == expected


def test_a_shared_change_names_every_operation_it_touches():
    new = copy.deepcopy(DOCUMENT)
    path(new, "/orders/{id}")["get"]["responses"]["200"] = path(new)["get"]["responses"]["200"]
    old = copy.deepcopy(new)
    order(new)["properties"].pop("size")
    (breaking, _) = diff(structure(openapi=old), structure(openapi=new)).openapi
    assert breaking.operations == ("GET /orders", "GET /orders/{id}")


def test_a_document_that_comes_goes_or_cannot_be_read():
    plain = structure(openapi=DOCUMENT)
    assert [change.code for change in diff(structure(), plain).openapi] == ["DOCUMENT_ADDED"]
    assert [change.code for change in diff(plain, structure()).openapi] == ["DOCUMENT_REMOVED"]
    assert [change.code for change in diff(plain, structure(openapi="no")).openapi] == ["DOCUMENT_UNREADABLE"]


@pytest.mark.parametrize(
    "damaged",
    [
        {"paths": []},
        {"paths": {"/a": None}},
        {"paths": {"/a": {"get": {"parameters": [None, {"in": 3}], "responses": [], "requestBody": 1}}}},
        {"paths": {"/a": {"get": {"responses": {"200": {"content": {"x": {"schema": {"$ref": "#/nowhere"}}}}}}}}},
        {"paths": {"/a": {"get": {"responses": {"200": {"$ref": "#/paths"}}}}}},
        *({**DOCUMENT, "components": {"schemas": {"Order": {**ORDER, **damage}}}} for damage in (
            {"required": 5}, {"required": [[1]]}, {"allOf": 5}, {"allOf": [{"required": 5}]}, {"anyOf": 5})),
    ],
)  # fmt: skip
def test_a_document_that_is_not_one_does_no_harm(damaged):
    for old, new in ((DOCUMENT, damaged), (damaged, DOCUMENT), (damaged, {**damaged, "x": 1})):
        diff(structure(openapi=old), structure(openapi=new))


def levels(count: int, kind: str, field: str = "x") -> dict[str, Any]:
    """Schemas of which each holds the next one twice: as a reference, and as `allOf` around one."""
    schemas: dict[str, Any] = {f"L{count}": {"type": "object", "properties": {field: {"type": kind}}}}
    for number in range(count):
        below = {"$ref": f"#/components/schemas/L{number + 1}"}
        schemas[f"L{number}"] = {"type": "object", "properties": {"l": below, "r": {"allOf": [below]}}}
    return {"components": {"schemas": schemas}}


@pytest.mark.parametrize("count", [3, 39])
def test_schemas_that_many_ways_lead_to_are_compared_once(count):
    schemas = Schemas(levels(count, "string"), levels(count, "integer"))
    top = {"$ref": "#/components/schemas/L0"}
    found = schemas.compare(top, top, "GET /a", Direction.REQUEST)
    codes = [finding.code for finding in islice(found, 10 * count)]
    assert codes
    assert set(codes) == {"TYPE_CHANGED"}
    assert len(codes) <= 2 * count


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_choices_that_many_ways_lead_to_are_compared_once(word):
    def document(kind):
        schemas = {f"L{n}": {word: [{"$ref": f"#/components/schemas/L{n + 1}"}] * 2} for n in range(2_000)}
        schemas |= {
            "L2000": {"properties": {"x": {"type": kind}}},
            "Self": {word: [{"$ref": "#/components/schemas/Self"}]},
        }
        return {"components": {"schemas": schemas}}

    schemas = Schemas(document("string"), document("integer"))
    for name, codes in (("L0", ["TYPE_CHANGED"]), ("Self", [])):
        top = {"$ref": f"#/components/schemas/{name}"}
        assert [finding.code for finding in schemas.compare(top, top, "a", Direction.RESPONSE)] == codes


def test_each_place_that_had_no_schema_is_told():
    schema = {"properties": {"a": True, "b": True}}
    new = {"properties": {"a": {"$ref": "#/X"}, "b": {"$ref": "#/X"}}}
    found = Schemas({}, {"X": {"type": "string"}}).compare(schema, new, "it", Direction.REQUEST)
    assert [finding.location for finding in found] == ["it.a", "it.b"]


WORDS = st.sampled_from(
    [
        "a",
        "b",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "type",
        "required",
        "properties",
        "items",
        "enum",
        "const",
        "nullable",
        "minimum",
        "pattern",
        "schema",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["#/components/schemas/A", "#/components/schemas/B", "object", "null", "a", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
PLACES = st.fixed_dictionaries(
    {},
    optional={
        "parameters": JSON | st.lists(st.fixed_dictionaries({"name": JSON, "in": JSON, "schema": JSON}), max_size=2),
        "requestBody": JSON | st.fixed_dictionaries({"required": JSON, "content": st.fixed_dictionaries({"j": JSON})}),
        "responses": JSON | st.fixed_dictionaries({"200": JSON}),
        "deprecated": JSON,
    },
)  # fmt: skip
SCHEMA = st.fixed_dictionaries({}, optional=dict.fromkeys(("required", "allOf", "properties", "type"), JSON))
DOCUMENTS = JSON | st.fixed_dictionaries(
    {
        "paths": JSON | st.fixed_dictionaries({"/a/{a}": st.fixed_dictionaries({"get": PLACES | JSON})}),
        "components": JSON | st.fixed_dictionaries({"schemas": st.fixed_dictionaries({"A": SCHEMA, "B": SCHEMA})}),
    }
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS, DOCUMENTS)
def test_whatever_a_document_holds_it_is_compared(old, new):
    check(structure(openapi=old), structure(openapi=new))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMA | JSON, SCHEMA | JSON, SCHEMA, SCHEMA)
def test_whatever_a_schema_holds_it_is_compared(old, new, a, b):
    document = {"components": {"schemas": {"A": a, "B": b}}}
    for direction in Direction:
        list(Schemas(document, document).compare(old, new, "it", direction))
