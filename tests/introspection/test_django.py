"""What is read off Django: URL patterns, views, middleware, apps, models, signals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .inspected import INSPECT, Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop() -> Inspected:
    return inspected("django_asgi", needs="django")


def test_patterns_are_routes_composed_over_includes(shop: Inspected) -> None:
    assert [element.id for element in shop.list() if element.route is not None] == [
        "ANY /",
        "ANY /lambda/{word}",
        "DELETE /orders/{pk}/",
        "GET /buy/{sku}/",
        "GET /orders/",
        "GET /orders/{pk}/",
        "POST /buy/{sku}/",
    ]
    assert shop.config("GET /orders/{pk}/") == {"name": "shop:detail"}
    assert shop.schema("GET /orders/{pk}/")["properties"] == {"pk": {"type": "integer"}}


def test_a_view_has_words_and_place_as_function_and_as_class(shop: Inspected) -> None:
    buy = shop.element("POST /buy/{sku}/")
    assert (buy.title, buy.file_path) == ("Buy something.", "django_shop/views.py")
    assert shop.element("GET /orders/").title == "Every order."
    assert shop.element("GET /orders/{pk}/").title == "Show the order."


def test_a_view_depends_on_its_models_and_emits_its_signals(shop: Inspected) -> None:
    buy = shop.element("POST /buy/{sku}/")
    assert buy.depends_on == ("django_shop.models.Order", "django_shop.models.Product")
    assert buy.emits == ("django_shop.signals.order_placed",)
    assert shop.element("GET /orders/").depends_on == ("django_shop.models.Order",)
    assert shop.element("DELETE /orders/{pk}/").depends_on == ("django_shop.models.Book",)


def test_the_middleware_chain_is_in_its_order(shop: Inspected) -> None:
    assert [use.id for use in shop.element("GET /orders/").middleware] == [
        "django.middleware.security.SecurityMiddleware",
        "django_shop.middleware.Timing",
        "django_shop.middleware.with_tenant",
    ]
    assert shop.element("django.middleware.security.SecurityMiddleware").framework
    assert shop.element("django_shop.middleware.with_tenant").title == "Find the tenant."


def test_an_app_registers_its_models(shop: Inspected) -> None:
    app = shop.element("django_shop")
    assert (app.title, app.has_ready, app.framework) == ("The shop", True, False)
    assert shop.element("django_shop.models.Order").registered_by == "django_shop"
    assert shop.element("django.contrib.auth.models.User").framework


def test_a_model_has_its_fields_as_schema_and_its_relations_as_links(shop: Inspected) -> None:
    order = shop.element("django_shop.models.Order")
    assert (order.title, order.description) == ("What was bought.", "One row an order.")
    assert order.depends_on == (
        "django.contrib.auth.models.User",
        "django_shop.models.Product",
        "django.db.default",
    )
    assert shop.config(order.id)["table"] == "orders"
    assert shop.schema(order.id)["properties"]["product_id"] == {
        "type": ["string", "null"],
        "description": "indexed, references django_shop_product.sku",
    }
    assert shop.schema(order.id)["required"] == ["customer_id", "placed"]
    assert "django_shop.models.Tag" in shop.element("django_shop.models.Product").depends_on
    assert "django_shop.models.Product" in shop.element("django_shop.models.Book").depends_on


def test_receivers_of_signals_are_hooks_that_depend_on_their_sender(shop: Inspected) -> None:
    index = shop.element("django_shop.signals.index_order")
    assert index.events == ("django.db.models.signals.post_save",)
    assert index.depends_on == ("django_shop.models.Order",)
    assert shop.element("django_shop.signals.send_mail").events == ("django_shop.signals.order_placed",)
    assert "django.db.models.signals.pre_save" not in shop.by_id


def test_what_only_the_urlconf_imports_is_seen_too(shop: Inspected) -> None:
    """As after the first request."""
    forget = shop.element("django_shop.views.forget_order")
    assert forget.events == ("django.db.models.signals.post_delete",)
    assert forget.emits == ("django_shop.views.order_forgotten",)
    counted = shop.element("django_shop.views.count_forgotten")
    assert counted.events == ("django_shop.views.order_forgotten",)


def test_settings_stay_in_the_settings(shop: Inspected) -> None:
    assert shop.config("django.db.default") == {"engine": "django.db.backends.sqlite3", "name": ":memory:"}
    assert "hunter2" not in json.dumps([element.config for element in shop.list()])


BROKEN = """
import django
from django.conf import settings
settings.configure(ROOT_URLCONF="broken_urls", SECRET_KEY="x", INSTALLED_APPS=["django.contrib.contenttypes"])
django.setup()
from django.core.asgi import get_asgi_application
app = get_asgi_application()
"""
URLS = """
with open("imported", "a") as file:
    file.write("once ")
raise SystemExit("no such view")
"""


def test_a_urlconf_that_cannot_be_imported_is_told_with_its_reason(tmp_path: Path) -> None:
    """It is imported once, and the models are there all the same."""
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "broken_urls.py").write_text(URLS)
    command = [sys.executable, "-W", "ignore", "-c", INSPECT, "broken", "app", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "The inspector 'django' failed" in done.stderr
    assert "no such view" in done.stderr
    assert (tmp_path / "imported").read_text() == "once "
    assert "django.contrib.contenttypes.models.ContentType" in done.stdout
