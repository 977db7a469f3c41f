"""Links that are read off the code of functions."""

import types
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from devtools.introspection.declarations import async_context, error, event, resource, task
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.introspector import inspect_app
from devtools.introspection.references import References
from devtools.introspection.registry import registry

HERE = Path(__file__).parent

user: ContextVar[str] = ContextVar("user", default="")
placed: Any = None
database: Any = None
Declined: Any = None
charge: Any = None
shop = types.ModuleType("shop")
database_module = types.ModuleType("database_module")


@pytest.fixture(autouse=True)
def _shop() -> None:
    """Names of this module stand for things that each test declares anew."""
    names = globals()
    names["placed"] = event("shop.placed")
    names["database"] = resource("shop.database")

    @error(id="shop.Declined")
    class DeclinedError(Exception): ...

    @task(id="shop.charge")
    def charge() -> None:
        raise Declined

    names["Declined"], names["charge"] = DeclinedError, charge
    async_context("shop.user", user)
    vars(shop).update(placed=placed, charge=charge)
    vars(database_module).update(database_module=database, connect=len)


def links(thing: Any) -> dict[str, tuple[str, ...]]:
    return References(registry).of(thing, "own")


async def emits_one() -> None:
    await placed.emit()


def emits_through_a_module() -> None:
    shop.placed.emit_sync()


def reads_an_attribute_named_like_a_task(order: Any) -> Any:
    return order.charge, order.placed.emit()


def uses_a_module_that_holds_something_of_its_own_name() -> Any:
    return database_module.connect(database_module)


def emits_inside() -> list[Any]:
    return [lambda: [placed.emit_sync() for _ in range(3)]]


def listens() -> Any:
    return placed


def uses_others() -> Any:
    shop.charge()
    return database


def raises_it() -> None:
    raise Declined("no")


def raises_it_bare() -> None:
    raise Declined


def catches_it() -> None:
    try:
        charge()
    except Declined:
        raise RuntimeError from None


def catches_several() -> None:
    try:
        charge()
    except (KeyError, Declined) as found:
        raise RuntimeError from found


def reads_user() -> str:
    return user.get()


def sets_user() -> None:
    user.set("ada")


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (emits_one, {"emits": ("shop.placed",)}),
        (emits_through_a_module, {"emits": ("shop.placed",)}),
        (reads_an_attribute_named_like_a_task, {}),
        (uses_a_module_that_holds_something_of_its_own_name, {}),
        (emits_inside, {"emits": ("shop.placed",)}),
        (listens, {}),
        (uses_others, {"depends_on": ("shop.charge", "shop.database")}),
        (raises_it, {"throws": ("shop.Declined",)}),
        (raises_it_bare, {"throws": ("shop.Declined",)}),
        (catches_it, {"depends_on": ("shop.charge",)}),
        (catches_several, {"depends_on": ("shop.charge",)}),
        (reads_user, {"contexts": ("shop.user",)}),
        (sets_user, {"provides": ("shop.user",)}),
    ],
)
def test_links_are_what_the_code_names(function: Any, expected: dict[str, tuple[str, ...]]) -> None:
    assert links(function) == expected


def test_names_of_enclosing_functions_are_followed() -> None:
    own = event("shop.own")

    async def emit() -> None:
        await own.emit()

    class Emitter:
        async def run(self) -> None:
            await own.emit()

    assert links(emit) == links(Emitter) == links(Emitter().run) == {"emits": ("shop.own",)}


class Order:
    """Found by an inspector."""


def takes_an_order(order: Order, others: list[Order | None]) -> None: ...


def takes_text(order: "Order | None") -> None: ...


def asks_inside() -> None:
    from starlette.routing import Router as Own

    Own()


def sends_by_name(queue: Any) -> None:
    queue.enqueue_job("charge", 1)


def says_a_name() -> str:
    return "charge"


class OrderPage:
    model = Order


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (takes_an_order, {"depends_on": ("shop.Order",)}),
        (takes_text, {"depends_on": ("shop.Order",)}),
        (OrderPage, {"depends_on": ("shop.Order",)}),
        (asks_inside, {"depends_on": ("shop.router",)}),
        (sends_by_name, {"depends_on": ("shop.job",)}),
        (says_a_name, {}),
    ],
)
def test_what_inspectors_found_is_linked_by_annotation_body_import_and_text(
    thing: Any, expected: dict[str, tuple[str, ...]]
) -> None:
    recognised = {id(Order): (Order, "shop.Order"), id(Router): (Router, "shop.router")}
    kinds = {
        "shop.Order": ElementKind.resource,
        "shop.router": ElementKind.resource,
        "shop.job": ElementKind.task,
    }
    named = {"charge": [("shop.job", frozenset({"enqueue_job"}))]}
    assert References(registry, recognised, kinds, named).of(thing, "own") == expected


def test_what_has_no_code_has_no_links() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    for thing in (None, 3, len, Hostile(), Hostile, lambda: None):
        assert links(thing) == {}


def test_lazy_objects_are_not_woken_up() -> None:
    class Lazy:
        def __getattr__(self, name: str) -> Any:
            woken.append(name)
            raise AttributeError

    woken: list[str] = []
    lazy = Lazy()

    def use() -> Any:
        placed.emit_sync()
        return lazy

    assert links(use) == {"emits": ("shop.placed",)}
    assert woken == []


def test_a_task_does_not_depend_on_itself() -> None:
    assert References(registry).of(charge, "shop.charge") == {"throws": ("shop.Declined",)}


async def buy(request: Request) -> Response:
    await placed.emit()
    charge()
    return PlainTextResponse("bought")


def element(graph: Graph, identifier: str) -> Element:
    found = graph.get(identifier)
    assert found is not None
    return found


def test_a_plain_endpoint_has_the_links_of_its_code() -> None:
    graph = Graph(inspect_app(Starlette(routes=[Route("/buy", buy)]), name="shop", project_root=HERE))
    route = element(graph, "GET /buy")
    assert (route.emits, route.depends_on) == (("shop.placed",), ("shop.charge",))
    assert element(graph, "shop.charge").throws == ("shop.Declined",)


def test_a_decorated_endpoint_keeps_the_links_and_the_route_depends_on_it() -> None:
    decorated = task(id="shop.buy", depends_on=["shop.mail"])(buy)
    graph = Graph(inspect_app(Starlette(routes=[Route("/buy", decorated)]), name="shop", project_root=HERE))
    route, behind = element(graph, "GET /buy"), element(graph, "shop.buy")
    assert (route.emits, route.depends_on) == ((), ("shop.buy",))
    assert (behind.emits, behind.depends_on) == (("shop.placed",), ("shop.mail", "shop.charge"))
