"""What is read off Litestar: routes, layers of middleware and dependencies, guards, listeners, hooks, OpenAPI."""

import json

import pytest

from devtools.introspection.elements import MiddlewareUse

from .inspected import Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop() -> Inspected:
    return inspected("litestar_shop", needs="litestar")


def test_handlers_are_routes_composed_over_routers_and_controllers(shop: Inspected) -> None:
    own = [element for element in shop.list() if element.route is not None and not element.framework]
    assert [element.id for element in own] == [
        "DELETE /api/orders/{number}",
        "GET /",
        "GET /api/orders/{number}",
        "POST /orders",
        "WS /api/feed",
    ]
    show = shop.element("GET /api/orders/{number}")
    assert (show.title, show.file_path) == ("Show the order.", "litestar_shop.py")
    assert shop.schema(show.id)["properties"] == {"number": {"type": "integer"}}
    assert shop.element("GET /").is_private


def test_middleware_comes_from_the_outermost_layer_inwards(shop: Inspected) -> None:
    assert shop.element("WS /api/feed").middleware == (
        MiddlewareUse("litestar_shop.Timing", origin="app"),
        MiddlewareUse("litestar_shop.Audit", config='{"unit":"s"}', origin="router /api"),
    )


def test_dependencies_and_guards_are_resources_of_the_routes_that_use_them(shop: Inspected) -> None:
    assert shop.element("GET /api/orders/{number}").depends_on == ("litestar_shop.open_connection",)
    assert shop.element("DELETE /api/orders/{number}").depends_on == ("litestar_shop.only_admins",)
    assert shop.element("litestar_shop.open_connection").title == "A connection to the database."


def test_an_event_named_by_text_is_emitted_and_listened_to(shop: Inspected) -> None:
    assert shop.element("POST /orders").emits == ("order_placed",)
    assert [hook.id for hook in shop.listened_to_by("order_placed")] == ["litestar_shop.send_mail"]


def test_errors_hooks_and_openapi_are_read(shop: Inspected) -> None:
    error = shop.element("litestar_shop.OutOfStock")
    assert (error.handlers, [element.id for element in shop.thrown_by(error.id)]) == (
        ("litestar_shop.out_of_stock",),
        ["POST /orders"],
    )
    assert shop.element("litestar_shop.connect").events == ("litestar.on_startup",)
    assert "/api/orders/{number}" in json.loads(shop.structure.openapi or "{}")["paths"]
