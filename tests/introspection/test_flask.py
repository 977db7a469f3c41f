"""What is read off Flask: routes, blueprints, hooks, error handlers, extensions; and what Quart has beside them."""

import pytest

from devtools.introspection.elements import MiddlewareUse

from .inspected import Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop() -> Inspected:
    return inspected("flask_shop", needs="flask")


def routes(shop: Inspected) -> list[str]:
    return [element.id for element in shop.list() if element.route is not None]


def test_rules_are_routes_with_their_parameters_as_a_template(shop: Inspected) -> None:
    assert routes(shop) == [
        "DELETE /orders/{number}",
        "GET /",
        "GET /admin/users/{name}",
        "GET /basket/{id}",
        "GET /cart/{id}",
        "GET /lambda",
        "GET /orders/{number}",
        "GET /pages/{name}",
        "GET /partial",
        "GET /static/{filename}",
        "OPTIONS /cart/{id}",
        "PUT /cart/{id}",
    ]
    assert shop.element("GET /static/{filename}").framework
    assert shop.schema("GET /cart/{id}")["properties"] == {"id": {"type": "integer"}}


def test_a_view_has_words_and_place_behind_decorators_partials_and_classes(shop: Inspected) -> None:
    cart = shop.element("GET /cart/{id}")
    assert (cart.title, cart.description) == ("Show the cart.", "With every line of it.")
    assert shop.element("GET /partial").title == "The first page."
    assert shop.element("GET /orders/{number}").title == "Show the order."
    assert shop.element("GET /pages/{name}").title == "A page of text."
    assert shop.element("GET /lambda").file_path == "flask_shop.py"


def test_blueprints_register_their_routes_within_each_other(shop: Inspected) -> None:
    assert shop.element("GET /admin/users/{name}").registered_by == "flask_shop.users"
    assert shop.element("flask_shop.users").registered_by == "flask_shop.admin"
    assert shop.element("flask_shop.admin").registered_by == "flask_shop"


def test_hooks_come_in_the_order_in_which_they_run(shop: Inspected) -> None:
    def order(event: str) -> list[str]:
        return [
            hook.id for hook in shop.listened_to_by(f"flask.{event}") if hook.registered_by == "flask_shop"
        ]

    assert order("before_request") == ["flask_shop.open_connection", "flask_shop.count"]
    assert order("after_request") == ["flask_shop.first_of_all", "flask_shop.add_header"]
    assert shop.element("flask_shop.must_be_admin").registered_by == "flask_shop.users"
    assert shop.element("flask.before_request").framework


def test_an_error_names_its_handlers_and_what_throws_it(shop: Inspected) -> None:
    error = shop.element("flask_shop.OutOfStock")
    assert (error.handled, error.handlers) == (True, ("flask_shop.out_of_stock",))
    assert [element.id for element in shop.thrown_by(error.id)] == [
        "DELETE /orders/{number}",
        "GET /basket/{id}",
        "GET /cart/{id}",
        "OPTIONS /cart/{id}",
        "PUT /cart/{id}",
    ]
    assert shop.element("flask_shop.missing_key").registered_by == "flask_shop.admin"
    assert shop.element("werkzeug.exceptions.NotFound").handlers == ("flask_shop.not_found",)


def test_an_extension_is_a_resource_that_code_depends_on(shop: Inspected) -> None:
    assert shop.element("flask_shop.cache").title == "Extension cache"
    assert shop.element("GET /cart/{id}").depends_on == ("flask_shop.cache",)


def test_what_the_app_is_wrapped_in_is_middleware(shop: Inspected) -> None:
    proxy = MiddlewareUse("werkzeug.middleware.proxy_fix.ProxyFix", origin="flask")
    assert shop.element("GET /").middleware == (proxy,)


def test_mounted_in_another_app_routes_are_composed_and_have_its_middleware() -> None:
    mounted = inspected("flask_mounted", needs="flask")
    legacy = mounted.element("GET /legacy/cart/{id}")
    assert legacy.registered_by == "flask_shop.app"
    assert [use.id for use in legacy.middleware] == [
        "flask_mounted.Timing",
        "werkzeug.middleware.proxy_fix.ProxyFix",
    ]
    assert mounted.element("flask_shop.app").title == "Flask app flask_shop"
    assert mounted.element("GET /").title == "The new first page."


def test_quart_has_websockets_and_hooks_of_serving() -> None:
    shop = inspected("quart_shop", needs="quart")
    feed = shop.element("WS /api/feed")
    assert (feed.title, feed.registered_by) == ("News as they come.", "quart_shop.api")
    assert shop.element("GET /api/orders/{id}").title == "Show the order."
    assert shop.element("quart_shop.connect").events == ("quart.before_serving",)
    assert shop.element("quart_shop.disconnect").events == ("quart.after_serving",)
    assert shop.element("quart_shop.greet").events == ("quart.before_websocket",)
    assert shop.element("builtins.ValueError").handlers == ("quart_shop.bad_value",)
    assert shop.element("quart_shop").has_init
