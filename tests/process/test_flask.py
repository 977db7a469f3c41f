"""Flask as people run it: one line in the app, the debug server with its reloader."""

import importlib.util
import os
import sys

import httpx
import pytest

from tests.servers import free_port, running

pytestmark = pytest.mark.slow

APP = """
from devtools import DevTools
from flask import Flask

app = Flask(__name__)
app.wsgi_app = DevTools(app="shop").wrap_wsgi(app.wsgi_app, inspected=app)

@app.get("/cart/<int:number>")
def cart(number):
    return {"number": number, "version": "one"}

@app.get("/broken")
def broken():
    raise RuntimeError("the shop is broken")
"""
QUERY = "{ history { runs(order: OLDEST) { nodes { nodeId ok } } errors { nodes { message sourceId } } } }"


def test_the_debug_server_and_its_reloader(tmp_path):
    """Only the process that serves starts devtools; after an edit the next one has the port, and history goes on."""
    if importlib.util.find_spec("flask") is None:
        reason = "Flask is not installed. Run: uv pip install --group test"
        (pytest.fail if os.environ.get("DEVTOOLS_TEST_REQUIRE") == "1" else pytest.skip)(reason)
    (tmp_path / "shop.py").write_text(APP)
    port, pages = free_port(), free_port()
    command = [sys.executable, "-m", "flask", "--app", "shop", "run", "--debug", "--port", str(port)]
    environment = {"DEVTOOLS_PORT": str(pages), "DEVTOOLS_DATABASE": f"sqlite:///{tmp_path}/kept.db"}
    with running(command, port=port, cwd=tmp_path, ready="/cart/1", **environment) as server:
        assert server.get("/broken").status_code == 500
        (tmp_path / "shop.py").write_text(APP.replace('"one"', '"two"'))
        server.await_text("/cart/2", '{\n  "number": 2,\n  "version": "two"')
        answer = httpx.post(
            f"http://127.0.0.1:{pages}/graphql", json={"query": QUERY}, headers=server.headers, timeout=20
        ).json()["data"]["history"]
    nodes = {(run["nodeId"], run["ok"]) for run in answer["runs"]["nodes"]}
    assert nodes == {("GET /cart/{number}", True), ("GET /broken", False)}
    assert answer["errors"]["nodes"] == [{"message": "the shop is broken", "sourceId": "GET /broken"}]
