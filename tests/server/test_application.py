"""Our own application: every route has a policy, and a new one without a row fails here."""

import asyncio
import contextlib
import gc
import json
import threading
from pathlib import Path

import httpx
import pytest
from starlette.requests import ClientDisconnect
from starlette.routing import Route, WebSocketRoute

from devtools.app import DevTools
from devtools.graphql.executor import execute
from devtools.records import Level
from devtools.runtime import Runtime
from devtools.server import application, graphql_endpoint
from devtools.server.credentials import Credentials
from devtools.server.guard.policy import WEBSOCKET, Policies, core_policies
from devtools.settings import Limits, load
from devtools.telemetry.recorder import UNREAD
from tests.sources.asgi_client import http_scope

pytestmark = pytest.mark.anyio
TOKEN = "t" * 43


@pytest.fixture
def runtime():
    resolved = load({"token": TOKEN}, environment={}, directory=Path("/"))
    made = Runtime(resolved, Credentials.load(resolved.settings, persist=False))
    yield made
    made.close()


def client_of(runtime):
    """Somebody on this machine, with the token."""
    transport = httpx.ASGITransport(runtime.standalone(), client=("127.0.0.1", 1))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@pytest.fixture
async def client(runtime):
    async with client_of(runtime) as made:
        yield made


def test_every_route_has_a_row_in_the_guards_table(runtime):
    """A route without one would answer 404, and this says why."""
    policies = Policies(core_policies(Limits()))
    for path in application.PATHS:
        for method in ("GET", "POST", WEBSOCKET):
            assert policies.resolve(path, method, "text/html").policy is not None, (method, path)
    for route in application.routes():
        methods = [WEBSOCKET] if isinstance(route, WebSocketRoute) else sorted(getattr(route, "methods", ()))
        assert isinstance(route, Route | WebSocketRoute)
        for method in methods:
            path = route.path.replace("{path:path}", "x").replace("{name}", "x").replace("{path}", "x")
            assert policies.resolve(path, method, "text/html").policy is not None, (method, route.path)


async def test_pages_load_without_a_token_and_data_does_not(client):
    """A page carries no data."""
    del client.headers["Authorization"]
    for path in ("/", "/graphiql"):
        assert (await client.get(path)).status_code == 200
    assert (await client.post("/graphql", json={"query": "{ system { version } }"})).status_code == 401
    assert (await client.get("/nothing")).status_code == 404


async def test_graphql_opened_in_a_browser_goes_to_graphiql(client):
    """Also with a slash at the end."""
    for path in ("/graphql", "/graphql/"):
        answer = await client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        assert answer.url.path == "/graphiql"


BRIEF, LONGER = "{ live { logs(last: 5) { message } } }", "{ live { logs(last: 50) { message } } }"


@pytest.fixture
def asked_in_a_thread(monkeypatch):
    """Asks, and answers whether that was done in a thread."""
    threads: list[bool] = []

    def spy(*arguments):
        threads.append(threading.current_thread() is not threading.main_thread())
        return execute(*arguments)

    async def asked(client, query: str) -> bool:
        answer = await client.post("/graphql", json={"query": query})
        assert "errors" not in answer.json()
        return threads.pop()

    monkeypatch.setattr(graphql_endpoint, "execute", spy)
    return asked


async def test_what_is_done_sooner_than_handed_to_a_thread_is_done_at_once(
    client, runtime, asked_in_a_thread
):
    """A few of the newest records, asked for again, while nearly all facts are records already."""
    assert await asked_in_a_thread(client, BRIEF), "nobody read it yet"
    assert not await asked_in_a_thread(client, BRIEF)
    assert [await asked_in_a_thread(client, LONGER) for _ in range(2)] == [True, True]
    for _ in range(UNREAD + 1):
        runtime.services.recorder.log(Level.info, "hello")
    assert await asked_in_a_thread(client, BRIEF), "who reads makes records of them"
    assert not await asked_in_a_thread(client, BRIEF)


