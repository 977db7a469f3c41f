"""Logs, errors and children below the runs of a list: read for the whole list, however long it is."""

from collections.abc import Sequence
from typing import Any

import pytest

from devtools.graphql import parts
from devtools.records import Log
from devtools.telemetry.recorder import Recorder
from tests.conftest import FakeClocks
from tests.graphql.conftest import World

PARTS = "logs(first: 5) { totalCount evictedBefore nodes { message } } errors(first: 5) { totalCount nodes { message } }"
QUERY = f"""query($n: Int) {{ history {{ runs(first: $n, filter: {{nodeIds: ["shop.orders.buy"]}}) {{ nodes {{ runId {PARTS}
    children(first: 5) {{ totalCount pageInfo {{ hasNextPage }} nodes {{ runId {PARTS} }} }} }} }} }} }}"""


class Watched:
    """A history that writes down what it is asked."""

    def __init__(self, history: Any) -> None:
        self.history = history
        self.asked: list[tuple[str, Sequence[Any]]] = []

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.history, name)

        def ask(*arguments: Any) -> Any:
            self.asked.append((name, arguments))
            return asked(*arguments)

        return ask


@pytest.fixture
def world(clocks: FakeClocks) -> World:
    """A server that keeps all of it."""
    return World(Recorder(capacity=1_000, clocks=clocks))


@pytest.fixture
def watched(world: World) -> Watched:
    """A hundred runs with two logs, an error and a child each, of which every child has a log."""
    for number in range(1, 101):
        for line in (1, 2):
            world.log(f"log {line} of {number}", run_id=number)
        world.fail(f"error of {number}", run_id=number)
        world.log(f"log below {number}", run_id=1_000 + number)
        world.run("shop.orders.price", run_id=1_000 + number, parent_run_id=number)
        world.run(run_id=number)
    watched = Watched(world.recorder.rings)
    world.store.history = watched  # type: ignore[assignment] # passes everything on
    return watched


def test_a_list_of_a_hundred_asks_as_often_as_a_list_of_one(world: World, watched: Watched) -> None:
    world.ask(QUERY, n=1)
    for_one = [name for name, _ in watched.asked]
    watched.asked.clear()
    nodes = world.ask(QUERY, n=100)["history"]["runs"]["nodes"]
    assert [name for name, _ in watched.asked] == for_one
    assert len(for_one) == 1 + 3 * 2 + 2 * 2 + 1  # the list; its parts; theirs; how far back logs reach
    assert [[log["message"] for log in node["logs"]["nodes"]] for node in nodes] == [
        [f"log {line} of {number}" for line in (1, 2)] for number in range(100, 0, -1)
    ]
    assert nodes[0]["children"]["nodes"][0]["logs"] == {
        "totalCount": 1,
        "evictedBefore": None,
        "nodes": [{"message": "log below 100"}],
    }
    assert all(node["errors"]["totalCount"] == node["children"]["totalCount"] == 1 for node in nodes)


def test_what_is_not_selected_of_parts_is_not_read(world: World, watched: Watched) -> None:
    world.ask("{ history { runs { nodes { logs { totalCount } } } } }")
    assert [name for name, _ in watched.asked] == ["page", "counts_by"]


def test_edges_and_live_lists_are_lists_as_well(world: World, watched: Watched) -> None:
    world.ask("{ history { runs { edges { node { logs { nodes { id } } } } } } }")
    world.ask("{ live { runs(last: 100) { logs { nodes { id } } } } }")
    assert [name for name, _ in watched.asked] == ["page", "pages_by", "pages_by"]


def test_one_question_brings_a_bounded_number_of_rows(
    world: World, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs with many long lists are read in several steps."""
    monkeypatch.setattr(parts, "ROWS_AT_ONCE", 300)
    world.ask("{ history { runs { nodes { logs(first: 9) { nodes { id } } } } } }")
    asked = [arguments[2] for name, arguments in watched.asked if name == "pages_by"]
    assert [len(runs) for runs in asked] == [30, 30, 30, 10]
    assert len({run for runs in asked for run in runs}) == 100


def test_parts_that_were_asked_for_with_different_lengths_are_kept_apart(
    world: World, watched: Watched
) -> None:
    query = "{ history { runs(first: 2) { nodes { one: logs(first: 1) { nodes { id } } all: logs { nodes { id } } } } } }"
    nodes = world.ask(query)["history"]["runs"]["nodes"]
    assert [(len(node["one"]["nodes"]), len(node["all"]["nodes"])) for node in nodes] == [(1, 2), (1, 1)]
    assert [arguments[0] for name, arguments in watched.asked if name == "pages_by"] == [Log, Log]


def test_a_list_that_is_too_long_is_refused_as_everywhere(world: World, watched: Watched) -> None:
    error = world.error("{ history { runs(first: 1) { nodes { logs(first: 1001) { nodes { id } } } } } }")
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
