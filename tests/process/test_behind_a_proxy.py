"""Behind a prefix: every page, file, link, query and stream works, whether the proxy takes the prefix off or keeps it."""

import json
import re
import sys
from functools import partial

import httpx
import pytest
from websockets.sync.client import connect

from tests.cli.test_commands import devtools
from tests.proxies import proxied
from tests.servers import TOKEN, free_port, line_with, running, toy

pytestmark = pytest.mark.slow

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
RECORDS = "subscription { records { position } }"
FASTAPI = """
from fastapi import FastAPI
from devtools import mount

app = FastAPI(root_path="/tools")
mount(app)

@app.get("/hello/{name}")
def hello(name: str) -> str:
    return name
"""

SCRIPT = """
import sys, threading
from devtools import DevTools

DevTools(app="x").start(int(sys.argv[1]))
threading.Event().wait()
"""


def assert_all_works(base, path, origin):
    """Ask as browsers and scripts do, at the address that the proxy has."""
    where = httpx.URL(f"{base}{path}")
    assert httpx.get(f"{where}/health", timeout=20).json() == {"status": "ok"}
    first = httpx.get(where, timeout=20, follow_redirects=True)
    assert (first.status_code, str(first.url)) == (200, f"{where}/")
    graphiql = httpx.get(
        f"{where}/graphql", headers={"Accept": "text/html"}, timeout=20, follow_redirects=True
    )
    assert (graphiql.status_code, graphiql.url.path) == (200, f"{where.path}/graphiql")
    for page in (first, graphiql):
        loaded = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
        assert loaded
        for address in {page.url.join(each) for each in loaded}:
            assert str(address).startswith(f"{where}/"), address
            assert httpx.get(address, timeout=20).status_code == 200, address
    query = {"query": "{ system { store { kind } } }"}
    asked = {**HEADERS, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{where}/graphql", json=query, headers=asked, timeout=20)
    assert answer.json() == {"data": {"system": {"store": {"kind": "memory"}}}}
    assert_streams(where, origin)


def assert_streams(where, origin):
    """A WebSocket and an event stream, each with a record that is made meanwhile."""
    app = str(where).removesuffix("/devtools").removesuffix("/x/y")
    socket_url = f"{where}/graphql".replace("http", "ws")
    with connect(socket_url, subprotocols=["graphql-transport-ws"], origin=origin) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"token": TOKEN}}))
        assert json.loads(socket.recv(20))["type"] == "connection_ack"
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": RECORDS}}))
        accept = {**HEADERS, "Accept": "text/event-stream", "Origin": origin}
        with httpx.stream(
            "POST", f"{where}/graphql", json={"query": RECORDS}, headers=accept, timeout=20
        ) as stream:
            assert stream.status_code == 200
            assert httpx.get(f"{app}/hello/ada", timeout=20).is_success
            assert line_with(stream, "position")
        assert json.loads(socket.recv(20))["type"] == "next"


@pytest.mark.parametrize(
    ("strips", "path", "arguments", "devtools_path"),
    [
        (True, "/devtools", (), "/devtools"),
        (True, "/devtools", ("--root-path", "/tools"), "/devtools"),
        (True, "/x/y/devtools", (), "/x/y/devtools"),
        (True, "/x/y/devtools", ("--root-path", "/tools"), "/x/y/devtools"),
        (False, "/devtools", (), "/tools/devtools"),
    ],
    ids=["stripped", "stripped, told", "deep", "deep, told", "kept"],
)
def test_every_way_to_put_a_prefix_in_front(tmp_path, strips, path, arguments, devtools_path):
    """A proxy that strips needs no setting, `--root-path` does no harm; for one that keeps, the prefix is part of `path`."""
    with (
        toy(tmp_path, *arguments, mount=devtools_path, DEVTOOLS_PATH=devtools_path) as server,
        proxied(server.port, "/tools", strips=strips) as proxy,
    ):
        origin = f"http://127.0.0.1:{proxy.port}"
        assert_all_works(proxy.base, path, origin)
        assert httpx.get(f"{origin}/devtools/health", timeout=20).text == "proxy"


