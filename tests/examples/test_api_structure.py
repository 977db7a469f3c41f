"""What the introspector says of the library, against a description written by hand."""

import json
import logging

import pytest

from devtools.introspection import inspectors
from devtools.introspection.diagnostics import diagnose
from devtools.introspection.elements import Structure
from devtools.introspection.graph import Graph
from devtools.introspection.introspector import inspect_app
from examples.api.service import make_app

from . import expected_api as expected
from .structures import ids, inspected, links, properties


def without(name: str) -> dict[str, str]:
    """The inspectors but one, in their order."""
    return {other: target for other, target in inspectors.INSPECTORS.items() if other != name}


@pytest.fixture(scope="module")
def structure() -> Structure:
    return inspected("examples.api.service", expected.APP)


def test_the_elements_are_those_of_the_source(structure: Structure) -> None:
    """No element is missing, none is invented."""
    assert {element.id for element in structure.elements} == set(expected.ELEMENTS)


@pytest.mark.parametrize("identifier", sorted(expected.ELEMENTS))
def test_an_element_is_as_the_source_says(structure: Structure, identifier: str) -> None:
    """Kind, links in their order, route, tags, scopes, middleware from the outside in, file."""
    assert links(Graph(structure).by_id[identifier]) == links(expected.ELEMENTS[identifier])


def test_every_link_ends_somewhere(structure: Structure) -> None:
    graph = Graph(structure)
    for element in structure.elements:
        for name in ("depends_on", "tags", "middleware"):
            for target in getattr(element, name):
                assert (target if isinstance(target, str) else target.id) in graph.by_id


def test_links_can_be_followed_back(structure: Structure) -> None:
    """Who uses a dependency, also through another one."""
    graph = Graph(structure)
    assert ids(graph.used_by("examples.api.shelf.get_shelf")) == [expected.SHELF]
    assert ids(graph.used_by(expected.MEMBER)) == ["GET /loans", "POST /loans"]
    assert ids(graph.used_by(expected.BEARER)) == [expected.MEMBER]
    assert ids(graph.tagged("copies")) == ["GET /books/{book_id}/copies/{number}"]


def test_what_a_route_takes_and_answers_has_a_schema(structure: Structure) -> None:
    """Parameters of dependencies count; a body is one of them."""
    routes = Graph(structure).by_id
    assert properties(routes["GET /books"].schema) == {"genre", "offset", "limit"}
    assert properties(routes["POST /loans"].schema) == {"body", "user-agent"}
    assert properties(routes["WS /feed/{room}"].schema) == {"room", "ticket"}
    assert properties(routes["POST /loans"].result_schema) == {"id", "book", "member"}
    assert routes["GET /burn"].result_schema is None
    limit = json.loads(routes["GET /books"].schema or "")["properties"]["limit"]
    assert limit == {"in": "query", "type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    copy = json.loads(routes["GET /books/{book_id}/copies/{number}"].schema or "")
    assert copy["required"] == ["book_id", "number"]


def test_words_are_those_of_the_routes(structure: Structure) -> None:
    """A summary comes before the docstring."""
    export = Graph(structure).by_id["GET /books/export"]
    assert export.title == "Export the shelf"
    assert export.description == "Every book as one line of JSON, sent while it is read."
    books = Graph(structure).by_id["books"]
    assert books.description == "What stands on the shelf."


def test_the_document_is_that_of_the_app_which_still_has_to_make_its_own(structure: Structure) -> None:
    app = make_app()
    assert json.loads(inspect_app(app, name="x").openapi or "") == app.openapi()
    assert json.loads(structure.openapi or "") == app.openapi()
    fresh = make_app()
    inspect_app(fresh, name="x")
    assert fresh.openapi_schema is None


def test_a_route_without_a_response_model_is_found(structure: Structure) -> None:
    """One that says so, answers nothing or makes its own response is none; nothing else is wrong with the library."""
    found = [(finding.code, finding.node_id) for finding in diagnose(Graph(structure))]
    assert found == [("MISSING_RESPONSE_MODEL", "PUT /books/{book_id}/note")]


def test_without_starlette_s_inspector_it_is_the_same(
    structure: Structure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inspectors, "INSPECTORS", without("starlette"))
    found = {element.id for element in inspect_app(make_app(), name=expected.APP).elements}
    assert found >= {element.id for element in structure.elements}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_without_fastapi_s_inspector_its_own_routes_are_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspectors, "INSPECTORS", without("fastapi"))
    found = {element.id for element in inspect_app(make_app(), name=expected.APP).elements}
    assert {"GET /", "GET /burn", "GET /desk/count", "GET /{rest:path}"} <= found
