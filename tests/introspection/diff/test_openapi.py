"""Changes of an OpenAPI document, judged for the clients that exist."""

import copy
from typing import Any

import pytest

from devtools.introspection.diff import diff
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
    ],
)  # fmt: skip
def test_a_document_that_is_not_one_does_no_harm(damaged):
    for old, new in ((DOCUMENT, damaged), (damaged, DOCUMENT), (damaged, {**damaged, "x": 1})):
        diff(structure(openapi=old), structure(openapi=new))
