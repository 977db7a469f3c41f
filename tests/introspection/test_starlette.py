"""What is read off a Starlette app: routes, middleware, exceptions, the lifespan."""

import functools
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from devtools.introspection.declarations import resource, task
from devtools.introspection.diagnostics import diagnose
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.introspector import inspect_app

HERE = Path(__file__).parent


async def show_cart(request: Request) -> Response:
    """Show the cart.

    With every line of it.
    """
    return PlainTextResponse("cart")


def plain(request: Request) -> Response:
    return PlainTextResponse("plain")


class Orders(HTTPEndpoint):
    """Orders of a customer."""

    async def get(self, request: Request) -> Response:
        """List the orders."""
        return PlainTextResponse("orders")

    async def post(self, request: Request) -> Response:
        return PlainTextResponse("made")


class Shop:
    async def open(self, request: Request) -> Response:
        """Open the shop."""
        return PlainTextResponse("open")


class Feed(WebSocketEndpoint):
    """News as they come."""


async def feed(socket: WebSocket) -> None: ...


class Timing:
    """Say how long an answer took."""

    def __init__(self, app: Any, unit: str = "ms", token: str = "") -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class OutOfStockError(Exception):
    """There is not enough of it."""


def graph_of(*routes: BaseRoute, **options: Any) -> Graph:
    return Graph(inspect_app(Starlette(routes=list(routes), **options), name="shop.app", project_root=HERE))


def route_ids(graph: Graph) -> list[str]:
    return sorted(element.id for element in graph.list(ElementKind.task) if element.route is not None)


def task_of(graph: Graph, identifier: str) -> Element:
    element = graph.get(identifier, ElementKind.task)
    assert element is not None, route_ids(graph)
    return element


def test_a_route_is_a_task_with_title_description_place_and_parameters() -> None:
    element = task_of(graph_of(Route("/cart/{id:int}", show_cart)), "GET /cart/{id:int}")
    assert element.route is not None
    assert (element.route.method, element.route.path) == ("GET", "/cart/{id:int}")
    assert (element.title, element.description) == ("Show the cart.", "With every line of it.")
    assert element.file_path == "test_starlette.py"
    assert element.line == show_cart.__code__.co_firstlineno
    assert json.loads(element.schema or "") == {
        "type": "object",
        "properties": {"id": {"type": "integer"}},
        "required": ["id"],
    }


def test_each_method_is_an_element_and_the_added_head_is_not() -> None:
    graph = graph_of(
        Route("/a", plain, methods=["GET", "POST"]),
        Route("/b", plain, methods=["HEAD"]),
        Route("/c", plain, methods=["delete"]),
    )
    assert route_ids(graph) == ["DELETE /c", "GET /a", "HEAD /b", "POST /a"]


def test_endpoints_of_every_sort_are_read() -> None:
    graph = graph_of(
        Route("/orders", Orders),
        Route("/open", Shop().open),
        Route("/partial", functools.partial(plain)),
        Route("/lambda", lambda request: PlainTextResponse("x")),
        WebSocketRoute("/feed", feed),
        WebSocketRoute("/news", Feed),
    )
    assert route_ids(graph) == [
        "GET /lambda",
        "GET /open",
        "GET /orders",
        "GET /partial",
        "POST /orders",
        "WS /feed",
        "WS /news",
    ]
    titles = {element.id: element.title for element in graph.list(ElementKind.task)}
    assert titles["GET /open"] == "Open the shop."
    assert titles["GET /orders"] == "List the orders."
    assert titles["POST /orders"] == "Orders of a customer."
    assert titles["WS /news"] == "News as they come."
    assert task_of(graph, "GET /partial").line == plain.__code__.co_firstlineno


