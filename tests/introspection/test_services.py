"""What is read off service registries: svcs and dishka; and off blinker and Peewee."""

import pytest

from .inspected import Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dishka() -> Inspected:
    return inspected("dishka_shop", needs="dishka")


def test_svcs_services_are_resources_with_what_their_factories_ask_for() -> None:
    shop = inspected("svcs_shop", needs="svcs")
    repository = shop.element("svcs_shop.Repository")
    assert (repository.title, repository.registered_by) == ("Where orders are kept.", "svcs_shop.registry")
    assert repository.depends_on == ("svcs_shop.Connection",)
    assert shop.element("svcs_shop.Connection").has_health_check
    assert not shop.element("svcs_shop.Mailer").has_health_check
    assert shop.element("GET /orders").depends_on == ("svcs_shop.Repository", "svcs_shop.registry")


def test_dishka_providers_are_resources_that_depend_on_each_other(dishka: Inspected) -> None:
    assert dishka.element("dishka_shop.Repository").depends_on == ("dishka_shop.Connection",)
    assert dishka.element("dishka_shop.Connection").depends_on == ("dishka_shop.Config",)
    assert dishka.config("dishka_shop.Connection") == {"by": "generator", "scope": "REQUEST"}
    assert dishka.element("dishka_shop.Config").registered_by == "app.state.dishka_container"


def test_a_route_depends_on_what_dishka_injects_and_keeps_its_place(dishka: Inspected) -> None:
    route = dishka.element("GET /orders")
    assert (route.title, route.file_path) == ("List the orders.", "dishka_shop.py")
    assert route.depends_on == ("dishka_shop.Repository",)


def test_blinker_signals_are_events_by_their_name() -> None:
    shop = inspected("blinker_shop", needs="blinker")
    placed = shop.element("order-placed")
    assert (placed.title, placed.file_path) == ("An order was placed.", "blinker_shop.py")
    assert {hook.id for hook in shop.listened_to_by("order-placed")} == {
        "blinker_shop.send_mail",
        "blinker_shop.index",
    }
    assert shop.element("blinker_shop.index").emits == ("order-refunded",)
    assert shop.element("POST /buy").emits == ("blinker_shop.anonymous", "order-placed")
    assert shop.element("blinker_shop.Audit.log").events == ("shop-ready",)


def test_peewee_models_are_resources_and_ours_are_not() -> None:
    shop = inspected("peewee_shop", needs="peewee")
    order = shop.element("peewee_shop.Order")
    assert order.depends_on == ("peewee_shop.Customer", "peewee_shop.database")
    assert shop.schema(order.id)["properties"]["customer_id"] == {
        "type": "string",
        "format": "uuid",
        "description": "indexed, references customer.key",
    }
    assert shop.config("peewee_shop.replica") == {"database": "replica.db", "type": "SqliteDatabase"}
    assert shop.element("GET /orders").depends_on == ("peewee_shop.Order", "peewee_shop.replica")
    assert "peewee_shop.Base" not in shop.by_id
    assert not [element for element in shop.list() if "devtools" in element.id]
