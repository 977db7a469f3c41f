"""What clients may change, who may, and what nobody may."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from devtools.graphql.policies import POLICIES
from devtools.graphql.schema import schema
from devtools.introspection import snapshots
from devtools.introspection.elements import Structure
from devtools.records import Audit, Level
from tests.conftest import FakeClocks
from tests.graphql.conftest import STRUCTURE, World

mutation = schema().mutation_type
assert mutation is not None
MUTATIONS: dict[str, GraphQLField] = mutation.fields
VALUES = {"ID": '"x"', "String": '"x"', "Int": "1", "Boolean": "true", "Float": "1"}


def call(name: str) -> str:
    """A mutation that calls one field with every argument it needs."""
    field = MUTATIONS[name]
    given = ", ".join(
        f"{argument}: {_value(declared)}"
        for argument, declared in field.args.items()
        if is_required_argument(declared)
    )
    kind = get_named_type(field.type)
    selected = "" if is_leaf_type(kind) else "{ __typename }"
    assert is_leaf_type(kind) or isinstance(kind, GraphQLObjectType)
    return f"mutation {{ {name}{f'({given})' if given else ''} {selected} }}"


def _value(argument: GraphQLArgument) -> str:
    return VALUES[get_named_type(argument.type).name]


def test_every_mutation_has_a_policy_and_every_policy_a_mutation() -> None:
    assert set(MUTATIONS) == set(POLICIES)


@pytest.mark.parametrize("name", MUTATIONS)
def test_nothing_is_changed_without_write_access(world: World, name: str) -> None:
    kept = world.log()
    error = world.error(call(name), access="read")
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert name in error["message"]
    assert world.recorder.paused is False
    assert world.ask("{ live { logs { id } } }")["live"]["logs"] == [{"id": str(kept.id)}]


HIDDEN = [
    "mutation { ...F } fragment F on Mutation { recording(paused: true) { version } }",
    "mutation { ... on Mutation { recording(paused: true) { version } } }",
    "mutation { __typename harmless: recording(paused: true) { version } }",
    "query A { live { capacity } } mutation B { recording(paused: true) { version } }",
]


@pytest.mark.parametrize("query", HIDDEN)
def test_no_detour_leads_to_a_mutation(world: World, query: str) -> None:
    from devtools.graphql.executor import execute

    body = execute(world.request("read"), query, None, "B" if "query A" in query else None).body
    assert b"FORBIDDEN" in body
    assert world.recorder.paused is False


@pytest.mark.parametrize("name", [name for name, policy in POLICIES.items() if policy == "never"])
def test_changing_code_is_never_offered(world: World, name: str) -> None:
    error = world.error(call(name))
    assert error["extensions"] == {"code": "FEATURE_DISABLED"}
    assert "never offered" in error["message"]
    assert error["path"] == [name]


def test_recording_is_paused_and_resumed(world: World) -> None:
    assert world.ask("mutation { recording(paused: true) { recording } }")["recording"] == {
        "recording": False
    }
    assert world.recorder.paused
    assert world.ask("mutation { recording(paused: false) { recording } }")["recording"] == {
        "recording": True
    }


def test_clear_needs_the_word(world: World) -> None:
    world.log()
    world.run()
    error = world.error('mutation { clear(confirm: "yes") { kind } }')
    assert error["extensions"]["field"] == "confirm"
    assert world.ask('mutation { clear(kind: LOG, confirm: "clear") { kind removed } }')["clear"] == [
        {"kind": "LOG", "removed": 1}
    ]
    assert len(world.ask('mutation { clear(confirm: "clear") { kind removed } }')["clear"]) == 4
    assert world.ask("{ history { runs { totalCount } } }")["history"]["runs"]["totalCount"] == 0


def test_prune_removes_what_is_older(world: World, clocks: FakeClocks) -> None:
    world.log("old")
    clocks.advance(seconds=10)
    new = world.log("new")
    query = "mutation($t: Float) { prune(kind: LOG, olderThanMs: $t) { kind removed } }"
    assert world.ask(query, t=new.timestamp_ms)["prune"] == [{"kind": "LOG", "removed": 1}]
    assert world.ask("{ live { logs { message } } }")["live"]["logs"] == [{"message": "new"}]
    assert len(world.ask("mutation { prune { removed } }")["prune"]) == 4


def test_the_audit_keeps_to_its_retention_alone(world: World) -> None:
    for query in (
        "mutation { prune(kind: AUDIT, olderThanMs: 9e15) { removed } }",
        'mutation { clear(kind: AUDIT, confirm: "clear") { removed } }',
    ):
        error = world.error(query)
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("VALIDATION_ERROR", "kind")
    assert world.ask("mutation { prune(kind: AUDIT) { kind removed } }")["prune"] == [
        {"kind": "AUDIT", "removed": 0}
    ]
    assert len(world.recorder.rings.of(Audit).snapshot()) == 3


@pytest.fixture
def stored(world: World, clocks: FakeClocks) -> Iterator[World]:
    """Three versions of the structure, the last one active."""
    for count in (3, 5, len(STRUCTURE.elements)):
        clocks.advance(seconds=1)
        structure = Structure(
            app=STRUCTURE.app,
            root_id=STRUCTURE.root_id,
            elements=STRUCTURE.elements[:count],
            sdl=STRUCTURE.sdl,
            openapi=STRUCTURE.openapi,
        )
        world.store.snapshots.save(snapshots.to_row(structure, "shop", "main", clocks.now))
    return world


SNAPSHOT = """version app role createdAtMs lastSeenMs active label contentHash
    appVersion gitRevision gitDirty pythonVersion elementCount"""


def test_snapshots_are_listed_newest_first(stored: World, clocks: FakeClocks) -> None:
    found = stored.ask(f"{{ snapshots {{ {SNAPSHOT} }} }}")["snapshots"]
    assert [row["version"] for row in found] == [3, 2, 1]
    assert [row["active"] for row in found] == [True, False, False]
    assert found[0]["createdAtMs"] == clocks.now / 1e6
    assert found[0]["appVersion"] == "1.2"
    assert found[0]["elementCount"] == len(STRUCTURE.elements)
    assert stored.ask('{ snapshots(app: "other") { version } }')["snapshots"] == []


def test_a_snapshot_answers_with_its_own_structure(stored: World) -> None:
    found = stored.ask(
        """{ snapshot(version: 3) {
            sdl openapi elements(kinds: [hook, task], idIncludes: "shop") {
                __typename id ... on Task { dependsOnResolved { resources { id } } }
            }
        } }"""
    )["snapshot"]
    assert found["sdl"] == "type Query { shop: String }"
    assert found["openapi"] == {"openapi": "3.1.0"}
    assert {element["__typename"] for element in found["elements"]} == {"Task", "Hook"}
    resources = [
        element["dependsOnResolved"]["resources"]
        for element in found["elements"]
        if element["id"] == "shop.orders.buy"
    ]
    assert resources == [[{"id": "shop.database"}]]
    assert len(stored.ask("{ snapshot(version: 1) { elements { id } } }")["snapshot"]["elements"]) == 3


def test_listed_snapshots_answer_with_their_structure(stored: World) -> None:
    found = stored.ask("{ snapshots { elements { id } } }")["snapshots"]
    assert [len(row["elements"]) for row in found] == [len(STRUCTURE.elements), 5, 3]


def test_there_may_be_no_snapshot(world: World) -> None:
    assert world.ask("{ snapshot(version: 1) { version } activeSnapshot { version } }") == {
        "snapshot": None,
        "activeSnapshot": None,
    }


def test_what_is_done_is_answered_also_when_its_time_is_over(stored: World) -> None:
    """Lists of which some fields are columns and others not are answered too: nobody is told that nothing happened."""
    stored.run()
    stored.limit(deadline=-1.0)
    found = stored.ask(
        """mutation { labelSnapshot(version: 3, label: "late") {
            label elements(kinds: [task], idIncludes: "buy") { ... on Task { runs { name nodeResolved { id } } } }
        } }"""
    )["labelSnapshot"]
    assert found["label"] == "late"
    assert found["elements"][0]["runs"] == [
        {"name": "shop.orders.buy", "nodeResolved": {"id": "shop.orders.buy"}}
    ]


def test_a_version_is_activated_labelled_and_deleted(stored: World) -> None:
    assert stored.ask("mutation { activateSnapshot(version: 1) { version active } }")["activateSnapshot"] == {
        "version": 1,
        "active": True,
    }
    assert stored.ask("{ activeSnapshot { version } }")["activeSnapshot"] == {"version": 1}
    assert stored.ask('mutation { labelSnapshot(version: 2, label: "before") { label } }')[
        "labelSnapshot"
    ] == {"label": "before"}
    assert stored.ask("mutation { labelSnapshot(version: 2) { label } }")["labelSnapshot"] == {"label": None}
    assert stored.ask("mutation { deleteSnapshot(version: 3) }") == {"deleteSnapshot": True}
    assert [row["version"] for row in stored.ask("{ snapshots { version } }")["snapshots"]] == [2, 1]


def test_a_version_that_is_not_there_and_the_active_one(stored: World) -> None:
    assert (
        stored.error("mutation { activateSnapshot(version: 9) { version } }")["extensions"]["code"]
        == "NOT_FOUND"
    )
    assert (
        stored.error('mutation { labelSnapshot(version: 9, label: "x") { version } }')["extensions"]["code"]
        == "NOT_FOUND"
    )
    assert stored.error("mutation { deleteSnapshot(version: 9) }")["extensions"]["code"] == "NOT_FOUND"
    assert stored.error("mutation { deleteSnapshot(version: 3) }")["extensions"]["code"] == "CONFLICT"
    long = stored.error(
        "mutation($l: String) { labelSnapshot(version: 1, label: $l) { version } }", l="x" * 201
    )
    assert long["extensions"]["field"] == "label"


SYSTEM = """{ system {
    store { kind url why healthy lastError sizeBytes pragmas { name value } sqliteVersion }
    kinds { kind kept evicted dropped stored oldestMs newestMs bytes }
    processes { id app role host pid startedMs lastSeenMs version }
    capabilities {
        write { enabled how } store { enabled how } invoke { enabled how } remote { enabled } changeCode { enabled how }
    }
    overhead { enqueueP50Us enqueueP99Us queueDepth dropped cpuShare diskBytes }
    schema { version pending leaseHolder nextPruneMs nextVacuumMs }
    structure { state snapshotVersion sinceMs }
    recording version subscribers
} }"""


def test_the_system_says_what_it_is(world: World) -> None:
    log = world.log(level=Level.warn)
    system = world.ask(SYSTEM)["system"]
    assert system["store"]["kind"] == "memory"
    assert system["store"]["healthy"] is True
    assert [kind["kind"] for kind in system["kinds"]] == ["RUN", "LOG", "ERROR", "EMISSION", "AUDIT"]
    assert system["kinds"][1] == {
        "kind": "LOG", "kept": 1, "evicted": 0, "dropped": 0, "stored": None, "oldestMs": log.timestamp_ms,
        "newestMs": log.timestamp_ms, "bytes": None,
    }  # fmt: skip
    assert system["processes"][0]["app"] == "shop"
    assert system["capabilities"]["write"]["enabled"] is True
    assert system["capabilities"]["store"] == {
        "enabled": False,
        "how": "Set database, as in database='sqlite:///devtools.db' or DEVTOOLS_DATABASE.",
    }
    assert system["overhead"]["queueDepth"] == 3
    assert system["structure"] == {"state": "live", "snapshotVersion": None, "sinceMs": 1000}
    assert (system["recording"], system["version"], system["subscribers"]) == (True, "9.9", 0)


def test_a_reader_sees_that_it_may_not_write(world: World) -> None:
    assert world.answer("{ system { capabilities { write { enabled } } } }", access="read")["data"]["system"][
        "capabilities"
    ] == {"write": {"enabled": False}}
