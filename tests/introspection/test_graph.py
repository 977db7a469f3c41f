"""Questions to a structure: by id, by kind, along links in both directions."""

from collections.abc import Callable

import pytest

from devtools.introspection.elements import Element, ElementKind, MiddlewareUse, Route, TagUse
from devtools.introspection.graph import Graph
from tests.introspection.conftest import element

Make = Callable[..., Graph]


@pytest.fixture
def shop(graph: Make) -> Graph:
    return graph(
        element(
            "task",
            "shop.buy",
            depends_on=("shop.database",),
            emits=("shop.placed",),
            throws=("shop.Declined",),
            middleware=(MiddlewareUse("shop.timing"),),
            tags=(TagUse("shop.slow"),),
            contexts=("shop.user",),
            registered_by="shop",
        ),
        element("resource", "shop"),
        element("resource", "shop.database", provides=("shop.user",), overrides=("shop.memory",)),
        element("resource", "shop.memory"),
        element("event", "shop.placed"),
        element("hook", "shop.late", events=("shop.placed",), order=2),
        element("hook", "shop.every", events=("*",), order=1),
        element("hook", "shop.early", events=("shop.placed",)),
        element("error", "shop.Declined"),
        element("middleware", "shop.timing"),
        element("tag", "shop.slow"),
        element("async_context", "shop.user"),
    )


def ids(elements: list[Element]) -> list[str]:
    return [found.id for found in elements]


def test_every_link_is_followed_back(shop: Graph) -> None:
    buy = ["shop.buy"]

    assert ids(shop.used_by("shop.database")) == buy
    assert ids(shop.emitted_by("shop.placed")) == buy
    assert ids(shop.thrown_by("shop.Declined")) == buy
    assert ids(shop.wrapped_by("shop.timing")) == buy
    assert ids(shop.tagged("shop.slow")) == buy
    assert ids(shop.reading_context("shop.user")) == buy
    assert ids(shop.registered_by("shop")) == buy
    assert ids(shop.providing_context("shop.user")) == ["shop.database"]
    assert ids(shop.overriders("shop.memory")) == ["shop.database"]
    overriding = shop.overridden_by("shop.memory")
    assert overriding is not None
    assert overriding.id == "shop.database"


def test_hooks_of_an_event_stand_by_order_with_those_of_every_event(shop: Graph) -> None:
    assert ids(shop.listened_to_by("shop.placed")) == ["shop.early", "shop.every", "shop.late"]


def test_what_nobody_links_to_has_no_links_back(shop: Graph) -> None:
    assert shop.used_by("shop.buy") == shop.tagged("nothing") == shop.overriders("shop.buy") == []
    assert shop.overridden_by("shop.buy") is None


def test_an_element_is_found_by_id_and_kind(shop: Graph) -> None:
    assert shop.get("shop.buy") is shop.get("shop.buy", ElementKind.task)
    assert shop.get("shop.buy", ElementKind.hook) is None
    assert shop.get("nothing") is None


def test_lists_are_by_kind_and_by_a_part_of_the_id(shop: Graph) -> None:
    assert ids(shop.list(ElementKind.hook)) == ["shop.early", "shop.every", "shop.late"]
    assert ids(shop.list(id_includes="da")) == ["shop.database"]
    assert len(shop.list()) == 12


def test_unknown_ids_are_left_out_and_the_order_is_kept(shop: Graph) -> None:
    assert ids(shop.resolve(["shop.placed", "nothing", "shop.buy"])) == ["shop.placed", "shop.buy"]


def test_a_short_id_stands_for_the_ids_that_end_with_it(shop: Graph) -> None:
    assert shop.matching("buy") == ["shop.buy"]
    assert shop.matching("shop.buy") == ["shop.buy"]
    assert shop.matching("uy") == []


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("GET /", "GET /"),
        ("HEAD /", "GET /"),
        ("HEAD /any", "ANY /any"),
        ("POST /any", "ANY /any"),
        ("POST /", None),
        ("GET /missing", None),
        ("GET", None),
    ],
)
def test_a_request_is_answered_by_the_route_that_takes_its_method(
    graph: Make, asked: str, answered: str | None
) -> None:
    made = graph(
        element("task", "GET /", route=Route("GET", "/")),
        element("task", "ANY /any", route=Route("ANY", "/any")),
    )

    found = made.get(asked)

    assert (found.id if found is not None else None) == answered
