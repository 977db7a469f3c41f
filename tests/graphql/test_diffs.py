"""What differs between versions, as GraphQL answers it, and snapshots that travel."""

import dataclasses

import msgspec
import pytest

from devtools.graphql.services import StructureStatus
from devtools.introspection import snapshots
from devtools.introspection.elements import Structure
from devtools.introspection.graph import Graph
from tests.graphql.conftest import STRUCTURE, World


def without(structure: Structure, identifier: str, **fields: object) -> Structure:
    kept = tuple(element for element in structure.elements if element.id != identifier)
    return msgspec.structs.replace(structure, elements=kept, **fields)


@pytest.fixture
def stored(world: World) -> World:
    """Version 1 is the app of now; version 2 has another schema and no hook-less event."""
    changed = without(STRUCTURE, "shop.nobody_listens", sdl="type Query { shops: String }", openapi=None)
    for structure in (STRUCTURE, changed):
        world.store.snapshots.save(snapshots.to_row(structure, "shop", "main", 1))
    return world


def test_two_versions(stored: World) -> None:
    found = stored.ask(
        """{ snapshotDiff(from: 1, to: 2) { from to
          entries { change id kind fields { name } }
          sdl { severity code message }
          openapi { severity code location operations }
        } }"""
    )["snapshotDiff"]
    assert (found["from"], found["to"]) == (1, 2)
    assert found["entries"] == [
        {"change": "REMOVED", "id": "shop.nobody_listens", "kind": "event", "fields": []}
    ]
    assert [change["severity"] for change in found["sdl"]] == ["BREAKING", "SAFE"]
    assert found["sdl"][0]["message"] == "Field Query.shop was removed."
    assert [change["code"] for change in found["openapi"]] == ["DOCUMENT_REMOVED"]


def test_a_changed_element_names_its_fields_as_the_schema_does(stored: World) -> None:
    changed = [
        msgspec.structs.replace(element, depends_on=()) if element.id == "shop.orders.buy" else element
        for element in STRUCTURE.elements
    ]
    stored.graph = Graph(msgspec.structs.replace(STRUCTURE, elements=tuple(changed)))
    (entry,) = stored.ask("{ snapshotDiff(from: 1) { entries { id fields { name old new } } } }")[
        "snapshotDiff"
    ]["entries"]
    (field,) = entry["fields"]
    assert (entry["id"], field["name"], field["new"]) == ("shop.orders.buy", "dependsOn", [])
    assert field["old"]


def test_without_to_it_is_the_running_app(stored: World) -> None:
    found = stored.ask("{ snapshotDiff(from: 1) { to entries { id } sdl { code } openapi { code } } }")
    assert found["snapshotDiff"] == {"to": 0, "entries": [], "sdl": [], "openapi": []}


def test_behaviour_puts_what_got_worse_on_top(stored: World) -> None:
    stored.structure = StructureStatus("live", 2, 1.0)
    for version, duration in ((1, 5_000_000), (2, 50_000_000)):
        for _ in range(20):
            stored.run("shop.orders.buy", duration_ns=duration, snapshot_version=version)
            stored.run("shop.orders.sell", snapshot_version=version)
    stored.run("shop.orders.new", snapshot_version=2)
    found = stored.ask(
        """{ snapshotDiff(from: 1) { to behaviour { nodeId verdict message
          old { count p50Ms } new { count errors errorRate p95Ms exact } } } }"""
    )["snapshotDiff"]
    assert found["to"] == 2
    assert [(row["nodeId"], row["verdict"]) for row in found["behaviour"]] == [
        ("shop.orders.buy", "WORSE"),
        ("shop.orders.new", "TOO_FEW"),
        ("shop.orders.sell", "SAME"),
    ]
    assert found["behaviour"][0]["old"] == {"count": 20, "p50Ms": 5}
    assert found["behaviour"][0]["new"] == {
        "count": 20,
        "errors": 0,
        "errorRate": 0,
        "p95Ms": 50,
        "exact": True,
    }
    assert found["behaviour"][1]["old"] is None


def test_what_cannot_be_compared_is_said(stored: World) -> None:
    assert stored.error("{ snapshotDiff(from: 7) { to } }")["extensions"]["code"] == "NOT_FOUND"
    assert stored.error("{ snapshotDiff(from: 1, to: 7) { to } }")["extensions"]["code"] == "NOT_FOUND"
    stored.structure = StructureStatus("empty", None, None)
    assert stored.error("{ snapshotDiff(from: 1) { to } }")["extensions"]["code"] == "UNAVAILABLE"


IMPORT = "mutation Import($document: String!) { importSnapshot(document: $document) { version active contentHash } }"


@pytest.fixture
def importing(stored: World) -> World:
    """Two versions, and the switch that lets others in."""
    stored.settings = dataclasses.replace(stored.settings, import_snapshots=True)
    return stored


def test_importing_is_off_until_its_switch_is_on(stored: World) -> None:
    query = "{ system { capabilities { import { enabled how } } } }"
    error = stored.error(IMPORT, document="{}")
    assert error["extensions"]["code"] == "FEATURE_DISABLED"
    assert "DEVTOOLS_IMPORT_SNAPSHOTS=1" in error["message"]
    told = stored.ask(query)["system"]["capabilities"]["import"]
    assert not told["enabled"]
    assert told["how"] in error["message"]
    stored.settings = dataclasses.replace(stored.settings, import_snapshots=True)
    assert stored.ask(query)["system"]["capabilities"]["import"]["enabled"]


def test_an_import_that_would_push_out_a_version_is_a_conflict(importing: World) -> None:
    document = importing.ask("{ snapshot(version: 1) { document } }")["snapshot"]["document"]
    for _ in range(8):
        importing.ask(IMPORT, document=document)
    error = importing.error(IMPORT, document=document)
    assert error["extensions"]["code"] == "CONFLICT"
    assert "Delete one" in error["message"]
    assert len(importing.ask("{ snapshots { version } }")["snapshots"]) == 10


def test_a_snapshot_travels_as_a_document(importing: World) -> None:
    document = importing.ask("{ snapshot(version: 1) { document } }")["snapshot"]["document"]
    imported = importing.ask(IMPORT, document=document)["importSnapshot"]
    assert (imported["version"], imported["active"]) == (3, False)
    assert (
        importing.ask("{ snapshotDiff(from: 1, to: 3) { entries { id } } }")["snapshotDiff"]["entries"] == []
    )


def test_the_running_app_is_a_document_too(importing: World) -> None:
    document = importing.ask("{ system { structure { document } } }")["system"]["structure"]["document"]
    imported = importing.ask(IMPORT, document=document)["importSnapshot"]
    assert (
        imported["contentHash"]
        == importing.ask("{ snapshot(version: 1) { contentHash } }")["snapshot"]["contentHash"]
    )


def test_importing_needs_write_access_and_a_document(importing: World) -> None:
    assert importing.error(IMPORT, "read", document="{}")["extensions"]["code"] == "FORBIDDEN"
    assert importing.error(IMPORT, document="{}")["extensions"]["code"] == "VALIDATION_ERROR"
