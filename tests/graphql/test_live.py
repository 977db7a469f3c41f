"""`live`: the newest records in memory, oldest first, and how the process is."""

from typing import Any

import pytest

from devtools.records import Http, Level, NodeKind, RunStatus
from devtools.telemetry import runs
from devtools.telemetry.recorder import Recorder
from tests.conftest import FakeClocks
from tests.graphql.conftest import World


def messages(world: World, arguments: str = "") -> list[str]:
    return [
        log["message"] for log in world.ask(f"{{ live {{ logs{arguments} {{ message }} }} }}")["live"]["logs"]
    ]


def test_the_newest_are_listed_oldest_first(world: World) -> None:
    for number in range(5):
        world.log(f"log {number}")
    assert messages(world, "(last: 2)") == ["log 3", "log 4"]


def test_200_are_listed_when_nothing_is_said(clocks: FakeClocks) -> None:
    world = World(Recorder(capacity=300, clocks=clocks))
    for number in range(250):
        world.log(f"log {number}")
    assert messages(world) == [f"log {number}" for number in range(50, 250)]
    assert len(messages(world, "(last: 1000)")) == 250


@pytest.mark.parametrize("last", [0, -1, -1_000])
def test_none_are_listed_for_zero_or_less(world: World, last: int) -> None:
    world.log()
    assert messages(world, f"(last: {last})") == []


def test_a_records_own_time_does_not_return_it(world: World, clocks: FakeClocks) -> None:
    first = world.log("first")
    clocks.advance(ns=700)
    world.log("less than a microsecond later")
    clocks.advance(ms=1)
    second = world.log("second")
    data = world.ask(
        "query($t: Float) { live { logs(afterTimestamp: $t) { message timestampMs } } }", t=first.timestamp_ms
    )
    assert [log["message"] for log in data["live"]["logs"]][-1] == "second"
    assert "first" not in [log["message"] for log in data["live"]["logs"]]
    newest = data["live"]["logs"][-1]["timestampMs"]
    assert newest == second.timestamp_ms
    assert messages(world, f"(afterTimestamp: {newest!r})") == []


def test_all_later_ones_are_listed_with_a_time_and_no_number(world: World, clocks: FakeClocks) -> None:
    for number in range(100):
        clocks.advance(ms=1)
        world.log(f"log {number}")
    since = clocks.now / 1e6 - 60
    assert messages(world, f"(afterTimestamp: {since!r})") == [f"log {number}" for number in range(40, 100)]
    assert messages(world, f"(afterTimestamp: {since!r}, last: 2)") == ["log 98", "log 99"]


def test_filters_hold_together_and_lists_mean_one_of(world: World) -> None:
    world.log("card declined", Level.error, correlation_id="a" * 32)
    world.log("card accepted", Level.info, correlation_id="a" * 32)
    world.log("Card declined", Level.warn, correlation_id="b" * 32)
    assert messages(world, '(filter: {levels: [error, warn], messageIncludes: "card"})') == ["card declined"]
    assert messages(world, f'(filter: {{correlationIds: ["{"b" * 32}"]}})') == ["Card declined"]
    assert len(messages(world, "(filter: {levels: [], minLevel: null})")) == 3
    assert messages(world, "(filter: {minLevel: error})") == ["card declined"]
    assert len(messages(world, '(filter: {search: "CARD"})')) == 3


def test_what_stands_for_anything_elsewhere_is_text_here(world: World) -> None:
    world.log("100% of a_b")
    world.log("100 of aXb")
    assert messages(world, '(filter: {messageIncludes: "0%"})') == ["100% of a_b"]
    assert messages(world, '(filter: {messageIncludes: "a_b"})') == ["100% of a_b"]


def nodes(world: World, arguments: str = "") -> list[str]:
    return [
        run["nodeId"] for run in world.ask(f"{{ live {{ runs{arguments} {{ nodeId }} }} }}")["live"]["runs"]
    ]


def test_an_id_is_also_found_by_its_dotted_ending(world: World) -> None:
    world.run("shop.orders.buy")
    world.run("other.buy")
    world.run("shop.rebuy")
    assert nodes(world, '(filter: {nodeIds: ["buy"]})') == ["shop.orders.buy", "other.buy"]
    assert nodes(world, '(filter: {nodeIds: ["orders.buy"]})') == ["shop.orders.buy"]
    world.log("x", source_id="shop.cart")
    assert messages(world, '(filter: {sourceIds: ["cart"]})') == ["x"]


def test_only_tasks_and_hooks_are_listed_unless_more_is_asked_for(world: World) -> None:
    for kind in NodeKind:
        world.run(f"shop.{kind.value}", node_kind=kind)
    assert nodes(world) == ["shop.TASK", "shop.HOOK"]
    assert nodes(world, "(filter: {nodeKinds: [QUERY, CALL]})") == ["shop.QUERY", "shop.CALL"]


def test_runs_of_a_task(world: World) -> None:
    world.run("shop.orders.buy", ok=False, error="no")
    world.run("shop.orders.price")
    data = world.ask(
        '{ task(id: "shop.orders.buy") { runs(last: 5, filter: {ok: false}) { nodeId error } } }'
    )
    assert data["task"]["runs"] == [{"nodeId": "shop.orders.buy", "error": "no"}]


