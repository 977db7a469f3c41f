"""Requests and sessions as runs."""

import asyncio
import contextlib
import contextvars
import gc
import logging
import weakref

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from devtools.records import RunStatus, SourceKind
from devtools.telemetry import active, context
from devtools.telemetry import runs as run_module
from devtools.telemetry.context import own_work
from tests.sources.asgi_client import (
    call,
    errors,
    fetch,
    get,
    http_scope,
    logs,
    recorded,
    runs,
    websocket_scope,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


async def hello(request):
    return PlainTextResponse("hello")


async def fail(request):
    raise ValueError("no stock of item 12")


async def missing(request):
    raise HTTPException(404)


class Cart(HTTPEndpoint):
    async def get(self, request):
        return PlainTextResponse("cart")


async def echo(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


def shop(**options) -> Starlette:
    routes = [
        Route("/", hello),
        Route("/cart/{id}", hello, methods=["GET", "POST"]),
        Route("/fail/{id:int}", fail),
        Route("/missing", missing),
        Route("/class", Cart),
        WebSocketRoute("/feed", echo),
        Mount(
            "/tenants/{tenant}",
            routes=[Route("/orders/{id}", hello), Mount("/deep", Router([Route("/x", hello)]))],
        ),
        Mount("/sub", Starlette(routes=[Route("/page", hello)])),
        Mount("/raw", app=PlainTextResponse("raw")),
        Mount("/static", app=StaticFiles(directory="/usr/share", check_dir=False)),
    ]
    return Starlette(routes=routes, **options)


def test_a_request_is_a_run(recorder):
    """Route, method, path, masked query, status, sizes, client; the outermost run is its own root."""
    response = get(recorded(shop(), recorder), "/cart/7?token=planted&page=2", "POST", content=b"12345")
    (run,) = runs(recorder)
    assert (run.node_id, run.name) == ("POST /cart/{id}", "POST /cart/{id}")
    http = run.http
    assert (http.method, http.route, http.path, http.query) == (
        "POST",
        "/cart/{id}",
        "/cart/7",
        "token=[masked]&page=2",
    )
    assert (http.status, http.request_bytes, http.response_bytes, http.client) == (200, 5, 5, "127.0.0.1")
    assert (run.status, run.ok, run.error) == (RunStatus.ok, True, None)
    assert (run.parent_id, run.root_id, run.root_run_id) == (None, run.node_id, run.run_id)
    assert run.duration_ns > 0
    assert response.headers["x-correlation-id"] == run.correlation_id


@pytest.mark.parametrize(
    ("method", "path", "node"),
    [
        ("GET", "/", "GET /"),
        ("HEAD", "/", "GET /"),
        ("GET", "/cart/1", "GET /cart/{id}"),
        ("DELETE", "/cart/1", "unmatched"),
        ("GET", "/class", "GET /class"),
        ("GET", "/nowhere/12345", "unmatched"),
        ("GET", "/missing", "GET /missing"),
        ("GET", "/tenants/acme/orders/3", "GET /tenants/{tenant}/orders/{id}"),
        ("GET", "/tenants/acme/deep/x", "GET /tenants/{tenant}/deep/x"),
        ("GET", "/tenants/acme/nowhere", "unmatched"),
        ("GET", "/sub/page", "GET /sub/page"),
        ("GET", "/raw/anything", "ANY /raw/{path}"),
        ("GET", "/static/none.css", "GET /static/{path}"),
    ],
)
def test_the_node_is_the_composed_route(recorder, method, path, node):
    """Never the path itself: ids stay few."""
    app = recorded(shop(), recorder)
    for _ in range(2):
        get(app, path, method)
    assert [run.node_id for run in runs(recorder)] == [node, node]


def test_mounts_with_parameters_share_one_node(recorder):
    """The template, not the tenant."""
    app = recorded(shop(), recorder)
    for tenant in ("a", "b", "a"):
        get(app, f"/tenants/{tenant}/orders/3")
    assert {run.node_id for run in runs(recorder)} == {"GET /tenants/{tenant}/orders/{id}"}


def test_below_a_root_path(recorder):
    """A proxy's prefix is no part of the route."""
    asyncio.run(call(recorded(shop(), recorder), http_scope("/proxy/sub/page", root_path="/proxy"), []))
    assert runs(recorder)[0].node_id == "GET /sub/page"


def test_an_app_without_routes_is_unmatched(recorder):
    """Any ASGI app can be recorded."""
    get(recorded(PlainTextResponse("raw"), recorder), "/x/12345")
    assert (runs(recorder)[0].node_id, runs(recorder)[0].name) == ("unmatched", "GET")


def test_fastapi_routers_compose(recorder):
    """Included routers and mounted apps."""
    fastapi = pytest.importorskip("fastapi")
    inner, outer = fastapi.APIRouter(), fastapi.APIRouter(prefix="/v1")
    inner.get("/items/{id}")(lambda: 1)
    outer.include_router(inner, prefix="/shop")
    app, sub = fastapi.FastAPI(), fastapi.FastAPI()
    sub.get("/x/{y}")(lambda y: y)
    app.include_router(outer)
    app.mount("/sub/{t}", sub)
    layer = recorded(app, recorder)
    for path in ("/v1/shop/items/3", "/sub/1/x/2", "/nowhere"):
        get(layer, path)
    assert [run.node_id for run in runs(recorder)] == [
        "GET /v1/shop/items/{id}",
        "GET /sub/{t}/x/{y}",
        "unmatched",
    ]


def test_plain_routes_of_a_fastapi_app_are_known(recorder):
    """Its own pages too: FastAPI names only their endpoints."""
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()
    app.add_route("/plain/{x}", PlainTextResponse("plain"))
    app.add_route("/other", PlainTextResponse("other"))
    layer = recorded(app, recorder)
    for path in ("/docs", "/plain/3", "/other", "/nowhere"):
        get(layer, path)
    nodes = [run.node_id for run in runs(recorder)]
    assert [node.partition(" ")[2] for node in nodes] == ["/docs", "/plain/{x}", "/other", ""]


def test_traceparent_continues_the_chain(recorder):
    """The trace id is the correlation id, the caller's span the parent run."""
    response = get(recorded(shop(), recorder), "/", headers={"traceparent": TRACEPARENT})
    (run,) = runs(recorder)
    assert run.correlation_id == TRACE == response.headers["x-correlation-id"]
    assert f"{run.parent_run_id:016x}" == SPAN
    assert (run.parent_id, run.root_run_id) == (None, run.run_id)


@pytest.mark.parametrize(
    "header",
    ["", "nonsense", TRACEPARENT.upper(), f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
     f"{TRACEPARENT}-more", f"00-{TRACE}-{SPAN}-0", f"00_{TRACE}-{SPAN}-01", f"00-{TRACE[:-1]}_-{SPAN}-01"],
)  # fmt: skip
def test_an_invalid_traceparent_starts_a_new_chain(recorder, header):
    """W3C: what is not valid is ignored."""
    get(recorded(shop(), recorder), "/", headers={"traceparent": header})
    (run,) = runs(recorder)
    assert run.correlation_id != TRACE
    assert len(run.correlation_id) == 32
    assert run.parent_run_id is None


def test_two_traceparents_are_none(recorder):
    """Nobody can tell which is meant."""
    other = TRACEPARENT.replace("4", "5")
    headers = [(b"traceparent", TRACEPARENT.encode()), (b"traceparent", other.encode())]
    asyncio.run(call(recorded(shop(), recorder), http_scope(headers=headers), []))
    assert runs(recorder)[0].correlation_id not in {TRACE, TRACE.replace("4", "5")}


def test_later_versions_of_traceparent_are_read(recorder):
    """A version that says more is read as far as it is known."""
    get(recorded(shop(), recorder), "/", headers={"traceparent": f"01-{TRACE}-{SPAN}-01-more"})
    assert runs(recorder)[0].correlation_id == TRACE


def test_the_header_can_be_switched_off_and_is_never_doubled(recorder):
    """An app that sets it keeps its own; a constant answer does not collect headers."""

    async def own(request):
        return PlainTextResponse("x", headers={"x-correlation-id": "mine"})

    constant = PlainTextResponse("x")
    app = Starlette(
        routes=[Route("/own", own), Route("/constant", lambda request: constant), Route("/", hello)]
    )
    layer = recorded(app, recorder)
    assert get(layer, "/own").headers["x-correlation-id"] == "mine"
    seen = [get(layer, "/constant").headers.get_list("x-correlation-id") for _ in range(2)]
    assert [len(values) for values in seen] == [1, 1]
    assert seen[0] != seen[1]
    assert "x-correlation-id" not in get(recorded(app, recorder, correlation_header=False), "/").headers


def test_an_unhandled_exception_is_one_error_and_a_failed_run(recorder):
    """Also though Starlette answers 500 and raises again."""
    assert get(recorded(shop(), recorder), "/fail/3").status_code == 500
    (run,), (error,) = runs(recorder), errors(recorder)
    assert (run.status, run.ok, run.error, run.http.status) == (
        RunStatus.error,
        False,
        "no stock of item 12",
        500,
    )
    assert (error.type, error.message, error.source_id) == (
        "ValueError",
        "no stock of item 12",
        "GET /fail/{id:int}",
    )
    assert (error.source_kind, error.run_id, error.correlation_id) == (
        SourceKind.TASK,
        run.run_id,
        run.correlation_id,
    )
    assert "in fail" in error.stack
    assert "sources/asgi.py" not in error.stack


def test_the_exception_reaches_the_server(recorder):
    """We look on; we do not swallow."""
    with pytest.raises(ValueError, match="no stock"):
        asyncio.run(call(recorded(shop(), recorder), http_scope("/fail/1"), []))


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "ok"), (404, "ok"), (499, "ok"), (500, "error"), (503, "error")]
)
def test_the_status_decides(recorder, status, expected):
    """4xx is the client's matter; from 500 on it is the server's. An answer alone makes no error record."""
    app = Starlette(routes=[Route("/", lambda request: Response(status_code=status))])
    get(recorded(app, recorder), "/")
    assert runs(recorder)[0].status.value == expected
    assert errors(recorder) == []