def test_paths_are_composed_over_mounts_and_sub_apps(tmp_path: Path) -> None:
    admin = Starlette(routes=[Route("/", plain), Mount("/users", routes=[Route("/{name}", plain)])])

    async def legacy(scope: Any, receive: Any, send: Any) -> None: ...

    graph = graph_of(
        Mount("/tenants/{tenant}", app=admin),
        Mount("/static", app=StaticFiles(directory=tmp_path)),
        Mount("/legacy", app=legacy),
        Mount("/v1", routes=[WebSocketRoute("/feed", feed)]),
    )
    assert route_ids(graph) == [
        "ANY /legacy/{path}",
        "GET /static/{path}",
        "GET /tenants/{tenant}/",
        "GET /tenants/{tenant}/users/{name}",
        "WS /v1/feed",
    ]


async def test_ids_are_those_that_requests_are_recorded_under(tmp_path: Path) -> None:
    from devtools.records import Run
    from devtools.settings import Settings
    from devtools.sources.asgi import RecordRequests  # the other half of the promise
    from devtools.telemetry import active
    from devtools.telemetry.recorder import Recorder

    (tmp_path / "logo.txt").write_text("logo")
    app = Starlette(
        routes=[
            Route("/cart/{id:int}", show_cart),
            Route("/orders", Orders),
            Mount("/v1", routes=[Mount("/users", app=Starlette(routes=[Route("/{name}", plain)]))]),
            Mount("/static", app=StaticFiles(directory=tmp_path)),
            Route("/anything", Answering()),
            Host(
                "api.example.org",
                app=Router([Route("/hosted", plain), Mount("/{shop}", routes=[Route("/a", plain)])]),
            ),
            Host("b.example.org", app=Router([Route("/hosted", show_cart), Route("/cart/{id:int}", plain)])),
        ]
    )
    graph = Graph(inspect_app(app, name="shop.app", project_root=HERE))
    active.recorder = recorder = Recorder()
    try:
        transport = httpx.ASGITransport(RecordRequests(app, recorder, Settings()))
        client = httpx.AsyncClient(transport=transport, base_url="http://api.example.org")
        for method, path in [
            ("GET", "/cart/3"),
            ("HEAD", "/cart/3"),
            ("POST", "/orders"),
            ("HEAD", "/orders"),
            ("GET", "/v1/users/ada"),
            ("GET", "/static/logo.txt"),
            ("GET", "/hosted"),
            ("GET", "/one/a"),
            ("GET", "http://b.example.org/hosted"),
            ("PUT", "/anything"),
        ]:
            await client.request(method, path)
    finally:
        active.recorder = None
    recorded = [run.node_id for run in recorder.rings.of(Run).snapshot()]
    assert len(recorded) == 10, recorded
    assert recorded[6:9] == [
        "GET //api.example.org/hosted",
        "GET //api.example.org/{shop}/a",
        "GET //b.example.org/hosted",
    ]
    assert [identifier for identifier in recorded if graph.get(identifier) is None] == []