@pytest.mark.parametrize("strips", [True, False], ids=["stripped", "kept"])
def test_an_app_that_knows_its_prefix(tmp_path, strips):
    """`FastAPI(root_path=...)`: it finds our pages and its own routes either way."""
    (tmp_path / "prefixed.py").write_text(FASTAPI)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "prefixed:app", "--port", str(port)]
    with (
        running(command, port=port, cwd=tmp_path) as server,
        proxied(server.port, "/tools", strips=strips) as proxy,
    ):
        assert_all_works(proxy.base, "/devtools", f"http://127.0.0.1:{proxy.port}")


def test_run_behind_a_prefix(tmp_path):
    """The command takes what uvicorn's takes."""
    port = free_port()
    command = [sys.executable, "-m", "devtools", "run", "tests.apps.toy:app", "--root-path", "/tools"]
    with (
        running([*command, "--port", str(port), "--proxy-headers"], port=port, cwd=tmp_path) as server,
        proxied(server.port, "/tools", strips=True) as proxy,
    ):
        assert_all_works(proxy.base, "/devtools", f"http://127.0.0.1:{proxy.port}")
        opened = devtools("open", "--print", "--endpoint", f"{proxy.base}/devtools", cwd=tmp_path, check=0)
        assert opened.stdout.strip() == f"{proxy.base}/devtools/#token={TOKEN}"


@pytest.mark.parametrize(
    ("arguments", "believed"),
    [
        ((), True),
        (("--proxy-headers",), True),
        (("--no-proxy-headers",), False),
        (("--forwarded-allow-ips", "192.0.2.1"), False),
        (("--forwarded-allow-ips", "192.0.2.1,127.0.0.1"), True),
    ],
    ids=["default", "told", "told not to", "another proxy", "several proxies"],
)
def test_whose_headers_are_believed(tmp_path, arguments, believed):
    """Where a proxy is believed, a client behind it is not on this machine, and an address is https where it says so."""
    port = free_port()
    command = [sys.executable, "-m", "devtools", "run", "tests.apps.toy:app", "--port", str(port), *arguments]
    with running(command, port=port, cwd=tmp_path) as server:
        asked = partial(httpx.post, f"{server.base}/devtools/graphql", timeout=20)
        query = {"query": "{ root { id } }"}
        elsewhere = {**HEADERS, "X-Forwarded-For": "203.0.113.7"}
        assert asked(json=query, headers=elsewhere).status_code == (403 if believed else 200)
        secure = {**HEADERS, "X-Forwarded-Proto": "https", "Origin": f"https://127.0.0.1:{port}"}
        assert asked(json=query, headers=secure).status_code == (200 if believed else 403)
        server.get("/hello/ada", headers={"X-Forwarded-For": "203.0.113.7"})
        found = server.query('{ history { runs(q: "ada") { nodes { httpClient } } } }')["history"]["runs"]
        assert found["nodes"][-1]["httpClient"] == ("203.0.113.7" if believed else "127.0.0.1")


def test_a_server_of_its_own_behind_a_prefix(tmp_path):
    """`start()` at the root of its port: any prefix that is taken off works."""
    (tmp_path / "script.py").write_text(SCRIPT)
    port = free_port()
    command = [sys.executable, "script.py", str(port)]
    with (
        running(command, port=port, cwd=tmp_path, mount="") as server,
        proxied(port, "/tools", strips=True) as proxy,
    ):
        first = httpx.get(f"{proxy.base}/", timeout=20)
        for each in re.findall(r'(?:src|href)="([^"#]+)"', first.text):
            assert httpx.get(first.url.join(each), timeout=20).status_code == 200
        answer = httpx.post(
            f"{proxy.base}/graphql", json={"query": "{ root { id } }"}, headers=HEADERS, timeout=20
        )
        assert answer.json() == {"data": {"root": {"id": "x"}}}
        assert server.get("/health").is_success