def test_a_handled_exception_that_became_a_server_error(watch):
    """One error with its stack; one that became a 4xx makes none."""
    recorder = watch()
    handlers = {
        KeyError: lambda request, error: Response(status_code=503),
        ValueError: lambda request, error: Response(status_code=422),
    }

    async def key(request):
        raise KeyError("k")

    app = Starlette(routes=[Route("/key", key), Route("/value/{id:int}", fail)], exception_handlers=handlers)
    layer = recorded(app, recorder)
    assert get(layer, "/value/1").status_code == 422
    assert errors(recorder) == []
    assert get(layer, "/key").status_code == 503
    (error,) = errors(recorder)
    assert (error.type, error.source_id) == ("KeyError", "GET /key")
    assert "in key" in error.stack
    assert runs(recorder)[-1].error == "'k'"


def test_a_constant_exception_counts_in_every_request(recorder):
    """Raised again, it is a new error; within one request it is one."""
    constant = RuntimeError("always the same object")

    async def always(request):
        raise constant

    layer = recorded(Starlette(routes=[Route("/", always)]), recorder)
    get(layer, "/")
    get(layer, "/")
    assert len(errors(recorder)) == 2
    assert len({error.fingerprint for error in errors(recorder)}) == 1


def test_cancellation_and_a_client_that_left_are_no_errors(recorder):
    """The run is cancelled, nothing is reported."""

    async def wait(scope, receive, send):
        await asyncio.Future()

    async def left(scope, receive, send):
        raise ClientDisconnect

    async def writes_to_nobody(scope, receive, send):
        await receive()
        raise OSError("broken pipe")

    async def cancelled() -> None:
        task = asyncio.create_task(call(recorded(wait, recorder), http_scope(), []))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    for app in (left, writes_to_nobody):
        with pytest.raises((ClientDisconnect, OSError)):
            asyncio.run(call(recorded(app, recorder), http_scope(), [{"type": "http.disconnect"}]))
    assert [run.status for run in runs(recorder)] == [RunStatus.cancelled] * 3
    assert errors(recorder) == []


