"""The structure as a picture: what each lens shows, what is around a focus, and where it stands."""

from hypothesis import given
from hypothesis import strategies as st

from devtools.introspection.elements import Element, MiddlewareUse, Route
from devtools.introspection.folding import folded
from devtools.introspection.graph import Graph
from devtools.introspection.layers import layers_of, positions_of
from devtools.introspection.topology import Lens, Topology, topology
from tests.introspection.diff.conftest import element, structure

SHOP = Graph(
    structure(
        element(
            "task",
            "POST /orders",
            depends_on=("shop.stock", "shop.pay"),
            emits=("shop.placed",),
            middleware=(MiddlewareUse("cors"), MiddlewareUse("auth")),
        ),
        element("task", "GET /orders", depends_on=("shop.stock",), middleware=(MiddlewareUse("cors"),)),
        element("task", "shop.pay", depends_on=("shop.bank",)),
        element("hook", "shop.mail", events=("shop.placed",), depends_on=("shop.smtp",)),
        element("hook", "shop.log", events=("*",)),
        element("hook", "framework.log", events=("shop.placed",), framework=True),
        element("resource", "shop.stock", depends_on=("shop.database",)),
        element("resource", "shop.bank"),
        element("resource", "shop.smtp"),
        element("resource", "shop.database"),
        element("resource", "shop.lonely"),
        element("middleware", "cors", framework=True),
        element("middleware", "auth", depends_on=("shop.database",)),
        element("event", "shop.placed"),
    )
)


def seen(found: Topology) -> dict[str, int | None]:
    return {node.element.id: node.distance for node in found.nodes}


def links(found: Topology) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in found.edges}


def test_dependencies_stand_to_the_right_of_what_needs_them() -> None:
    found = topology(SHOP)
    layers = {node.element.id: node.layer for node in found.nodes}
    assert all(layers[edge.source] < layers[edge.target] for edge in found.edges)
    assert (layers["POST /orders"], layers["shop.stock"], layers["shop.database"]) == (0, 1, 2)
    assert "shop.lonely" not in layers
    assert ("shop.mail", "shop.smtp") in links(found)


def test_events_lead_from_what_emits_them_to_what_hears_them() -> None:
    """Hooks of every event among them; those of the framework are left out."""
    assert links(topology(SHOP, Lens.EVENTS)) == {
        ("POST /orders", "shop.placed"),
        ("shop.placed", "shop.mail"),
        ("shop.placed", "shop.log"),
    }


def test_middleware_is_a_chain_from_the_outside_in() -> None:
    assert links(topology(SHOP, Lens.MIDDLEWARE)) == {
        ("cors", "auth"),
        ("auth", "POST /orders"),
        ("cors", "GET /orders"),
    }


def test_the_blast_radius_is_all_that_may_notice() -> None:
    """What uses it, what it wraps, what hears its events: not what it needs itself."""
    found = topology(SHOP, Lens.BLAST_RADIUS, "shop.stock")
    assert seen(found) == {
        "shop.stock": 0,
        "POST /orders": 1,
        "GET /orders": 1,
        "shop.placed": 2,
        "shop.mail": 3,
        "shop.log": 3,
    }
    assert seen(topology(SHOP, Lens.BLAST_RADIUS, "auth"))["POST /orders"] == 1


def test_traffic_is_what_ran_and_what_it_is_linked_with() -> None:
    found = topology(SHOP, Lens.TRAFFIC, busy={"POST /orders", "gone"})
    assert seen(found).keys() == {
        "POST /orders", "shop.stock", "shop.pay", "shop.placed", "shop.mail", "shop.log",
    }  # fmt: skip
    alone = topology(SHOP, Lens.TRAFFIC, busy={"shop.lonely"})
    assert seen(alone).keys() == {"shop.lonely"}
    assert seen(topology(SHOP, Lens.TRAFFIC)) == {}


def test_a_focus_sees_up_and_down_as_far_as_the_depth() -> None:
    assert seen(topology(SHOP, focus="shop.stock", depth=1)) == {
        "POST /orders": -1, "GET /orders": -1, "shop.stock": 0, "shop.database": 1,
    }  # fmt: skip
    assert seen(topology(SHOP, focus="shop.stock", depth=0)) == {"shop.stock": 0}
    # Not across: what else a user of the stock needs is not around the stock.
    assert "shop.pay" not in seen(topology(SHOP, focus="shop.stock"))
    assert seen(topology(SHOP, focus="shop.bank")) == {"shop.bank": 0, "shop.pay": -1, "POST /orders": -2}


