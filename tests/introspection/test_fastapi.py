"""What is read off a FastAPI app beside its Starlette half: included routers, dependencies, models, lifespans, OpenAPI."""

import enum
import functools
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Security, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBasic, SecurityScopes
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from devtools.introspection.declarations import resource, task
from devtools.introspection.diagnostics import diagnose
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.introspector import inspect_app
from devtools.records import Run
from devtools.settings import Settings
from devtools.sources.asgi import RecordRequests
from devtools.telemetry import active
from devtools.telemetry.recorder import Recorder

HERE = Path(__file__).parent


class Item(BaseModel):
    """Something."""

    name: str


class Filters(BaseModel):
    """Parameters as one model."""

    color: str
    size: int = 1


async def plain() -> str:
    return "plain"


def opened() -> Iterator[str]:
    """Open it."""
    yield "open"


async def nested(value: Annotated[str, Depends(opened)]) -> str:
    return value


class Checker:
    """Checks what it was made for."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted

    async def __call__(self, q: str = "") -> AsyncIterator[bool]:
        yield self.wanted in q


def graph_of(app: Any) -> Graph:
    return Graph(inspect_app(app, name="shop.app", project_root=HERE))


def app_of(*routers: APIRouter, **options: Any) -> FastAPI:
    app = FastAPI(openapi_url=None, **options)
    for router in routers:
        app.include_router(router)
    return app


def route_ids(graph: Graph) -> list[str]:
    return sorted(element.id for element in graph.list(ElementKind.task) if element.route is not None)


def resource_of(graph: Graph, name: str) -> Element:
    return graph.by_id[f"{__name__}.{name}"]


def test_paths_are_composed_over_routers_in_routers(tmp_path: Path) -> None:
    """Also of WebSockets, plain Starlette routes and FastAPI apps within."""
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/{item}", plain)
    inner.add_api_route("/{item}", ask, methods=["POST"])
    inner.add_api_websocket_route("/feed", listen)
    inner.add_route("/raw", answer_raw)
    outer.include_router(inner, prefix="/between")
    app, sub = app_of(), app_of()
    app.include_router(outer, prefix="/outer")
    sub.include_router(inner, prefix="/inner")
    app.mount("/sub", sub)
    assert route_ids(graph_of(app)) == [
        "GET /outer/between/raw",
        "GET /outer/between/{item}",
        "GET /sub/inner/raw",
        "GET /sub/inner/{item}",
        "POST /outer/between/{item}",
        "POST /sub/inner/{item}",
        "WS /outer/between/feed",
        "WS /sub/inner/feed",
    ]


async def listen(socket: WebSocket, value: Annotated[str, Depends(nested)]) -> None:
    await socket.accept()


def test_fastapi_within_starlette_is_read_too() -> None:
    """Its document names the path it is mounted at."""
    inner = FastAPI(title="Inner", openapi_url=None)
    inner.add_api_route("/plain", plain, dependencies=[Depends(nested)])
    graph = graph_of(
        Starlette(routes=[Mount("/in", app=inner), Route("/own", lambda request: JSONResponse(1))])
    )
    assert route_ids(graph) == ["GET /in/plain", "GET /own"]
    assert graph.by_id["GET /in/plain"].depends_on == (f"{__name__}.nested",)
    document = json.loads(graph.structure.openapi or "")
    assert (document["info"]["title"], document["servers"]) == ("Inner", [{"url": "/in"}])


def test_dependencies_come_from_app_router_include_route_and_function() -> None:
    """Outermost first, each once; those of a dependency belong to it."""

    def first() -> None: ...
    def second() -> None: ...
    def third() -> None: ...
    def fourth() -> None: ...

    router = APIRouter(prefix="/r", dependencies=[Depends(second)])
    router.add_api_route("/x", ask, dependencies=[Depends(fourth), Depends(first)])
    app = FastAPI(dependencies=[Depends(first)])
    app.include_router(router, dependencies=[Depends(third)])
    graph = graph_of(app)
    named = [
        name.rpartition(":")[0].rpartition(".")[2] or name for name in graph.by_id["GET /r/x"].depends_on
    ]
    assert named == ["first", "third", "second", "fourth", f"{__name__}.nested"]
    assert resource_of(graph, "nested").depends_on == (f"{__name__}.opened",)
    assert graph.used_by(f"{__name__}.opened") == [resource_of(graph, "nested")]


async def ask(value: Annotated[str, Depends(nested)]) -> str:
    return value


def test_what_yields_is_made_and_disposed_of() -> None:
    app = app_of()
    app.add_api_route("/x", ask, dependencies=[Depends(Checker("a"))])
    found = graph_of(app)
    states = {name: resource_of(found, name) for name in ("opened", "nested", "Checker")}
    assert {name: (found.has_init, found.has_dispose) for name, found in states.items()} == {
        "opened": (True, True),
        "nested": (False, False),
        "Checker": (True, True),
    }


def test_dependencies_of_every_sort_have_ids_that_stay() -> None:
    """Partials and methods by their function; objects of one class by what they are made with, in any order of use."""

    class Service:
        def get(self) -> None: ...

    def routes_of(words: list[str]) -> Graph:
        app = app_of()
        for word in words:
            needs = [Depends(Checker(word)), Depends(functools.partial(opened)), Depends(Service().get)]
            app.add_api_route(f"/{word}", plain, dependencies=needs)
        return graph_of(app)

    graph = routes_of(["a", "b"])
    checker, service = f"{__name__}.Checker", "test_dependencies_of_every_sort_have_ids_that_stay.Service.get"
    first, *rest = graph.by_id["GET /b"].depends_on
    assert first == f"{checker}#2"
    assert rest[0] == f"{__name__}.opened"
    assert service in rest[1]
    assert routes_of(["b", "a"]).structure.elements == graph.structure.elements


def test_a_declared_dependency_is_the_element_that_was_declared() -> None:
    """With what it depends on and what the declaration leaves open."""

    @resource(id="shop.database", title="The database")
    def database(value: Annotated[str, Depends(opened)]) -> str:
        return value

    @task(id="shop.sell")
    async def sell(shop: Annotated[str, Depends(database)]) -> str:
        return shop

    app = app_of()
    app.add_api_route("/sell", sell)
    graph = graph_of(app)
    assert graph.by_id["GET /sell"].depends_on == ("shop.sell", "shop.database")
    database_element = graph.by_id["shop.database"]
    assert (database_element.title, database_element.depends_on) == ("The database", (f"{__name__}.opened",))


def test_an_overridden_dependency_says_so() -> None:
    app = app_of()
    app.add_api_route("/x", ask)
    app.dependency_overrides[nested] = plain
    graph = graph_of(app)
    assert resource_of(graph, "plain").overrides == (f"{__name__}.nested",)


def test_scopes_are_those_of_the_route_and_of_its_dependencies() -> None:
    basic = HTTPBasic(scheme_name="Staff", description="Name and password.")

    def user(needed: SecurityScopes, given: Annotated[Any, Depends(basic)]) -> None: ...
    def reader(user: Annotated[None, Security(user, scopes=["read"])]) -> None: ...

    app = app_of()
    app.add_api_route("/x", plain, dependencies=[Security(reader, scopes=["me"])])
    graph = graph_of(app)
    assert graph.by_id["GET /x"].scopes == ("me", "read")
    scheme = graph.by_id["fastapi.security.http.HTTPBasic"]
    assert (scheme.title, scheme.description) == ("Staff", "Name and password.")
    assert json.loads(scheme.config or "") == {
        "scheme_name": "Staff",
        "description": "Name and password.",
        "type": "http",
        "scheme": "basic",
    }


def test_parameters_are_named_as_in_a_request() -> None:
    """Headers with hyphens, aliases, a model of parameters field by field, hidden ones left out."""

    async def endpoint(
        filters: Annotated[Filters, Query()],
        x_token: Annotated[str, Header()],
        raw_name: Annotated[str, Header(convert_underscores=False)] = "",
        other: Annotated[str, Header(alias="X_Other")] = "",
        secret: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> None: ...

    app = app_of()
    app.add_api_route("/x", endpoint)
    schema = json.loads(graph_of(app).by_id["GET /x"].schema or "")
    assert set(schema["properties"]) == {"color", "size", "x-token", "raw_name", "X_Other"}
    assert schema["required"] == ["color", "x-token"]


def test_models_in_models_keep_their_references() -> None:
    async def endpoint(items: list[Item], more: dict[str, Item]) -> list[Item]:
        return items

    app = app_of()
    app.add_api_route("/x", endpoint, methods=["POST"])
    element = graph_of(app).by_id["POST /x"]
    result = json.loads(element.result_schema or "")
    assert result["items"] == {"$ref": "#/$defs/Item"}
    assert result["$defs"]["Item"]["properties"] == {"name": {"title": "Name", "type": "string"}}
    body = json.loads(element.schema or "")
    assert body["properties"]["body"]["properties"]["items"]["items"] == {"$ref": "#/$defs/Item"}
    assert "Item" in body["$defs"]


class Section(enum.Enum):
    goods = "goods"


def test_tags_are_elements_and_declared_ones_stay_what_they_are() -> None:
    router = APIRouter(tags=["outer", Section.goods])
    router.add_api_route("/x", plain, tags=["inner", "outer"])
    described = [{"name": "goods", "description": "What is sold."}, {"name": "unused"}]
    graph = graph_of(app_of(router, openapi_tags=described))
    assert [use.id for use in graph.by_id["GET /x"].tags] == ["outer", "goods", "inner"]
    tags = {tag.id: tag.description for tag in graph.list(ElementKind.tag)}
    assert tags == {"outer": None, "goods": "What is sold.", "inner": None, "unused": None}


@pytest.mark.parametrize(
    ("add", "missing"),
    [
        (lambda app: app.get("/x")(lambda: 1), True),
        (lambda app: app.get("/x", response_model=Item)(lambda: 1), False),
        (lambda app: app.get("/x", status_code=204)(lambda: None), False),
        (lambda app: app.get("/x", response_class=HTMLResponse)(lambda: ""), False),
        (lambda app: app.get("/x", response_class=JSONResponse)(lambda: 1), True),
        (lambda app: app.get("/x", include_in_schema=False)(lambda: 1), False),
        (lambda app: app.get("/x")(plain), False),
        (lambda app: app.get("/x")(answer_nothing), False),
        (lambda app: app.get("/x")(answer_anything), False),
        (lambda app: app.get("/x")(answer_page), False),
        (lambda app: app.add_route("/x", lambda request: HTMLResponse("")), False),
    ],
)
def test_a_missing_response_model_is_found(add: Callable[[FastAPI], Any], missing: bool) -> None:
    app = app_of()
    add(app)
    codes = [finding.code for finding in diagnose(graph_of(app))]
    assert ("MISSING_RESPONSE_MODEL" in codes) is missing


async def answer_nothing() -> None: ...


async def answer_anything() -> Any: ...


async def answer_page() -> HTMLResponse:
    return HTMLResponse("")


def test_lifespans_of_app_and_routers_are_the_app_s_own() -> None:
    """Included routers' are merged with them by FastAPI, whose functions are none of the app's."""

    @asynccontextmanager
    async def first(app: FastAPI) -> AsyncIterator[None]:
        yield

    @asynccontextmanager
    async def second(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = app_of(APIRouter(lifespan=second), APIRouter(), lifespan=first)
    graph = graph_of(app)
    found = [element.id for element in graph.list(ElementKind.resource) if element.has_init]
    assert [name.rpartition(":")[0].rpartition(".")[2] or name for name in found] == [
        "shop.app",
        "first",
        "second",
    ]
    without = graph_of(app_of(APIRouter(), APIRouter()))
    assert [(element.id, element.has_init) for element in without.list(ElementKind.resource)] == [
        ("shop.app", False)
    ]


def test_handlers_of_startup_and_shutdown_are_resources() -> None:
    app = app_of()
    app.router.on_startup.append(plain)
    app.router.on_shutdown.append(nested)
    graph = graph_of(app)
    assert graph.by_id["shop.app"].has_init
    assert resource_of(graph, "plain").has_init
    assert resource_of(graph, "nested").has_dispose


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID:UserWarning")
@pytest.mark.parametrize("first", ["get", "post", "delete"])
def test_an_operation_id_that_a_set_decides_is_the_same_at_every_start(first: str) -> None:
    """FastAPI ends the id of a route in the first of its methods, which are a set."""
    app = FastAPI(openapi_url=None)

    @app.api_route("/{rest:path}", methods=["GET", "POST", "DELETE"])
    def everything(rest: str) -> str:
        return rest

    @app.get("/one", operation_id="my_get")
    def one() -> str:
        return "one"

    route: Any = app.routes[-2]
    route.unique_id = f"everything__rest__{first}"
    paths = json.loads(graph_of(app).structure.openapi or "")["paths"]
    ids = {method: operation["operationId"] for method, operation in paths["/{rest}"].items()}
    assert ids == dict.fromkeys(("get", "post", "delete"), "everything__rest__delete")
    assert paths["/one"]["get"]["operationId"] == "my_get"


def test_a_custom_document_is_the_one_that_is_kept() -> None:
    app = FastAPI()
    app.openapi = lambda: {"openapi": "3.1.0", "info": {"title": "Mine"}, "paths": {}}  # type: ignore[method-assign]
    assert json.loads(graph_of(app).structure.openapi or "")["info"] == {"title": "Mine"}


def test_a_document_that_cannot_be_made_hides_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Any:
        raise RuntimeError("no document")

    app = app_of()
    app.add_api_route("/x", plain)
    app.openapi = fail  # type: ignore[method-assign]
    graph = graph_of(app)
    assert "GET /x" in graph.by_id
    assert graph.structure.openapi is None
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "The OpenAPI document could not be made: no document"
    ]


@pytest.mark.parametrize("seed", range(5))
def test_ids_do_not_depend_on_the_order_of_registration(seed: int) -> None:
    def made(order: random.Random | None) -> Graph:
        routers = [APIRouter(prefix=f"/{name}", tags=[name]) for name in "abcd"]
        for router in routers:
            router.add_api_route("/x", plain, dependencies=[Depends(Checker(router.prefix)), Depends(nested)])
        subs = [(f"/sub{name}", timed(name)) for name in "ef"]
        if order is not None:
            order.shuffle(routers)
            order.shuffle(subs)
        app = app_of(*routers)
        for path, sub in subs:
            app.mount(path, sub)
        return graph_of(app)

    assert made(random.Random(seed)).structure.elements == made(None).structure.elements


def timed(name: str) -> FastAPI:
    """An app with a middleware of a class that others have too."""
    sub = FastAPI(openapi_url=None, middleware=[Middleware(Wrapping, name=name)])
    sub.add_api_route("/x", plain)
    return sub


class Wrapping:
    def __init__(self, app: Any, name: str) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


async def test_ids_are_those_that_requests_are_recorded_under() -> None:
    inner, outer, mounted = APIRouter(), APIRouter(), app_of()
    inner.add_api_route("/{item}", plain)
    inner.add_route("/raw/x", answer_raw)
    mounted.include_router(inner, prefix="/inner")
    outer.include_router(inner, prefix="/b")
    app = app_of()
    app.include_router(outer, prefix="/outer")
    app.mount("/tenants/{tenant}", mounted)
    graph = graph_of(app)
    paths = ["/outer/b/1", "/outer/b/raw/x", "/tenants/t/inner/1", "/tenants/t/inner/raw/x"]
    active.recorder = recorder = Recorder()
    try:
        transport = httpx.ASGITransport(RecordRequests(app, recorder, Settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            statuses = [(await client.get(path)).status_code for path in paths]
    finally:
        active.recorder = None
    recorded = [run.node_id for run in recorder.rings.of(Run).snapshot()]
    assert statuses == [200] * len(paths)
    assert [identifier for identifier in recorded if identifier not in graph.by_id] == []
    assert len(set(recorded)) == len(paths)


async def answer_raw(request: Any) -> JSONResponse:
    return JSONResponse(1)


def test_a_router_that_cannot_be_read_does_not_hide_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken, fine = APIRouter(prefix="/broken"), APIRouter(prefix="/fine")
    broken.add_api_route("/x", plain)
    fine.add_api_route("/x", plain)
    app = app_of(broken, fine)
    for route in broken.routes:
        route.dependant.dependencies = None  # type: ignore[attr-defined]
        del route.path  # type: ignore[attr-defined]
    assert "GET /fine/x" in route_ids(graph_of(app))