def test_a_stream_that_the_client_leaves_is_cancelled(recorder):
    """Starlette ends the body early; the run says so."""

    async def endless():
        while True:
            yield b"x"
            await asyncio.sleep(0)

    app = Starlette(routes=[Route("/", lambda request: StreamingResponse(endless()))])
    incoming = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    asyncio.run(call(recorded(app, recorder), http_scope(), incoming))
    assert runs(recorder)[0].status is RunStatus.cancelled
    assert errors(recorder) == []


def test_a_streaming_answer_ends_with_its_body(recorder):
    """While it streams it is listed as running; its length covers the body; then it is recorded before the last part leaves."""
    seen: list[int] = []

    async def parts():
        for _ in range(3):
            await asyncio.sleep(0.01)
            seen.append(len(recorder.running))
            yield b"part"

    app = Starlette(routes=[Route("/", lambda request: StreamingResponse(parts()))])
    get(recorded(app, recorder), "/")
    (run,) = runs(recorder)
    assert seen == [1, 1, 1]
    assert (run.http.response_bytes, recorder.running) == (12, {})
    assert run.duration_ms >= 25


def test_a_client_finds_its_own_request(recorder):
    """The run is kept before the end of the answer is sent."""
    found: list[int] = []

    async def send(message):
        if message["type"] == "http.response.body":
            found.append(len(runs(recorder)))

    async def scenario() -> None:
        await recorded(PlainTextResponse("x"), recorder)(http_scope(), None, send)

    asyncio.run(scenario())
    assert found == [1]