def test_columns_around_a_focus_are_distances() -> None:
    found = topology(SHOP, focus="shop.stock", depth=1)
    assert {node.element.id: node.layer for node in found.nodes} == {
        "POST /orders": 0, "GET /orders": 0, "shop.stock": 1, "shop.database": 2,
    }  # fmt: skip


def test_a_focus_may_be_the_end_of_an_id_or_alone_or_unknown() -> None:
    assert seen(topology(SHOP, focus="stock", depth=0)) == {"shop.stock": 0}
    assert seen(topology(SHOP, focus="shop.lonely")) == {"shop.lonely": 0}
    assert seen(topology(SHOP, focus="nothing")) == {}
    assert "framework.log" in seen(topology(SHOP, Lens.EVENTS, "framework.log"))


def test_links_to_what_is_not_there_are_not_drawn() -> None:
    graph = Graph(structure(element("task", "a", depends_on=("gone", "b", "b")), element("task", "b")))
    assert topology(graph).edges == (("a", "b", "depends on"),)


def test_cycles_are_drawn() -> None:
    cyclic = [element("task", str(n), depends_on=(str((n + 1) % 5), str(n))) for n in range(5)]
    found = topology(Graph(structure(*cyclic)))
    assert sorted(node.layer for node in found.nodes) == [0, 1, 2, 3, 4]
    assert len(seen(topology(Graph(structure(*cyclic)), focus="0"))) == 5


nodes = st.lists(st.integers(0, 30), min_size=1, unique=True)


@given(nodes=nodes, data=st.data())
def test_any_graph_has_a_place_for_every_node(nodes: list[int], data: st.DataObject) -> None:
    """Each place once; without cycles every link leads to the right; the same graph is drawn the same."""
    links = data.draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), max_size=60))
    layers = layers_of(nodes, links)
    places = positions_of(layers, links)
    for layer in set(layers.values()):
        column = sorted(places[node] for node in nodes if layers[node] == layer)
        assert column == list(range(len(column)))
    assert set(layers.values()) == set(range(max(layers.values()) + 1))
    assert (layers, places) == (layers_of(nodes, links), positions_of(layers, links))
    forward = [(one, other) for one, other in links if one < other]
    assert all(layers_of(nodes, forward)[one] < layers_of(nodes, forward)[other] for one, other in forward)


def test_neighbours_stand_close_together() -> None:
    """No two of these links cross, although the nodes come in the worst order."""
    links = [(f"a{n}", f"b{9 - n}") for n in range(10)]
    layers = layers_of([end for link in links for end in link], links)
    places = positions_of(dict(sorted(layers.items())), links)
    assert all(places[source] == places[target] for source, target in links)


def many(count: int) -> list[Element]:
    return [
        element("task", f"shop.m{n % 40}.part.f{n}") if n % 2 else
        element("task", f"GET /a{n % 30}/{n}", route=Route("GET", f"/a{n % 30}/{n}")) for n in range(count)
    ]  # fmt: skip


def test_few_elements_stand_alone_and_many_in_groups() -> None:
    """As fine as fits, whatever kinds there are; none is lost."""
    assert sorted(group.name for group in folded(many(10))) == sorted(one.id for one in many(10))
    groups = folded(many(2_000))
    assert 40 < len(groups) <= 120
    assert sorted(one.id for group in groups for one in group.members) == sorted(e.id for e in many(2_000))
    assert {group.name for group in groups} >= {"shop.m1", "/a2"}
    assert sorted(group.name for group in folded(many(2_000), most=1)) == ["", "/"]


def test_methods_of_one_path_can_be_told_apart() -> None:
    routes = [element("task", f"{method} /a", route=Route(method, "/a")) for method in ("GET", "PUT")]
    assert [group.name for group in folded(routes)] == ["GET /a", "PUT /a"]
    assert [group.name for group in folded(routes, most=1)] == ["/"]
