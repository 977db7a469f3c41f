"""`DevTools(...).wrap(app)` with real frameworks under a real uvicorn."""

import importlib.util
import os
import sys

import pytest

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
            """{ history { runs(order: OLDEST) { nodes { nodeId httpPath httpStatus ok } }
              errors { nodes { message sourceId } } } }"""
        )
        runs = [run for run in found["history"]["runs"]["nodes"] if run["httpPath"] in PATHS]
        assert server.stop() <= SHUTDOWN_SECONDS
    assert [(run["httpPath"], run["httpStatus"], run["ok"]) for run in runs] == [
        (path, answer.status_code, answer.status_code < 500)
        for path, answer in zip(PATHS, answers, strict=True)
    ]
    assert [error["message"] for error in found["history"]["errors"]["nodes"]] == ["it is broken"]
    greeted = "unmatched" if name in WITHOUT_ROUTES else "GET /hello/{name}"
    assert [run["nodeId"] for run in runs][::2] == [greeted, "unmatched"]
    assert found["history"]["errors"]["nodes"][0]["sourceId"] == runs[-1]["nodeId"]
    told = [line for line in server.output.splitlines() if line.startswith("lifespan")]
    assert told == ([] if name in WITHOUT_LIFESPAN else ["lifespan up", "lifespan down"])
