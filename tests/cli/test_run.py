"""`devtools run`: an app with no line of ours, in every way it can be named, and what cannot be run."""

import re
import sys

import httpx
import pytest

from tests.promises import SHUTDOWN_SECONDS
from tests.servers import TOKEN, free_port, running

from .test_commands import devtools

pytestmark = pytest.mark.slow

BARE = """
import os

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{VERSION} {os.getpid()}".encode()})

VERSION = "one"
"""
FACTORY = (
    BARE
    + """
made = []

def create_app():
    made.append(1)
    assert len(made) == 1, "made twice in one process"
    return app
"""
)
OWN_MOUNT = """
from devtools import mount
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

inner = Starlette(routes=[Route("/", lambda request: PlainTextResponse("own"))])
mount(inner, path="/own/devtools", app="mine")
app = CORSMiddleware(inner, allow_origins=["*"])
"""
RUNS = "{ history { runs { nodes { nodeId httpPath app } } } }"


def run(folder, *arguments, mount="/devtools", **environment):
    """The command as a server."""
    port = free_port()
    command = [sys.executable, "-m", "devtools", "run", *arguments, "--port", str(port)]
    return running(command, port=port, cwd=folder, mount=mount, **environment)


@pytest.fixture
def project(tmp_path):
    """A folder with a module, a package and a factory."""
    (tmp_path / "bare.py").write_text(BARE)
    (tmp_path / "made.py").write_text(FACTORY)
    (tmp_path / "own.py").write_text(OWN_MOUNT)
    package = tmp_path / "src" / "shop" / "web"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "main.py").write_text(f"from . import helper\n{BARE}")
    (package / "helper.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "app"),
    [
        (["bare:app"], "bare"),
        (["bare"], "bare"),
        (["bare.py"], "bare"),
        (["./bare.py:app"], "bare"),
        (["made:create_app()"], "made"),
        (["made:create_app", "--factory"], "made"),
        (["shop.web.main:app", "--app-dir", "src"], "shop.web.main"),
        (["src/shop/web/main.py"], "shop.web.main"),
    ],
)
def test_every_way_to_name_an_app(project, arguments, app):
    """Module, package path, file, factory: the app at /, devtools at /devtools, named after the module."""
    with run(project, *arguments) as server:
        assert server.get("/").text.startswith("one ")
        nodes = server.query(RUNS)["history"]["runs"]["nodes"]
        assert f"devtools: {server.base}/devtools/#token={TOKEN}" in server.output
        assert server.stop() <= SHUTDOWN_SECONDS
    assert nodes == [{"nodeId": "unmatched", "httpPath": "/", "app": app}]


def test_an_app_that_mounts_itself_is_mounted_once(project):
    """Its own line wins, also behind its middleware: one run a request, and the link is to where it is."""
    with run(project, "own:app", mount="/own/devtools") as server:
        assert server.get("/").text == "own"
        nodes = server.query(RUNS)["history"]["runs"]["nodes"]
        assert server.get("/devtools/health").status_code == 404
        assert f"{server.base}/own/devtools/#token=" in server.output
    assert nodes == [{"nodeId": "GET /", "httpPath": "/", "app": "mine"}]


def test_an_app_that_names_its_own_database_overrules_the_command_line_which_is_said(project):
    """Else one looks for records in a file that was never made."""
    code = OWN_MOUNT.replace('app="mine"', f'app="mine", database="sqlite:///{project}/own.db"')
    (project / "own.py").write_text(code)
    with run(project, "own:app", "--database", "sqlite:///other.db", mount="/own/devtools") as server:
        assert "--database is not used" in server.output
    assert not (project / "other.db").exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("/proc/nope/x.db", "cannot make the directory /proc/nope: No such file or directory"),
        ("/proc/x.db", "cannot lock /proc/x.db.lock: No such file or directory"),
    ],
)
def test_a_database_that_cannot_be_reached_is_said_once_and_the_app_runs(project, place, why):
    """At the start, with the reason; the end says what was lost by it."""
    with run(project, "bare:app", "--database", f"sqlite:///{place}") as server:
        assert server.get("/").text.startswith("one ")
        server.await_output("which cannot be used now")
        assert server.output.count(why) == 1
        assert server.stop() <= SHUTDOWN_SECONDS
        server.await_output("could not be stored before the end")
        assert "Error(" not in server.output