class Answering:
    """Answer anything."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("yes")(scope, receive, send)


def test_hosts_tell_equal_paths_apart() -> None:
    graph = graph_of(
        Host("a.example.org", app=Router([Route("/", show_cart)])),
        Host("b.example.org", app=Router([Route("/", plain)])),
    )
    assert route_ids(graph) == ["GET //a.example.org/", "GET //b.example.org/"]
    assert not any(element.shadowed_by for element in graph.list())


def test_a_decorated_endpoint_is_a_task_of_its_own_that_the_route_depends_on() -> None:
    @task(id="shop.show")
    async def show(request: Request) -> Response:
        """Show it."""
        return PlainTextResponse("x")

    graph = graph_of(Route("/show", show))
    route = task_of(graph, "GET /show")
    assert (route.title, route.depends_on) == ("Show it.", ("shop.show",))
    assert graph.used_by("shop.show") == [route]


def test_the_chain_of_middleware_is_in_order_with_its_origin() -> None:
    async def dispatch(request: Request, call_next: Callable[..., Any]) -> Response:
        """Look at every request."""
        return await call_next(request)

    admin = Starlette(routes=[Route("/", plain)], middleware=[Middleware(Timing, unit="s")])
    graph = graph_of(
        Mount("/admin", app=admin, middleware=[Middleware(GZipMiddleware)]),
        Route("/cart", show_cart, middleware=[Middleware(Timing)]),
        middleware=[
            Middleware(CORSMiddleware, allow_origins=["*"]),
            Middleware(Timing, unit="ms", token="s3cret-token-value"),
            Middleware(BaseHTTPMiddleware, dispatch=dispatch),
        ],
    )
    name = f"{__name__}.Timing"
    nested = f"{__name__}.test_the_chain_of_middleware_is_in_order_with_its_origin.dispatch"
    line = dispatch.__code__.co_firstlineno
    app = [
        ("starlette.middleware.cors.CORSMiddleware", "app"),
        (name, "app"),
        (f"{nested}:L{line}", "app"),
    ]
    assert chain(graph, "GET /admin/") == [
        *app,
        ("starlette.middleware.gzip.GZipMiddleware", "mount /admin"),
        (f"{name}#2", "mount /admin"),
    ]
    assert chain(graph, "GET /cart") == [*app, (f"{name}#3", "route")]
    timing = graph.get(name)
    assert timing is not None
    assert (timing.title, timing.applies_to, timing.auto_apply) == (
        "Say how long an answer took.",
        ElementKind.task,
        True,
    )
    assert json.loads(timing.schema or "")["properties"].keys() == {"unit", "token"}
    uses = {use.id: use.config for use in task_of(graph, "GET /cart").middleware}
    assert json.loads(uses[name] or "")["unit"] == "ms"
    assert "s3cret" not in (uses[name] or "")
    cors = graph.get("starlette.middleware.cors.CORSMiddleware")
    assert cors is not None
    assert cors.framework


def chain(graph: Graph, identifier: str) -> list[tuple[str, str | None]]:
    return [(use.id, use.origin) for use in task_of(graph, identifier).middleware]


def parts() -> list[BaseRoute]:
    """Routes, mounts and hosts that use one class of middleware."""

    def sub_app(unit: str) -> Starlette:
        return Starlette(routes=[Route("/", plain)], middleware=[Middleware(Timing, unit=unit)])

    def timed(path: str, method: str) -> Route:
        return Route(path, plain, methods=[method], middleware=[Middleware(Timing, unit=method)])

    return [
        Mount("/b", app=sub_app("b")),
        Mount("/a", app=sub_app("a")),
        Mount("/c", routes=[Mount("/z", app=sub_app("z")), Mount("/y", app=sub_app("y"))]),
        timed("/same", "PUT"),
        timed("/same", "GET"),
        Host("two.example.org", app=Router([Mount("/m", app=sub_app("2")), timed("/same", "GET")])),
        Host("one.example.org", app=Router([Mount("/m", app=sub_app("1")), timed("/same", "GET")])),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_ids_do_not_depend_on_the_order_of_registration(seed: int) -> None:
    """Each id stands for the same thing, with the same options, however routes, mounts and hosts are turned around.

    But for what the order decides: which of two routes for the same requests answers them.
    """
    shuffled = parts()
    random.Random(seed).shuffle(shuffled)
    elements, others = (
        [msgspec.structs.replace(element, shadowed_by=None) for element in graph_of(*each).list()]
        for each in (parts(), shuffled)
    )
    assert elements == others


def test_middleware_around_the_app_and_of_a_router_counts_too() -> None:
    router = Router([Route("/", plain)], middleware=[Middleware(Timing)])
    app = Timing(Starlette(routes=[Mount("/r", app=router)]))
    graph = Graph(inspect_app(app, name="shop.app", project_root=HERE))
    assert chain(graph, "GET /r/") == [(f"{__name__}.Timing", "app"), (f"{__name__}.Timing#2", "mount /r")]


def test_our_own_layer_and_routes_are_no_part_of_the_app() -> None:
    from devtools.app import DevTools, mount

    sub = Starlette(routes=[Route("/inside", plain)])
    app = Starlette(routes=[Mount("/sub", app=DevTools(enabled=True).wrap(sub)), Route("/own", plain)])
    mount(app, enabled=True)
    graph = Graph(inspect_app(app, name="shop.app", project_root=HERE))
    assert route_ids(graph) == ["GET /own", "GET /sub/inside"]
    assert graph.list(ElementKind.middleware) == []
    wrapped = DevTools(enabled=True).wrap(sub)
    inside = Graph(inspect_app(wrapped, name="shop.app", project_root=HERE))
    assert route_ids(inside) == ["GET /inside"]


def test_handled_exceptions_are_errors_of_the_app() -> None:
    async def handle(request: Request, error: Exception) -> Response:
        return PlainTextResponse("sorry", 409)

    admin = Starlette(exception_handlers={KeyError: handle, LookupOfOursError: handle})
    graph = graph_of(
        Mount("/admin", app=admin),
        exception_handlers={OutOfStockError: handle, 404: handle, HTTPException: handle},
    )
    errors = graph.list(ElementKind.error)
    assert [(error.id, error.handled) for error in errors] == [
        (f"{__name__}.LookupOfOursError", True),
        (f"{__name__}.OutOfStockError", True),
    ]
    assert errors[1].title == "There is not enough of it."
    assert [graph.by_id[handler].kind for handler in errors[1].handlers] == [ElementKind.hook]


class LookupOfOursError(LookupError): ...


def test_the_lifespan_is_a_resource_and_says_that_the_app_has_an_init() -> None:
    @resource(id="shop.life")
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield

    graph = graph_of(lifespan=lifespan)
    root = graph.get("shop.app")
    assert root is not None
    assert root.has_init
    life = graph.get("shop.life", ElementKind.resource)
    assert life is not None
    assert life.has_init
    without = graph_of().get("shop.app")
    assert without is not None
    assert not without.has_init


def test_a_route_left_out_of_the_schema_is_private() -> None:
    element = task_of(graph_of(Route("/x", plain, include_in_schema=False)), "GET /x")
    assert (element.is_private, element.visibility_reason) == (True, "include_in_schema=False")


# Shadowed and duplicate routes


@pytest.mark.parametrize(
    ("routes", "shadowed"),
    [
        ([Route("/users/{id}", plain), Route("/users/me", plain)], {"GET /users/me": "GET /users/{id}"}),
        ([Route("/users/me", plain), Route("/users/{id}", plain)], {}),
        ([Route("/users/{id:int}", plain), Route("/users/me", plain)], {}),
        ([Route("/users/{id:int}", plain), Route("/users/{name}", plain)], {}),
        (
            [Route("/users/{name}", plain), Route("/users/{id:int}", plain)],
            {"GET /users/{id:int}": "GET /users/{name}"},
        ),
        ([Route("/{rest:path}", plain), Route("/a/b", plain)], {"GET /a/b": "GET /{rest:path}"}),
        ([Route("/users/{id}", plain), Route("/users/me", plain, methods=["POST"])], {}),
        ([Route("/users/{id}", plain), WebSocketRoute("/users/me", feed)], {}),
        ([Route("/users/{id}", Orders), Route("/users/me", plain)], {"GET /users/me": "GET /users/{id}"}),
        ([Mount("/", routes=[Route("/a", plain)]), Route("/b", plain)], {"GET /b": "mount /"}),
        (
            [Route("/a", plain), Host("a.example.org", app=Router([Route("/a", show_cart)]))],
            {"GET //a.example.org/a": "GET /a"},
        ),
        ([Host("a.example.org", app=Router([Route("/a", show_cart)])), Route("/a", plain)], {}),
        ([Mount("/a", routes=[Route("/x", plain)]), Route("/a/y", plain)], {"GET /a/y": "mount /a"}),
        (
            [Mount("/a", routes=[Route("/x", plain)]), Route("/b", plain), WebSocketRoute("/a/x", feed)],
            {"WS /a/x": "mount /a"},
        ),
        ([Mount("/a", routes=[Route("/{x}", plain), Route("/y", plain)])], {"GET /a/y": "GET /a/{x}"}),
    ],
)
def test_routes_that_are_never_reached(routes: list[BaseRoute], shadowed: dict[str, str]) -> None:
    graph = graph_of(*routes)
    found = {element.id: element.shadowed_by for element in graph.list() if element.shadowed_by}
    assert found == shadowed
    codes = {finding.node_id: finding.code for finding in diagnose(graph) if finding.code.endswith("_ROUTE")}
    assert codes == dict.fromkeys(shadowed, "SHADOWED_ROUTE")


def test_two_routes_for_the_same_requests_are_both_shown() -> None:
    graph = graph_of(
        Route("/users/{id}", show_cart), Route("/users/{id}", plain), Route("/users/{name}", plain)
    )
    assert route_ids(graph) == ["GET /users/{id}", "GET /users/{id}#2", "GET /users/{name}"]
    assert task_of(graph, "GET /users/{id}").title == "Show the cart."
    findings = [(found.code, found.node_id) for found in diagnose(graph) if found.code.endswith("_ROUTE")]
    assert findings == [("DUPLICATE_ROUTE", "GET /users/{id}#2"), ("DUPLICATE_ROUTE", "GET /users/{name}")]


# Hostile input


class Hostile:
    """Raises whatever is asked of it, and cannot be hashed."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise AttributeError if name == "__name__" else RuntimeError(name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def test_hostile_endpoints_do_not_hide_the_others(caplog: pytest.LogCaptureFixture) -> None:
    made: dict[str, Any] = {}
    exec("async def generated(request): ...", made)
    cyclic = Router([Route("/x", plain)])
    cyclic.routes.append(Mount("/again", app=cyclic))

    class OddRoute(BaseRoute): ...

    class BrokenRoute(Route):
        @property
        def include_in_schema(self) -> Any:
            raise RuntimeError

        @include_in_schema.setter
        def include_in_schema(self, value: Any) -> None: ...

    def wrapped_in_itself(request: Request) -> Response:
        return PlainTextResponse("x")

    wrapped_in_itself.__wrapped__ = wrapped_in_itself  # type: ignore[attr-defined]
    graph = graph_of(
        Route("/hostile", Hostile()),
        Mount("/mounted", app=Hostile()),
        Route("/generated", made["generated"]),
        Route("/itself", wrapped_in_itself),
        BrokenRoute("/broken", plain),
        OddRoute(),
        Mount("/cyclic", app=cyclic),
        Route("/fine", plain),
        middleware=[Middleware(lambda app, thing: app, thing=Hostile())],
        exception_handlers={OutOfStockError: Hostile()},
    )
    assert graph.get("GET /fine") is not None
    assert graph.get("GET /cyclic/x") is not None
    assert graph.get("GET /itself") is not None
    generated = task_of(graph, "GET /generated")
    assert generated.file_path is None
    assert "could not be read" in caplog.text


@pytest.mark.parametrize(
    "app",
    [None, 3, Hostile(), object, lambda scope, receive, send: None],
    ids=["none", "number", "hostile", "class", "function"],
)
def test_what_is_no_app_has_no_routes(app: Any) -> None:
    structure = inspect_app(app, name="shop.app", project_root=HERE)
    assert [element.id for element in structure.elements] == ["shop.app"]


def test_a_large_app_is_inspected_in_time() -> None:
    """2,000 routes in a fraction of a second; the bar here is far above what a quiet machine needs."""
    import time

    routes = [Route(f"/part{number % 40}/{{id}}/{number}", plain) for number in range(2_000)]
    app = Starlette(routes=routes)
    started = time.process_time()
    structure = inspect_app(app, name="shop.app", project_root=HERE)
    assert len(structure.elements) == 2_001
    assert time.process_time() - started < 10