@pytest.mark.parametrize("read_only", [False, True])
async def test_with_a_database_other_processes_are_waited_for_in_a_thread(
    tmp_path, asked_in_a_thread, read_only
):
    """Also where it is only read, by `devtools serve`."""
    resolved = load(
        {"token": TOKEN, "database": f"sqlite:///{tmp_path}/a.db"}, environment={}, directory=Path("/")
    )
    credentials = Credentials.load(resolved.settings, persist=False)
    Runtime(resolved, credentials).close()
    runtime = Runtime(resolved, credentials, read_only=read_only)
    try:
        async with client_of(runtime) as client:
            assert [await asked_in_a_thread(client, BRIEF) for _ in range(2)] == [True, True]
    finally:
        runtime.close()


async def test_more_records_than_usual_are_looked_through_in_a_thread(asked_in_a_thread):
    resolved = load({"token": TOKEN, "max_entries": 1_000_000}, environment={}, directory=Path("/"))
    runtime = Runtime(resolved, Credentials.load(resolved.settings, persist=False))
    try:
        async with client_of(runtime) as client:
            assert [await asked_in_a_thread(client, BRIEF) for _ in range(2)] == [True, True]
    finally:
        runtime.close()


async def test_a_query_is_answered(client):
    """The media type is the one asked for."""
    for accept in ("application/json", "application/graphql-response+json"):
        answer = await client.post(
            "/graphql", json={"query": "{ system { recording } }"}, headers={"Accept": accept}
        )
        assert answer.json() == {"data": {"system": {"recording": True}}}
        assert answer.headers["content-type"].startswith(accept)


async def test_a_query_may_come_by_get(client):
    """With the token, like every other; a mutation may not, whatever it is answered with."""
    query = {"query": "query A { system { recording } } mutation B { recording(paused: true) { recording } }"}
    answer = await client.get("/graphql", params={**query, "operationName": "A"})
    assert answer.json() == {"data": {"system": {"recording": True}}}
    for accept in ("application/json", "text/event-stream"):
        refused = await client.get(
            "/graphql/", params={**query, "operationName": "B"}, headers={"Accept": accept}
        )
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert (await client.get("/graphql", params={"query": "{"})).json()["errors"]
    assert (await client.get("/graphql")).status_code == 400