def test_the_printed_link_opens_it_without_a_token_of_ones_own(project):
    """In memory too, where nothing else could tell the token; it is printed once."""
    with run(project, "bare:app", DEVTOOLS_TOKEN="") as server:
        server.await_output("its store is memory")
        (token,) = re.findall(r"/devtools/#token=(\S+)", server.output)
        answer = httpx.post(
            f"{server.base}/devtools/graphql",
            json={"query": "{ system { store { kind } } }"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        )
    assert answer.json() == {"data": {"system": {"store": {"kind": "memory"}}}}


def test_reload_serves_the_new_code_and_survives_a_broken_one(project):
    """A mistake is one line; the next edit brings the app back."""
    with run(project, "bare:app", "--reload", "--database", f"sqlite:///{project}/kept.db") as server:
        assert server.get("/").text.startswith("one ")
        (project / "bare.py").write_text("VERSION = 1 / 0\n")
        server.await_output("Cannot import 'bare': ZeroDivisionError")
        (project / "bare.py").write_text(BARE.replace('"one"', '"two"'))
        server.await_text("/", "two ")
        assert len(server.query(RUNS)["history"]["runs"]["nodes"]) >= 2
        assert "Traceback" not in server.output
        assert server.stop() <= SHUTDOWN_SECONDS


def test_two_workers_serve_and_share_the_token(project):
    """Every worker has devtools around the app; the records of both are in one history."""
    with run(project, "bare:app", "--workers", "2", "--database", f"sqlite:///{project}/kept.db") as server:
        server.await_texts("/", 2)
        found = server.query("{ history { runs { totalCount } } }")["history"]["runs"]["totalCount"]
        assert found >= 2
        assert server.output.count("#token=") == 1
        assert server.stop() <= SHUTDOWN_SECONDS


@pytest.mark.parametrize(
    ("source", "arguments", "told"),
    [
        ("", ["nowhere:app"], "Cannot import 'nowhere'"),
        ("", ["nowhere.py"], "There is no file"),
        ("", [":app"], "does not name an app"),
        ("", ["broken:"], "does not name an app"),
        ("x = 1", ["broken:app"], "broken has no 'app'"),
        ("app = {}", ["broken:app"], "dict cannot be an app"),
        ("app = {}", ["broken:app()"], "broken:app is a dict and makes no app"),
        ("def app(): return 1 / 0", ["broken:app", "--factory"], "broken:app() made no app: ZeroDivisionError"),
        ("def app(): ...", ["broken:app"], "cannot be called with (scope, receive, send)"),
        ("def app(environ, start_response): ...", ["broken:app"], "is a WSGI app. Use DevTools(...).wrap_wsgi"),
        ("\nimport no_such_library", ["broken:app"], "No module named 'no_such_library' (broken.py, line 2)"),
        ("def app(:", ["broken:app"], "SyntaxError"),
        ("raise SystemExit(0)", ["broken:app"], "SystemExit: 0 (broken.py, line 1)"),
        ("from devtools import DevTools\nDevTools(prot=1)", ["broken:app"], "Unknown option 'prot'"),
        ("app = 1", ["broken:app", "--host", "0.0.0.0"], "--allow-remote"),
        ("app = 1", ["broken:app", "--host", "0.0.0.0", "--allow-remote"], "32"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_one_line(tmp_path, source, arguments, told):
    """Before anything is served, with exit code 1 and no traceback."""
    (tmp_path / "broken.py").write_text(source)
    done = devtools("run", *arguments, "--port", "0", cwd=tmp_path, check=1, DEVTOOLS_TOKEN="short")
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("extra", [("--reload",), ("--workers", "2")], ids=["reload", "workers"])
def test_nothing_is_started_that_cannot_run(tmp_path, extra):
    """No supervisor that starts children again and again."""
    (tmp_path / "broken.py").write_text("app = 1 / 0")
    done = devtools("run", "broken:app", *extra, "--port", "0", cwd=tmp_path, check=1)
    assert "ZeroDivisionError" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("extra", [("--reload",), ("--workers", "2")], ids=["reload", "workers"])
def test_the_link_is_printed_once_whoever_serves(project, extra):
    """By the command itself, and not again by its children, which have the token from it."""
    with run(project, "bare:app", *extra, DEVTOOLS_TOKEN="") as server:
        server.await_output("devtools is at")
        assert server.output.count("#token=") == 1


def test_reload_and_workers_exclude_each_other(project):
    """A usage error: exit code 2."""
    done = devtools("run", "bare:app", "--reload", "--workers", "2", cwd=project, check=2)
    assert "--workers" in done.stderr


def test_production_runs_the_app_without_us(project):
    """One line says so, and no link is shown."""
    port = free_port()
    command = [sys.executable, "-m", "devtools", "run", "bare:app", "--port", str(port)]
    with running(command, port=port, cwd=project, ready="/", APP_ENV="production") as server:
        assert server.get("/devtools/health").text.startswith("one ")
        assert "not installed" in server.output
        assert "#token=" not in server.output


def test_an_entry_of_a_query_can_be_a_file(project):
    """`--entry` takes what `run` takes."""
    done = devtools("query", "{ root { id } }", "--entry", "src/shop/web/main.py", cwd=project, check=0)
    assert "shop.web.main" in done.stdout
