"""`devtools snapshots` and `devtools check`: over an imported app, a database and a server; exit codes a CI job can use."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Inside
from tests.servers import ROOT, TOKEN, toy

pytestmark = pytest.mark.slow

APP = '''
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from devtools import event, hook, mount

print("imported")
sold = event("shop.sold")


{hook}


class One:
    def __init__(self, app):
        self.app = app

    async def __call__(self, *call):
        await self.app(*call)


class Two(One):
    pass


async def page(request):
    """A page."""
    return PlainTextResponse("page")


app = Starlette(routes=[{routes}], middleware=[{middleware}])
mount(app, database="sqlite:///telemetry.db")
'''
LISTENED = "@hook(sold)\nasync def note(order):\n    ..."
ROUTES = 'Route("/", page), Route("/about/{id}", page)'
BOTH = "Middleware(One), Middleware(Two)"


def write(folder: Path, *, hook: str = LISTENED, routes: str = ROUTES, middleware: str = BOTH) -> None:
    (folder / "shop.py").write_text(
        APP.replace("{hook}", hook).replace("{routes}", routes).replace("{middleware}", middleware)
    )


def devtools(*arguments: str, cwd: Path, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "devtools", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DEVTOOLS_TOKEN": TOKEN, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The exported structure of the app."""
    made = tmp_path_factory.mktemp("before")
    write(made)
    return devtools("snapshots", "export", "running", "--entry", "shop:app", cwd=made).stdout


@pytest.fixture
def folder(tmp_path: Path, before: str) -> Path:
    """The app with its exported structure beside it."""
    write(tmp_path)
    (tmp_path / "before.json").write_text(before)
    return tmp_path


def against_before(folder: Path, *arguments: str, check: int = 1) -> str:
    return devtools(
        "check", "--entry", "shop:app", "--against", "before.json", *arguments, cwd=folder, check=check
    ).stdout


def test_the_same_app_passes_and_nothing_is_stored(folder: Path) -> None:
    """What the app prints goes to stderr; no telemetry store is opened."""
    done = devtools("check", "--entry", "shop:app", "--against", "before.json", cwd=folder)
    assert done.stdout == "Compared with before.json: nothing found.\n"
    assert "imported" in done.stderr
    assert not (folder / "telemetry.db").exists()


def test_everything_that_fails_fails(folder: Path) -> None:
    write(folder, hook="", routes='Route("/", page)', middleware="Middleware(Two), Middleware(One)")
    shown = json.loads(against_before(folder, "--format", "json"))
    assert not shown["ok"]
    assert [finding["code"] for finding in shown["findings"]] == [
        "REMOVED_ROUTE",
        "ORPHAN_EVENT",
        "MIDDLEWARE_ORDER",
    ]


def test_every_format_says_the_same(folder: Path) -> None:
    write(folder, routes='Route("/", page)')
    assert "error    REMOVED_ROUTE" in against_before(folder)
    assert "- `GET /about/{id}` The route GET /about/{id} is gone." in against_before(
        folder, "--format", "markdown"
    )
    suite = ElementTree.fromstring(against_before(folder, "--format", "junit"))
    assert suite.get("failures") == "1"
    assert "GET /about/{id}" in (suite.findtext("testcase[@name='REMOVED_ROUTE']/failure") or "")