@pytest.mark.parametrize(
    "accept", ["text/html, text/event-stream", "TEXT/HTML, application/json", "text/html"]
)
async def test_who_says_to_be_a_browser_gets_no_data(client, accept):
    """The page loads without a token: what is asked in its address is not answered."""
    del client.headers["Authorization"]
    asked = {"query": "{ system { version } }"}
    answer = await client.get("/graphql", params=asked, headers={"Accept": accept})
    assert (answer.status_code, answer.text) == (307, "")


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"query": 1}', "application/json", 400),
        (b'{"query": "{"}', "application/graphql-response+json", 400),
        (b'{"query": "{"}', "application/json", 200),
        (b'{"query": "{ nothing }"}', "application/graphql-response+json", 400),
        (b'{"query": "{ system { version } }", "variables": []}', "application/json", 400),
        (b'{"query": "{ system { version } }"}', "image/png", 406),
    ],
)
async def test_bad_requests_are_errors_with_a_code(client, body, media_type, status):
    """Never a 500, never a traceback."""
    headers = {"Content-Type": "application/json", "Accept": media_type}
    answer = await client.post("/graphql", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"


async def test_a_read_token_may_not_change_anything():
    """FORBIDDEN, and nothing was changed."""
    resolved = load({"token": TOKEN, "read_token": "r" * 43}, environment={}, directory=Path("/"))
    runtime = Runtime(resolved, Credentials.load(resolved.settings, persist=False))
    transport = httpx.ASGITransport(runtime.standalone(), client=("127.0.0.1", 1))
    headers = {"Authorization": f"Bearer {'r' * 43}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        answer = (
            await client.post(
                "/graphql", json={"query": "mutation { recording(paused: true) { recording } }"}
            )
        ).json()
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert runtime.recorder.paused is False
    runtime.close()


async def test_below_a_prefix_the_page_gets_its_slash():
    """Relative links need it."""
    devtools = DevTools(token=TOKEN, app="x")

    async def app(scope, receive, send): ...

    layer = devtools.wrap(app)
    transport = httpx.ASGITransport(layer, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/devtools")
        assert (answer.status_code, answer.headers["location"]) == (307, "devtools/")
    devtools.close()


async def test_a_server_that_stops_goes_away_and_completes_nothing(runtime):
    """A socket with a subscription is closed with 1001, after which clients connect again."""
    incoming, sent = asyncio.Queue(), asyncio.Queue()
    scope = {
        "type": "websocket", "path": "/graphql", "root_path": "", "query_string": b"", "scheme": "ws",
        "client": ("127.0.0.1", 1), "subprotocols": ["graphql-transport-ws"],
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {TOKEN}".encode())],
    }  # fmt: skip
    subscribe = {
        "id": "1",
        "type": "subscribe",
        "payload": {"query": "subscription { records { position } }"},
    }
    async with asyncio.timeout(30):
        serving = asyncio.ensure_future(runtime.standalone()(scope, incoming.get, sent.put))
        incoming.put_nowait({"type": "websocket.connect"})
        assert (await sent.get())["type"] == "websocket.accept"
        for message in ({"type": "connection_init"}, subscribe):
            incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})
        assert json.loads((await sent.get())["text"])["type"] == "connection_ack"
        while runtime.subscribers.count == 0:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        runtime.stop_streams()
        closed = await sent.get()
        await serving
    assert (closed["type"], closed["code"]) == ("websocket.close", 1001)
    assert sent.empty()


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize("fails", [False, True], ids=["waits", "fails"])
async def test_a_client_that_is_gone_before_its_stream_begins_is_no_subscriber(runtime, spec_version, fails):
    """The server's `send` may wait then, or raise. No collection of garbage is needed to end what it followed."""
    body = json.dumps({"query": "subscription { records { position } }"}).encode()
    headers = [
        (b"host", b"localhost"),
        (b"authorization", f"Bearer {TOKEN}".encode()),
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream"),
    ]
    asgi = {"version": "3.0", "spec_version": spec_version}
    scope = http_scope("/graphql", method="POST", headers=headers, asgi=asgi)
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive():
        return next(messages, {"type": "http.disconnect"})

    async def send(message):
        if fails:
            raise OSError("gone")
        await asyncio.sleep(0.01)
        if message["type"] == "http.response.body" and spec_version == "2.4":
            raise OSError("gone")

    gc.disable()
    try:
        with contextlib.suppress(OSError, ClientDisconnect):
            await runtime.standalone()(scope, receive, send)
        assert runtime.subscribers.count == 0
    finally:
        gc.enable()


async def test_a_body_may_come_in_pieces_and_one_that_ends_early_is_not_run(runtime):
    """Each piece counts; a client that leaves within its body gets no answer to the half of it."""
    body = b'{"query": "{ system { recording } }"}'
    pieces = [{"type": "http.request", "body": bytes([byte]), "more_body": True} for byte in body]

    async def answered(*messages):
        coming, sent = iter(messages), []

        async def receive():
            return next(coming)

        async def send(message):
            sent.append(message)

        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {TOKEN}",
            "host": "localhost",
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = http_scope("/graphql", method="POST", headers=raw, client=("127.0.0.1", 1))
        await runtime.standalone()(scope, receive, send)
        return sent

    whole = await answered(*pieces, {"type": "http.request", "body": b"", "more_body": False})
    assert json.loads(whole[1]["body"]) == {"data": {"system": {"recording": True}}}
    assert await answered(*pieces, {"type": "http.disconnect"}) == []