def test_an_app_that_never_answers_is_an_error(recorder):
    """The server will send a 500 of its own."""

    async def silent(scope, receive, send):
        pass

    asyncio.run(call(recorded(silent, recorder), http_scope(), []))
    assert runs(recorder)[0].status is RunStatus.error
    assert runs(recorder)[0].error == "The app returned without completing its answer."


def test_background_tasks_belong_to_the_request(watch):
    """A run of their own in the request's chain; the request does not wait for them."""
    recorder = watch()

    def later() -> None:
        logging.getLogger("shop").warning("later")

    async def endpoint(request):
        return PlainTextResponse("x", background=BackgroundTask(later))

    get(recorded(Starlette(routes=[Route("/", endpoint)]), recorder), "/")
    request, task = runs(recorder)
    assert request.node_id == "GET /"
    assert task.node_id.endswith("later")
    assert (task.parent_run_id, task.parent_id, task.root_id) == (request.run_id, "GET /", "GET /")
    assert (task.correlation_id, logs(recorder)[0].run_id) == (request.correlation_id, task.run_id)


def test_a_failing_background_task_is_one_error_of_its_own(watch):
    """The request was answered and stays ok."""
    recorder = watch()

    def later() -> None:
        raise RuntimeError("too late")

    async def endpoint(request):
        return PlainTextResponse("x", background=BackgroundTask(later))

    get(recorded(Starlette(routes=[Route("/", endpoint)]), recorder), "/")
    request, task = runs(recorder)
    (error,) = errors(recorder)
    assert (request.ok, task.ok, task.error) == (True, False, "too late")
    assert error.run_id == task.run_id


def test_children_know_the_route(recorder):
    """A run inside a request has the request's node as parent and root, also while it still runs."""

    async def endpoint(request):
        run_module.finish(run_module.start("shop.load", run_module.NodeKind.TASK, "load"))
        assert runs(recorder)[0].parent_id == "GET /orders/{id}"
        return PlainTextResponse("x")

    get(recorded(Starlette(routes=[Route("/orders/{id}", endpoint)]), recorder), "/orders/1")
    child, request = runs(recorder)
    assert (child.parent_id, child.root_id) == ("GET /orders/{id}", "GET /orders/{id}")
    assert child.parent_run_id == request.run_id
    assert request.ok


