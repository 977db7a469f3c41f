"""`DevTools(...).wrap(app)` with real frameworks under a real uvicorn."""

import importlib.util
import os
import sys

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.promises import SHUTDOWN_SECONDS
from tests.servers import free_port, running

pytestmark = pytest.mark.slow

APPS = {
    "function": ("tests.apps.wrapped.bare:function", None),
    "instance": ("tests.apps.wrapped.bare:instance", None),
    "litestar": ("tests.apps.wrapped.in_litestar:app", "litestar"),
    "quart": ("tests.apps.wrapped.in_quart:app", "quart"),
    "django": ("tests.apps.wrapped.in_django:app", "django"),
}
PATHS = ("/hello/ada", "/stream", "/nowhere/at/all", "/broken")
WITHOUT_ROUTES = {"function", "instance"}
WITHOUT_LIFESPAN = {"django"}
WITHOUT_WEBSOCKETS = {"django"}
REFUSAL = "Django can only handle ASGI/HTTP connections, not websocket."
VARYING = {"date", "x-correlation-id"}


@pytest.fixture(params=APPS)
def name(request):
    framework = APPS[request.param][1]
    if framework is not None and importlib.util.find_spec(framework) is None:
        reason = f"{framework} is not installed. Run: uv pip install --group test"
        (pytest.fail if os.environ.get("DEVTOOLS_TEST_REQUIRE") == "1" else pytest.skip)(reason)
    return request.param


def serving(name, folder, **environment):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", APPS[name][0], "--port", str(port), "--no-server-header"]
    return running(command, port=port, cwd=folder, **environment)


def seen(answer):
    """What a client sees, without what differs from one answer to the next."""
    return (
        answer.status_code,
        answer.content,
        [pair for pair in answer.headers.multi_items() if pair[0] not in VARYING],
    )


def test_a_wrapped_app_answers_as_before_and_is_recorded(tmp_path, name):
    """Status, headers and body are equal; every request is a run, an exception one error, the lifespan the app's own."""
    with serving(name, tmp_path, ready="/hello/ada", TOY_WRAP="0") as server:
        before = [seen(server.get(path)) for path in PATHS]
    with serving(name, tmp_path, ready="/hello/ready") as server:
        answers = [server.get(path) for path in PATHS]
        assert [seen(answer) for answer in answers] == before
        assert server.get("/devtools/health").json() == {"status": "ok"}
        assert "<html" in server.get("/devtools/").text
        found = server.query(
            """{ history { runs(order: OLDEST) { nodes { nodeId httpPath httpStatus ok error } }
              errors { nodes { message sourceId correlationId } }
              logs(filter: {messageIncludes: "Exception in ASGI application"}) { nodes { correlationId } } } }"""
        )
        runs = [run for run in found["history"]["runs"]["nodes"] if run["httpPath"] in PATHS]
        assert server.stop() <= SHUTDOWN_SECONDS
    assert [(run["httpPath"], run["httpStatus"], run["ok"]) for run in runs] == [
        (path, answer.status_code, answer.status_code < 500)
        for path, answer in zip(PATHS, answers, strict=True)
    ]
    assert [error["message"] for error in found["history"]["errors"]["nodes"]] == ["it is broken"]
    assert [run["error"] for run in runs if not run["ok"]] == ["it is broken"]
    (error,) = found["history"]["errors"]["nodes"]
    lines = found["history"]["logs"]["nodes"]
    assert all(line["correlationId"] == error["correlationId"] for line in lines)
    assert len(lines) == (name in WITHOUT_ROUTES)  # the frameworks answer it themselves
    greeted = "unmatched" if name in WITHOUT_ROUTES else "GET /hello/{name}"
    assert [run["nodeId"] for run in runs][::2] == [greeted, "unmatched"]
    assert found["history"]["errors"]["nodes"][0]["sourceId"] == runs[-1]["nodeId"]
    told = [line for line in server.output.splitlines() if line.startswith("lifespan")]
    assert told == ([] if name in WITHOUT_LIFESPAN else ["lifespan up", "lifespan down"])


def conversation(server, path):
    """What a client of the WebSocket sees: the handshake, every message, how it ends."""
    heard = []
    try:
        with connect(f"ws://127.0.0.1:{server.port}{path}") as socket:
            heard.append(socket.response.status_code)
            heard.append(socket.recv(timeout=20))
            socket.send("ada's words: ö")
            heard.append(socket.recv(timeout=20))
            heard.append(socket.recv(timeout=20))
    except InvalidStatus as refused:
        heard = [refused.response.status_code, refused.response.body]
    except ConnectionClosed as closed:
        heard.append(closed.rcvd and closed.rcvd.code)
    return heard


def sessions(server, count):
    """The runs of so many WebSockets, and every error, once the app has been looked at."""
    found = server.await_that(
        """{ history { runs(order: OLDEST, filter: {httpMethods: ["WS"]}) { nodes
               { nodeId httpMethod httpPath httpRoute httpStatus httpRequestBytes httpResponseBytes ok error } }
             errors { nodes { message sourceId } } }
           tasks { id } system { structure { state } } }""",
        lambda data: (
            len(data["history"]["runs"]["nodes"]) == count and data["system"]["structure"]["state"] == "live"
        ),
    )
    return found["history"]["runs"]["nodes"], found["history"]["errors"]["nodes"], found["tasks"]


@pytest.mark.parametrize("name", [name for name in APPS if name not in WITHOUT_WEBSOCKETS], indirect=True)
def test_websockets_of_a_wrapped_app_are_as_before_and_runs(tmp_path, name):
    """Under their route, with what went in and out; what one raised is one error, also where the framework closes for it."""
    paths = ("/talk/ada", "/talk/trouble")
    with serving(name, tmp_path, ready="/hello/ada", TOY_WRAP="0") as server:
        before = [conversation(server, path) for path in paths]
    assert before[0] == [101, "hello ada", "ada's words: ö", 1000]
    assert before[1][:2] == [101, "hello trouble"]
    with serving(name, tmp_path, ready="/hello/ready") as server:
        assert [conversation(server, path) for path in paths] == before
        runs, errors, tasks = sessions(server, 2)
    route = None if name in WITHOUT_ROUTES else "/talk/{name}"
    node = "unmatched" if route is None else f"WS {route}"
    told = {"nodeId": node, "httpMethod": "WS", "httpRoute": route, "httpStatus": 101}
    first = {"httpPath": paths[0], "httpRequestBytes": 15, "httpResponseBytes": 24, "ok": True, "error": None}
    assert runs[0] == told | first
    assert (runs[1]["nodeId"], runs[1]["ok"], runs[1]["error"]) == (node, False, "it is broken")
    assert errors == [{"message": "it is broken", "sourceId": node}]
    assert route is None or node in {task["id"] for task in tasks}, (
        "the runs are of an element of the structure"
    )


def test_django_refuses_websockets_as_before(tmp_path):
    """Without channels it has none: the refusal is a failed run and one error that says so."""
    with serving("django", tmp_path, ready="/hello/ada", TOY_WRAP="0") as server:
        before = conversation(server, "/talk/ada")
    with serving("django", tmp_path, ready="/hello/ready") as server:
        assert conversation(server, "/talk/ada") == before == [500, b"Internal Server Error"]
        (run,), errors, _ = sessions(server, 1)
    assert (run["nodeId"], run["httpPath"], run["httpStatus"]) == ("unmatched", "/talk/ada", 500)
    assert errors == [{"message": REFUSAL, "sourceId": "unmatched"}]