def test_a_run_has_the_fields_of_the_interface_and_ours(world: World, clocks: FakeClocks) -> None:
    http = Http(
        method="POST", route="/orders", path="/orders", query="q=1", status=201, request_bytes=5_000_000_000
    )
    run = world.run(parent_run_id=16, root_run_id=16, root_id="shop", parent_id="shop",
                    input='{"sku":1}', attributes='{"a":[1]}', http=http)  # fmt: skip
    data = world.ask(
        """{ live { runs { id runId parentRunId rootRunId timestampMs startedAtMs durationMs status ok parentId rootId processId
        app role input inputJson outputJson attributes httpMethod httpStatus httpQuery httpRequestBytes nodeKind } } }"""
    )
    assert data["live"]["runs"] == [
        {
            "id": str(run.id), "runId": "00000000000000ff", "parentRunId": "0000000000000010", "rootRunId": "0000000000000010",
            "timestampMs": clocks.now / 1e6, "startedAtMs": (clocks.now - 1_500_000) / 1e6, "durationMs": 1.5, "status": "ok",
            "ok": True, "parentId": "shop", "rootId": "shop", "processId": "0", "app": "shop", "role": "main",
            "input": '{"sku":1}', "inputJson": {"sku": 1}, "outputJson": None, "attributes": {"a": [1]}, "httpMethod": "POST",
            "httpStatus": 201, "httpQuery": "q=1", "httpRequestBytes": 5e9, "nodeKind": "TASK",
        }
    ]  # fmt: skip


DATA_CASES: list[tuple[str | None, Any]] = [
    (None, None),
    ('{"a":1}', {"a": 1}),
    ("plain text", "plain text"),
    ("[1, 2", None),
]


@pytest.mark.parametrize(("data", "decoded"), DATA_CASES)
def test_data_is_text_with_the_value_beside_it(world: World, data: str | None, decoded: Any) -> None:
    world.log(data=data)
    assert world.ask("{ live { logs { data dataJson } } }")["live"]["logs"] == [
        {"data": data, "dataJson": decoded}
    ]


def test_links_lead_to_elements_and_unknown_ids_to_minimal_ones(world: World) -> None:
    world.run("gone.task")
    world.emit(emitter_id="shop.orders.buy")
    world.emit("gone.event")
    world.fail(source_id="shop.orders.buy")
    live = world.ask(
        """{ live {
            runs { nodeResolved { __typename id meta { title } } }
            emissions { eventResolved { id payloadSchema } emitterResolved { __typename id } }
            errors { sourceResolved { ... on Task { route { path } } } }
        } }"""
    )["live"]
    assert live["runs"] == [
        {"nodeResolved": {"__typename": "All", "id": "gone.task", "meta": {"title": None}}}
    ]
    assert live["emissions"] == [
        {
            "eventResolved": {"id": "shop.order_placed", "payloadSchema": '{"type":"object"}'},
            "emitterResolved": {"__typename": "Task", "id": "shop.orders.buy"},
        },
        {"eventResolved": {"id": "gone.event", "payloadSchema": None}, "emitterResolved": None},
    ]
    assert live["errors"] == [{"sourceResolved": {"route": {"path": "/orders"}}}]


def test_what_runs_is_listed_with_its_age(world: World, clocks: FakeClocks) -> None:
    run = runs.start("shop.orders.buy", NodeKind.TASK, "buy")
    assert run is not None
    clocks.advance(ms=250)
    data = world.ask(
        "{ live { capacity running { runId name nodeId nodeKind status startedAtMs ageMs parentRunId } } }"
    )
    runs.finish(run, status=RunStatus.ok)
    assert data["live"]["capacity"] == 100
    (running,) = data["live"]["running"]
    assert running["name"] == "buy"
    assert running["status"] == "running"
    assert running["ageMs"] == 250
    assert running["startedAtMs"] == (clocks.now - 250_000_000) / 1e6
    assert world.ask("{ live { running { name } } }")["live"]["running"] == []


def test_health_is_counted_and_null_without_an_app(world: World) -> None:
    query = "{ live { healthReport { totals { resources healthy degraded unhealthy } report { id status message } } } }"
    report = world.ask(query)["live"]["healthReport"]
    assert report["totals"] == {"resources": 2, "healthy": 1, "degraded": 1, "unhealthy": 0}
    assert report["report"][0] == {"id": "shop.database", "status": "degraded", "message": "slow"}
    world.health = None
    assert world.ask(query)["live"]["healthReport"] is None


def test_gauges_are_numbers(world: World) -> None:
    live = world.ask(
        """{ live { memory { heapUsed heapTotal rss } cpu { usage loadAverage } eventLoop(reset: true) { lag }
        gc(windowMs: 1000) { collections duration } } }"""
    )["live"]
    assert 0 < live["memory"]["heapUsed"] <= live["memory"]["rss"]
    assert 0 <= live["cpu"]["usage"] <= 1
    assert live["eventLoop"] == {"lag": 0}
    assert live["gc"]["collections"] >= 0


def test_a_negative_window_is_refused(world: World) -> None:
    error = world.error("{ live { gc(windowMs: -1) { collections } } }")
    assert error["extensions"] == {"code": "VALIDATION_ERROR", "field": "windowMs", "value": -1}
