"""`topology` in GraphQL: lenses, focus, depth and traffic."""

from typing import Any

from devtools.records import RunStatus
from tests.conftest import FakeClocks
from tests.graphql.conftest import World

QUERY = """query($focus: ID, $depth: Int, $lens: TopologyLens) { topology(focus: $focus, depth: $depth, lens: $lens) {
    lens sinceMs edges { source target kind }
    nodes { id kind title distance layer position callsPerMinute errorsPerMinute element { id filePath } } } }"""


def asked(world: World, **variables: Any) -> Any:
    return world.ask(QUERY, **variables)["topology"]


def test_without_arguments_it_is_all_dependencies(world: World) -> None:
    found = asked(world)
    assert found["lens"] == "DEPENDENCIES"
    assert {"source": "shop.orders.buy", "target": "shop.database", "kind": "depends on"} in found["edges"]
    buy = next(node for node in found["nodes"] if node["id"] == "shop.orders.buy")
    assert buy == {
        "id": "shop.orders.buy", "kind": "task", "title": "Buy", "distance": None, "layer": 0, "position": 0,
        "callsPerMinute": None, "errorsPerMinute": None, "element": {"id": "shop.orders.buy", "filePath": "shop/orders.py"},
    }  # fmt: skip


def test_a_focus_with_a_depth(world: World) -> None:
    found = asked(world, focus="order_placed", depth=1, lens="EVENTS")
    assert {node["id"]: node["distance"] for node in found["nodes"]} == {
        "shop.orders.buy": -1, "shop.order_placed": 0, "shop.mail.confirm": 1, "shop.audit.log_all": 1,
    }  # fmt: skip
    assert asked(world, focus="nothing")["nodes"] == []
    error = world.error(QUERY, depth=-1)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("VALIDATION_ERROR", "depth")


def test_every_lens_answers(world: World) -> None:
    ids = {
        lens: {node["id"] for node in asked(world, lens=lens)["nodes"]}
        for lens in ("DEPENDENCIES", "EVENTS", "MIDDLEWARE", "BLAST_RADIUS")
    }
    assert ids["MIDDLEWARE"] == {"shop.Auth", "shop.orders.buy", "shop.Retry", "shop.database"}
    assert "shop.order_placed" in ids["EVENTS"]
    assert "shop.user" in ids["BLAST_RADIUS"]


def test_traffic_is_calls_and_errors_a_minute_since_the_app_started(world: World, clocks: FakeClocks) -> None:
    """Ten calls in five minutes are two a minute."""
    for number in range(10):
        clocks.advance(ms=30_000)
        world.run(status=RunStatus.error if number < 5 else RunStatus.ok)
    found = asked(world, lens="TRAFFIC")
    traffic = {node["id"]: (node["callsPerMinute"], node["errorsPerMinute"]) for node in found["nodes"]}
    assert traffic["shop.orders.buy"] == (2.0, 1.0)
    assert traffic["shop.database"] == (0.0, 0.0)
    assert found["sinceMs"] == world.store.processes()[0].started_ms


def test_old_traffic_is_not_counted(world: World, clocks: FakeClocks) -> None:
    """After two hours it is over."""
    world.run()
    clocks.advance(ms=2 * 3_600_000)
    assert asked(world, lens="TRAFFIC")["nodes"] == []