def test_base_http_middleware_keeps_the_chain(watch):
    """It runs the endpoint in another task; logs there still belong to the request."""
    recorder = watch()

    class Slow(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            return await call_next(request)

    async def endpoint(request):
        logging.getLogger("shop").warning("inside")
        return PlainTextResponse("x")

    app = Starlette(routes=[Route("/x", endpoint)], middleware=[Middleware(Slow)])
    get(recorded(app, recorder), "/x")
    (run,), (log,) = runs(recorder), logs(recorder)
    assert (run.node_id, log.run_id, log.correlation_id) == ("GET /x", run.run_id, run.correlation_id)


def test_what_surrounds_the_app_is_restored(recorder):
    """After a request no run is current; inside a run a request is its child."""
    outer = run_module.start("test", run_module.NodeKind.TASK, "test")
    get(recorded(shop(), recorder), "/")
    assert context.current.get() is outer
    run_module.finish(outer)
    request, test = runs(recorder)
    assert (request.parent_run_id, request.correlation_id) == (test.run_id, test.correlation_id)


@pytest.mark.parametrize("settings", [{"sources": ("logging",)}, {"sampling": {"asgi": 0.0}}])
def test_switched_off_or_thinned_out(recorder, settings):
    """The app is served, nothing is recorded."""
    assert get(recorded(shop(), recorder, **settings), "/").status_code == 200
    assert runs(recorder) == []


def test_a_share_is_kept(recorder):
    """About half of a thousand."""
    layer = recorded(PlainTextResponse("x"), recorder, sampling={"asgi": 0.5})

    async def many() -> None:
        for _ in range(1_000):
            await call(layer, http_scope(), [])

    asyncio.run(many())
    assert 400 < len(runs(recorder)) < 600


def test_paused_and_our_own_work(recorder):
    """Neither leaves a run."""
    layer = recorded(shop(), recorder)
    recorder.paused = True
    get(layer, "/")
    recorder.paused = False
    with own_work():
        get(layer, "/")
    assert runs(recorder) == []


def test_a_websocket_session(recorder):
    """Accepted, counted, closed by the client in good order: ok."""
    incoming = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "12345"},
        {"type": "websocket.receive", "bytes": None, "text": "é"},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    with pytest.raises(Exception, match="1000"):
        asyncio.run(call(recorded(shop(), recorder), websocket_scope("/feed"), incoming))
    (run,) = runs(recorder)
    assert (run.node_id, run.http.method, run.http.status) == ("WS /feed", "WS", 101)
    assert (run.http.request_bytes, run.http.response_bytes) == (7, 7)
    assert run.status is RunStatus.ok
    assert errors(recorder) == []


def test_a_websocket_that_breaks_off(recorder):
    """Cancelled, and no error."""
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}]
    with pytest.raises(Exception, match="1006"):
        asyncio.run(call(recorded(shop(), recorder), websocket_scope("/feed"), incoming))
    assert runs(recorder)[0].status is RunStatus.cancelled
    assert errors(recorder) == []


def test_a_websocket_without_a_route_is_refused(recorder):
    """403, unmatched, ok: the client's matter."""
    asyncio.run(
        call(recorded(shop(), recorder), websocket_scope("/nowhere"), [{"type": "websocket.connect"}])
    )
    (run,) = runs(recorder)
    assert (run.node_id, run.http.status, run.status) == ("unmatched", 403, RunStatus.ok)


def test_an_exception_in_a_session(recorder):
    """One error, a failed run."""

    async def broken(websocket):
        await websocket.accept()
        raise RuntimeError("broken feed")

    app = Starlette(routes=[WebSocketRoute("/feed", broken)])
    with pytest.raises(RuntimeError):
        asyncio.run(call(recorded(app, recorder), websocket_scope("/feed"), [{"type": "websocket.connect"}]))
    assert (runs(recorder)[0].status, len(errors(recorder))) == (RunStatus.error, 1)


def test_lifespan_passes_through(recorder):
    """Not our matter here."""

    async def app(scope, receive, send):
        await send({"type": "lifespan.startup.complete"})

    assert asyncio.run(call(recorded(app, recorder), {"type": "lifespan"}, [])) == [
        {"type": "lifespan.startup.complete"}
    ]


