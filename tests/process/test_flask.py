"""Flask as people run it: one line in the app, the debug server with its reloader."""

import importlib.util
import os
import re
import sys

import httpx
import pytest

from tests.servers import free_port, running

pytestmark = pytest.mark.slow

APP = """
import subprocess
import sys
from devtools import DevTools
from flask import Flask

app = Flask(__name__)
app.wsgi_app = DevTools(app="shop").wrap_wsgi(app.wsgi_app, inspected=app)

@app.get("/cart/<int:number>")
def cart(number):
    return {"number": number, "version": "one"}

@app.get("/child")
def child():
    code = "from devtools import DevTools; print(DevTools()._credentials.untold)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()

@app.get("/broken")
def broken():
    raise RuntimeError("the shop is broken")
"""
QUERY = "{ history { runs(order: OLDEST) { nodes { nodeId ok } } errors { nodes { message sourceId } } } }"


def debug_server(directory, **environment):
    """`flask run --debug` of the shop, as a context manager."""
    if importlib.util.find_spec("flask") is None:
        reason = "Flask is not installed. Run: uv pip install --group test"
        (pytest.fail if os.environ.get("DEVTOOLS_TEST_REQUIRE") == "1" else pytest.skip)(reason)
    (directory / "shop.py").write_text(APP)
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "shop", "run", "--debug", "--port", str(port)]
    return running(command, port=port, cwd=directory, ready="/cart/1", **environment)


def test_the_debug_server_and_its_reloader(tmp_path):
    """Only the process that serves starts devtools; after an edit the next one has the port, and history goes on."""
    pages = free_port()
    environment = {"DEVTOOLS_PORT": str(pages), "DEVTOOLS_DATABASE": f"sqlite:///{tmp_path}/kept.db"}
    with debug_server(tmp_path, **environment) as server:
        assert server.get("/broken").status_code == 500
        (tmp_path / "shop.py").write_text(APP.replace('"one"', '"two"'))
        server.await_text("/cart/2", '{\n  "number": 2,\n  "version": "two"')
        answer = httpx.post(
            f"http://127.0.0.1:{pages}/graphql", json={"query": QUERY}, headers=server.headers, timeout=20
        ).json()["data"]["history"]
    nodes = {(run["nodeId"], run["ok"]) for run in answer["runs"]["nodes"]}
    assert nodes == {("GET /cart/{number}", True), ("GET /broken", False)}
    assert answer["errors"]["nodes"] == [{"message": "the shop is broken", "sourceId": "GET /broken"}]


def test_without_a_database_the_process_that_serves_prints_the_link(tmp_path):
    """The reloader's parent imports the app too, and makes the token; after an edit the link is the same, and works."""
    pages = free_port()
    with debug_server(tmp_path, DEVTOOLS_PORT=str(pages), DEVTOOLS_TOKEN="") as server:
        (first,) = links(server)
        assert first.startswith(f"http://127.0.0.1:{pages}/#token=")
        (tmp_path / "shop.py").write_text(APP.replace('"one"', '"two"'))
        server.await_text("/cart/2", '{\n  "number": 2,\n  "version": "two"')
        assert links(server) == [first, first]
        headers = {"Authorization": f"Bearer {first.partition('#token=')[2]}"}
        answer = httpx.post(
            f"http://127.0.0.1:{pages}/graphql", json={"query": QUERY}, headers=headers, timeout=20
        ).json()["data"]["history"]
        assert server.get("/child").text == "False"
    assert [run["nodeId"] for run in answer["runs"]["nodes"]] == ["GET /cart/{number}"]


def links(server):
    return re.findall(r"open it at (\S+)", server.output)