def test_a_finding_is_ignored_with_a_reason(folder: Path) -> None:
    write(folder, routes='Route("/", page)')
    (folder / "pyproject.toml").write_text('[tool.devtools.ignore]\n"REMOVED_ROUTE GET /about/*" = "moved"\n')
    assert "Ignored: moved" in against_before(folder, check=0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--against", "before.json"], "--endpoint"),
        (["--entry", "shop:app"], "--database"),
        (["--entry", "shop:app", "--against", "nowhere.json"], "nowhere.json"),
        (["--entry", "shop:app", "--against", "shop.py"], "Cannot import snapshot"),
        (["--entry", "nothing:app", "--against", "before.json"], "nothing"),
        (["--endpoint", "http://127.0.0.1:9/graphql"], "127.0.0.1:9"),
        (["--database", "sqlite:///none.db"], "none.db"),
    ],
)
def test_what_cannot_be_answered_is_two(
    folder: Path, inside: Inside, arguments: list[str], told: str
) -> None:
    code, out, err = inside(folder, "check", *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_an_endpoint_of_the_environment_is_not_asked_where_another_target_is_typed(
    folder: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app may have an ENDPOINT of its own, which must get no token; and the database is what is compared."""
    monkeypatch.setenv("ENDPOINT", "http://127.0.0.1:9/graphql")
    code, _, err = inside(folder, "check", "--entry", "shop:app", "--against", "active")
    assert (code, "127.0.0.1:9" in err) == (2, False)
    code, _, err = inside(folder, "check", "--database", "sqlite:///none.db")
    assert (code, "none.db" in err, "127.0.0.1:9" in err) == (2, True, False)


def test_the_active_version_of_a_database_is_compared_whatever_the_environment_names(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDPOINT", "http://127.0.0.1:9/graphql")
    url = f"sqlite:///{tmp_path}/toy.db"
    with toy(tmp_path, TOY_DATABASE=url) as server:
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
    assert inside(tmp_path, "check", "--database", url)[:2] == (
        0,
        "Compared with version 1: nothing found.\n",
    )


def test_without_a_running_app_the_last_version_stands_for_it_and_is_named(
    tmp_path: Path, inside: Inside
) -> None:
    """Nothing says `now` there."""
    url = f"sqlite:///{tmp_path}/toy.db"
    with toy(tmp_path, TOY_DATABASE=url) as server:
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
        server.get("/hello/ada")
    code, _, err = inside(tmp_path, "snapshots", "diff", "1", "running", "--database", url)
    assert code == 0
    assert err == "devtools: version 1 → version 1, the last one stored\n"


def test_a_whole_life_over_a_server_and_its_database(tmp_path: Path, inside: Inside) -> None:
    """Saved by the server; labelled, exported, imported, compared, activated and deleted from outside."""
    url = f"sqlite:///{tmp_path}/toy.db"

    def told(*arguments: str) -> str:
        code, out, err = inside(tmp_path, *arguments)
        assert code == 0, err
        return out

    def refused(*arguments: str) -> str:
        code, _, err = inside(tmp_path, *arguments)
        assert code == 1
        return err

    with toy(tmp_path, TOY_DATABASE=url) as server:
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
        for _ in range(25):
            server.get("/hello/ada")
        at = ["--endpoint", f"{server.base}/devtools/graphql"]
        assert told("snapshots", "label", "1", "first", *at) == "version 1 is “first”\n"
        listed = told("snapshots", "list", *at)
        assert (listed[:7], listed[-6:]) == ("*    1 ", "first\n")
        told("snapshots", "export", "active", *at, "--output", "one.json")
        assert "DEVTOOLS_IMPORT_SNAPSHOTS=1" in refused("snapshots", "import", "one.json", *at)
        assert told("snapshots", "diff", "1", *at).startswith("Behaviour (")
        shown = json.loads(told("snapshots", "diff", "1", "1", "--format", "json", *at))
        hello = next(row for row in shown["behaviour"] if row["nodeId"] == "GET /hello/{name}")
        assert (hello["verdict"], hello["old"]["count"]) == ("SAME", 25)
        assert "nothing found" in told("check", *at)
        server.stop()
    at = ["--database", url]
    assert told("snapshots", "import", "one.json", *at).startswith("version 2 of ")
    assert told("snapshots", "activate", "2", *at) == "version 2 is active\n"
    assert told("snapshots", "delete", "1", *at) == "version 1 is gone\n"
    assert "GET /hello/{name}" in told("snapshots", "show", "2", *at)
    assert "there is no snapshot 1" in refused("snapshots", "show", "1", *at)
    assert "it is the active one" in refused("snapshots", "delete", "2", *at)
    assert told("snapshots", "diff", "one.json", *at) == "No difference.\n"
    assert "nothing found" in told("check", *at, "--against", "one.json")