def test_parallel_requests_never_mix(watch):
    """Fifty at once, each with logs in tasks, task groups and executor threads: one correlation id each."""
    recorder = watch()
    logger = logging.getLogger("shop")

    async def endpoint(request):
        name = request.path_params["name"]

        async def step(number: int) -> None:
            await asyncio.sleep(0)
            logger.warning("%s step %d", name, number)
            await asyncio.to_thread(logger.warning, "%s thread %d", name, number)
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)

        async with asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(step(number))
        await asyncio.gather(step(3), step(4))
        return PlainTextResponse(name)

    layer = recorded(Starlette(routes=[Route("/{name}", endpoint)]), recorder)

    async def scenario() -> list:
        return await asyncio.gather(*(fetch(layer, f"/name{number}") for number in range(50)))

    responses = asyncio.run(scenario())
    expected = {response.text: response.headers["x-correlation-id"] for response in responses}
    assert len(set(expected.values())) == 50
    assert len(logs(recorder)) == 50 * 8
    assert all(log.correlation_id == expected[log.message.split()[0]] for log in logs(recorder))


@pytest.mark.parametrize("scope", [http_scope(), websocket_scope("/")])
def test_what_outlives_its_request_talks_to_the_server(recorder, scope):
    """A task that goes on after the app returned gets what the server says, and the run that ended stays as it was."""
    late: list[asyncio.Task] = []
    kind = scope["type"]
    ended = asyncio.Event()

    async def later(receive, send):
        await ended.wait()
        await send({"type": "late"})
        return await receive()

    async def app(scope, receive, send):
        late.append(asyncio.create_task(later(receive, send)))
        await send(
            {"type": "websocket.accept"}
            if kind == "websocket"
            else {"type": "http.response.start", "status": 200}
        )
        await send(
            {"type": "websocket.close"}
            if kind == "websocket"
            else {"type": "http.response.body", "body": b"x"}
        )

    async def scenario() -> tuple[list, object]:
        sent: list = []

        async def receive():
            return {"type": f"{kind}.disconnect", "code": 1006}

        async def send(message):
            sent.append(message["type"])

        await recorded(app, recorder)(scope, receive, send)
        ended.set()
        return sent, await late[0]

    sent, received = asyncio.run(scenario())
    assert sent[-1] == "late"
    assert received == {"type": f"{kind}.disconnect", "code": 1006}
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


class Hostile:
    """A route of some framework that cannot be read."""

    @property
    def methods(self):
        raise RuntimeError("not to be read")


@pytest.mark.parametrize("fails", [False, True])
def test_what_fails_in_our_bookkeeping_never_reaches_the_app(recorder, fails):
    """The answer, or the exception of the app, is as without us. The run is lost, and counted."""

    async def app(scope, receive, send):
        scope["route"] = Hostile()
        if fails:
            raise ValueError("of the app")
        await PlainTextResponse("x")(scope, receive, send)

    layer = recorded(app, recorder)
    if fails:
        with pytest.raises(ValueError, match="of the app"):
            asyncio.run(call(layer, http_scope(), []))
    else:
        assert [message["type"] for message in asyncio.run(call(layer, http_scope(), []))] == [
            "http.response.start",
            "http.response.body",
        ]
    assert (runs(recorder), recorder.running) == ([], {})
    assert recorder.dropped["run"] == 1


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_messages_that_cannot_be_read_are_passed_on(recorder, kind):
    """Whether they are right is for the server and the app to say."""
    odd = [
        {"type": f"{kind}.response.start", "status": 200, "headers": [None]},
        {"type": "websocket.accept", "headers": [1]},
    ]

    async def app(scope, receive, send):
        await receive()
        for message in odd:
            await send(message)

    incoming = [{"type": f"{kind}.receive", "text": 12, "bytes": 7}]
    scope = {**http_scope(), "type": kind}
    assert asyncio.run(call(recorded(app, recorder), scope, incoming)) == odd
    assert recorder.running == {}


@pytest.mark.parametrize("broken", [{"headers": [()]}, {"headers": None}, {"method": None}, {"path": 12}])
def test_a_scope_that_cannot_be_read_is_passed_on(recorder, broken):
    """Without a run, where it cannot be made."""
    seen: list = []

    async def app(scope, receive, send):
        seen.append(scope)

    scope = {**http_scope(), **broken}
    asyncio.run(call(recorded(app, recorder), scope, []))
    assert seen == [scope]
    assert recorder.running == {}


