"""`history`: pages of everything, forward, with cursors that stay valid."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.records import Level, NodeKind
from devtools.telemetry.recorder import Recorder
from tests.conftest import FakeClocks
from tests.graphql.conftest import World

LOGS = "query($first: Int, $after: String, $order: Order, $q: String, $filter: LogFilterInput) { history { logs(first: $first, after: $after, order: $order, q: $q, filter: $filter) { nodes { id message } edges { cursor node { message } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } totalCount evictedBefore } } }"  # noqa: E501


def logs(world: World, **variables: Any) -> Any:
    return world.ask(LOGS, **variables)["history"]["logs"]


def messages(world: World, **variables: Any) -> list[str]:
    return [log["message"] for log in logs(world, **variables)["nodes"]]


def test_pages_lead_from_the_newest_to_the_oldest(world: World, clocks: FakeClocks) -> None:
    for number in range(5):
        world.log(f"log {number}")
        clocks.advance(ms=1)
    first = logs(world, first=2)
    assert [log["message"] for log in first["nodes"]] == ["log 4", "log 3"]
    assert [edge["node"]["message"] for edge in first["edges"]] == ["log 4", "log 3"]
    assert first["totalCount"] == 5
    assert first["pageInfo"]["hasNextPage"] is True
    assert first["pageInfo"]["hasPreviousPage"] is False
    assert first["edges"][-1]["cursor"] == first["pageInfo"]["endCursor"]
    second = logs(world, first=3, after=first["pageInfo"]["endCursor"])
    assert [log["message"] for log in second["nodes"]] == ["log 2", "log 1", "log 0"]
    assert second["pageInfo"]["hasNextPage"] is False
    assert second["pageInfo"]["hasPreviousPage"] is True


def test_the_other_order_begins_with_the_oldest(world: World) -> None:
    for number in range(3):
        world.log(f"log {number}")
    assert messages(world, order="OLDEST") == ["log 0", "log 1", "log 2"]


def test_an_empty_page_has_no_cursors(world: World) -> None:
    page = logs(world, first=0)
    assert page["pageInfo"] == {
        "startCursor": None,
        "endCursor": None,
        "hasNextPage": False,
        "hasPreviousPage": False,
    }


def test_the_text_and_the_filter_hold_together(world: World) -> None:
    world.log("card declined", Level.error, source_id="shop.pay")
    world.log("card declined", Level.error, source_id="noisy")
    world.log("card accepted", Level.info, source_id="shop.pay")
    assert len(messages(world, q='level>=warn source:shop.* "card declined" -source:noisy since:10m')) == 1
    assert len(messages(world, q="card", filter={"levels": ["info"]})) == 1
    assert len(messages(world, q="")) == 3


def test_a_mistake_in_the_text_is_named_with_its_place(world: World) -> None:
    error = world.error(LOGS, q="card level:loud")
    assert "at character 6" in error["message"]
    assert error["extensions"]["code"] == "VALIDATION_ERROR"
    assert error["extensions"]["field"] == "q"


@pytest.mark.parametrize(
    "after", ["x", "", "bG9nOg", "cnVuOjE", "\u0000", "bG9nOjE=garbage", "🙂", "bG9nOi0x"]
)
def test_a_malformed_cursor_is_a_mistake_of_the_client(world: World, after: str) -> None:
    world.log()
    if after == "":
        assert messages(world, after=after) == ["hello"]
        return
    error = world.error(LOGS, after=after)
    assert error["extensions"]["code"] == "VALIDATION_ERROR"
    assert error["extensions"]["field"] == "after"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=st.text(max_size=40))
def test_no_cursor_breaks_anything(world: World, after: str) -> None:
    answer = world.answer(LOGS, after=after)
    assert all(error["extensions"]["code"] == "VALIDATION_ERROR" for error in answer.get("errors", []))


def test_runs_of_every_kind_are_listed(world: World) -> None:
    for kind in NodeKind:
        world.run(node_kind=kind)
    runs = world.ask("{ history { runs { totalCount nodes { nodeKind } } } }")["history"]["runs"]
    assert runs["totalCount"] == len(NodeKind)


def test_records_are_found_by_the_app_and_role_of_their_process(world: World) -> None:
    world.log()
    assert len(messages(world, filter={"apps": ["shop"], "roles": ["main", "worker"]})) == 1
    assert messages(world, filter={"apps": ["other"]}) == []
    assert messages(world, filter={"roles": ["worker"]}) == []


def test_parts_of_a_run_are_listed_below_it_oldest_first(world: World) -> None:
    world.run(run_id=1)
    for number in range(3):
        world.log(f"log {number}", run_id=1)
    world.log("of another", run_id=2)
    world.fail(run_id=1)
    world.run("shop.orders.price", run_id=3, parent_run_id=1)
    (run,) = world.ask(
        """{ history { runs(first: 5, filter: {nodeIds: ["buy"]}) { nodes {
            logs(first: 2) { totalCount nodes { message } pageInfo { hasNextPage } }
            errors { nodes { message type fingerprint } }
            children { nodes { nodeId } }
        } } } }"""
    )["history"]["runs"]["nodes"]
    assert run["logs"]["nodes"] == [{"message": "log 0"}, {"message": "log 1"}]
    assert run["logs"]["totalCount"] == 3
    assert run["logs"]["pageInfo"]["hasNextPage"] is True
    assert run["errors"]["nodes"] == [{"message": "declined", "type": "shop.Declined", "fingerprint": "f1"}]
    assert run["children"]["nodes"] == [{"nodeId": "shop.orders.price"}]


def test_how_far_back_a_list_can_reach_is_told(clocks: FakeClocks) -> None:
    world = World(Recorder(capacity=2, clocks=clocks))
    world.log("gone")
    assert logs(world)["evictedBefore"] is None
    clocks.advance(ms=5)
    kept = world.log("kept")
    world.log("newest")
    assert logs(world)["evictedBefore"] == kept.timestamp_ms


def test_nothing_is_read_that_is_not_asked_for(world: World) -> None:
    calls: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(world.recorder.rings, name)

    world.log()
    world.store.history = Watched()  # type: ignore[assignment] # passes everything on
    assert world.ask("{ history { logs { totalCount } } }")["history"]["logs"]["totalCount"] == 1
    assert calls == ["count"]
    calls.clear()
    world.ask("{ history { logs { nodes { id } pageInfo { endCursor } edges { cursor } } } }")
    assert calls == ["page"]


def test_history_waits_for_what_was_recorded_before(world: World) -> None:
    waited: list[float] = []

    def await_own(timeout: float = 0.2) -> None:
        waited.append(timeout)

    world.store.await_own = await_own  # type: ignore[method-assign] # counts
    world.ask("{ live { logs { id } } system { version } }")
    assert waited == []
    world.ask("{ history { logs { totalCount } runs { totalCount } } }")
    assert len(waited) == 1
