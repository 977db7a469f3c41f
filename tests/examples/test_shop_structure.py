"""What the introspector says of the shop, against a description written by hand."""

import pytest

from devtools.introspection.elements import ElementKind, Structure
from devtools.introspection.graph import Graph

from . import expected_shop as expected
from .structures import ids, inspected, links, properties


@pytest.fixture(scope="module")
def structure() -> Structure:
    """The shop, inspected in a process where nothing else is declared."""
    return inspected("examples.shop.routes", "examples.shop.app")


def test_the_elements_are_those_of_the_source(structure: Structure) -> None:
    """No element is missing, none is invented."""
    assert {element.id for element in structure.elements} == set(expected.ELEMENTS)


@pytest.mark.parametrize("identifier", sorted(expected.ELEMENTS))
def test_an_element_is_as_the_source_says(structure: Structure, identifier: str) -> None:
    """Kind, links in their order, route, middleware from the outside in, hooks' order, tags, health, file."""
    assert links(Graph(structure).by_id[identifier]) == links(expected.ELEMENTS[identifier])


def test_hooks_come_in_the_order_in_which_they_run(structure: Structure) -> None:
    graph = Graph(structure)
    order = {event.id: [hook.id for hook in graph.listened_to_by(event.id)] for event in expected.EVENTS}
    assert order == {
        "shop.payment_captured": ["examples.shop.stock.adjust_stock"],
        "shop.order_placed": ["examples.shop.mailer.write_receipt", "examples.shop.mailer.log_large_order"],
        "shop.stock_changed": ["examples.shop.stock.publish_change", "examples.shop.stock.restock_when_low"],
        "shop.receipt_sent": [],
    }


def test_links_can_be_followed_back(structure: Structure) -> None:
    """Who uses the gateway, who throws PaymentDeclined, who emits order_placed, who reads and sets the customer."""
    graph = Graph(structure)
    declined, customer = "examples.shop.payment.PaymentDeclined", "shop.customer"
    assert ids(graph.used_by("shop.payment_gateway")) == ["examples.shop.payment.charge_card"]
    assert ids(graph.thrown_by(declined)) == [
        "examples.shop.checkout.place_order",
        "examples.shop.payment.charge_card",
        "shop.payment_gateway",
    ]
    assert ids(graph.emitted_by("shop.order_placed")) == ["examples.shop.checkout.place_order"]
    assert ids(graph.providing_context(customer)) == ["shop.customers"]
    assert ids(graph.reading_context(customer)) == [
        "examples.shop.cart.add_to_cart",
        "examples.shop.cart.empty_cart",
        "examples.shop.cart.view_cart",
        "examples.shop.checkout.find_order",
        "examples.shop.checkout.place_order",
    ]


def test_every_link_ends_somewhere(structure: Structure) -> None:
    graph = Graph(structure)
    for element in structure.elements:
        for name in ("depends_on", "emits", "throws", "contexts", "provides", "events", "tags", "middleware"):
            for target in getattr(element, name):
                assert (target if isinstance(target, str) else target.id) in graph.by_id


def test_payloads_and_arguments_have_schemas(structure: Structure) -> None:
    graph = Graph(structure)
    assert properties(graph.by_id["shop.order_placed"].schema) == {"order_id", "email", "total_cents"}
    assert properties(graph.by_id["examples.shop.checkout.place_order"].schema) == {"card", "email"}
    assert properties(graph.by_id["GET /products/{product_id}"].schema) == {"product_id"}
    assert properties(graph.by_id["examples.shop.payment.PaymentDeclined"].schema) == {
        "order_id",
        "amount_cents",
        "reason",
    }


def test_titles_are_the_docstrings(structure: Structure) -> None:
    graph = Graph(structure)
    titles = {name: graph.by_id[name].title for name in ("POST /checkout", "examples.shop.cart.view_cart")}
    assert titles["examples.shop.cart.view_cart"] == "The customer's cart."
    assert str(titles["POST /checkout"]).startswith("Buy what is in the cart")


def test_the_shop_s_own_graphql_schema_is_part_of_it(structure: Structure) -> None:
    assert structure.sdl is not None
    assert "addToCart(productId: ID!, quantity: Int! = 1): Cart!" in structure.sdl
    assert structure.root_id == expected.APP


def test_tasks_are_counted_as_the_source_has_them(structure: Structure) -> None:
    """Eleven routes, three fields and thirteen functions."""
    assert len(Graph(structure).list(ElementKind.task)) == 27