def test_headers_that_can_be_read_once_arrive_whole(recorder):
    """ASGI allows any iterable."""

    async def app(scope, receive, send):
        headers = iter([(b"x-correlation-id", b"own"), (b"a", b"b")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    start, _ = asyncio.run(call(recorded(app, recorder), http_scope(), []))
    assert list(start["headers"]) == [(b"x-correlation-id", b"own"), (b"a", b"b")]


def test_an_app_that_is_left_in_another_context_than_it_was_entered_in(recorder):
    """A server may drive it so; what is current there is as before."""

    class Pause:
        def __await__(self):
            yield

    async def app(scope, receive, send):
        await Pause()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        pass

    exchange = recorded(app, recorder)(http_scope(), None, send)
    contextvars.Context().run(exchange.send, None)
    elsewhere = contextvars.Context()
    with pytest.raises(StopIteration):
        elsewhere.run(exchange.send, None)
    assert elsewhere.run(context.current.get) is None
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


@pytest.mark.parametrize("kind", ["body", "pathsend", "zerocopysend"])
@pytest.mark.parametrize(("code", "status"), [(200, RunStatus.ok), (500, RunStatus.error)])
def test_an_answer_of_any_kind_has_its_outcome(recorder, kind, code, status):
    """Files are parts of an answer too, by extensions of ASGI."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": code, "headers": []})
        await send({"type": f"http.response.{kind}", "path": "/tmp/file"})

    asyncio.run(call(recorded(app, recorder), http_scope(), []))
    (run,) = runs(recorder)
    assert (run.status, run.error) == (status, None if code == 200 else "HTTP 500")


def test_a_file_in_parts_ends_with_the_last(recorder):
    """As a body does."""
    more = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.zerocopysend", "more_body": True})
        more.append(len(runs(recorder)))
        await send({"type": "http.response.body"})

    asyncio.run(call(recorded(app, recorder), http_scope(), []))
    assert more == [0]
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


def test_an_app_that_is_left_in_another_context_is_nobodys_parent(recorder):
    """As a wrapper does that ends what it awaits elsewhere: the next request is no part of this one."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    layer = recorded(app, recorder)

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        await asyncio.sleep(0)

    async def ask_twice():
        first = layer(http_scope(), receive, send)
        first.send(None)  # begun in this context
        elsewhere = contextvars.copy_context()
        elsewhere.run(finish, first)
        assert elsewhere.run(context.current.get) is None

    def finish(coroutine):
        with contextlib.suppress(StopIteration):
            while True:
                coroutine.send(None)

    asyncio.run(ask_twice())
    assert len(runs(recorder)) == 1


@pytest.mark.parametrize(
    ("announced", "bytes_"), [("12", 12), ("9" * 30, None), ("9" * 5_000, None), ("-1", None)]
)
def test_a_length_that_is_no_length_is_none(recorder, announced, bytes_):
    """Python refuses to read numbers of more than 4,300 digits, and no store holds one of 30."""
    get(recorded(shop(), recorder), "/", headers={"content-length": announced})
    assert [run.http.request_bytes for run in runs(recorder)] == [bytes_]


def test_an_exception_that_was_answered_is_let_go(recorder):
    """With the objects it holds, before anybody reads the ring."""

    class Refused(Exception):
        pass

    async def refuse(request):
        raise Refused

    raised = []

    async def answer(request, error):
        raised.append(weakref.ref(error))
        return PlainTextResponse("no", 409)

    layer = recorded(Starlette(routes=[Route("/", refuse)], exception_handlers={Refused: answer}), recorder)
    for _ in range(3):
        assert get(layer, "/").status_code == 409
    gc.collect()
    assert [reference() for reference in raised] == [None] * 3


def test_nothing_is_kept_alive_by_a_run(recorder):
    """A run in the ring holds neither the scope nor the server's functions."""
    layer = recorded(shop(), recorder)
    get(layer, "/")
    assert active.recorder is recorder
    (fact,) = recorder._runs
    assert fact.scope is None
    assert not [
        held
        for held in (getattr(fact, name) for name in fact.__struct_fields__)
        if callable(held) and held is not layer
    ]
