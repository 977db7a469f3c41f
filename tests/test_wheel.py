"""What users install: wheel, source distribution and editable install, each in a fresh environment outside the repository.

Nothing here is set to find the repository: an installed file that is missing fails.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.servers import ROOT, TOKEN, free_port, running

pytestmark = pytest.mark.slow

BUILD_SECONDS = 400
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", "__pycache__", ".*_cache", "build", ".hypothesis", "*.db*"
)
APP = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from devtools import mount, task

@task
def greet() -> str:
    return "hello"

app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(greet()))])
mount(app, app="shop")
"""
UNREACHABLE = (
    "Failed to fetch",
    "error sending request",
    "No matching distribution",
    "ConnectionError",
    "dns error",
)


def lacking(reason):
    """Skip, or fail where everything is required."""
    (pytest.fail if os.environ.get("DEVTOOLS_TEST_REQUIRE") == "1" else pytest.skip)(reason)


def clean_environment(**more):
    """Without anything that leads to the repository."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "VIRTUAL_ENV"} and not name.startswith(("DEVTOOLS_", "COV"))
    }
    return kept | {"PYTHONPATH": "", "DEVTOOLS_TOKEN": TOKEN} | more


def call(*command, cwd, check=True, **environment):
    """Run a command to its end."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    if done.returncode and any(text in done.stderr + done.stdout for text in UNREACHABLE):
        lacking(f"The package index is not reachable: {done.stderr[-500:]}")
    assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
    return done


@dataclass(frozen=True)
class Place:
    """A fresh environment, and a folder to work in."""

    folder: Path

    @property
    def bin(self):
        return self.folder / "env" / "bin"

    def install(self, *what):
        uv = shutil.which("uv")
        python = self.bin / "python"
        installer = (uv, "pip", "install", "--python", python) if uv else (python, "-m", "pip", "install")
        return call(*installer, "--quiet", *what, cwd=self.folder)

    def uninstall(self, name):
        uv = shutil.which("uv")
        python = self.bin / "python"
        command = (
            (uv, "pip", "uninstall", "--python", python)
            if uv
            else (python, "-m", "pip", "uninstall", "--yes")
        )
        return call(*command, name, cwd=self.folder)

    def devtools(self, *arguments):
        return call(self.bin / "devtools", *arguments, cwd=self.folder)

    def python(self, code, check=True):
        return call(self.bin / "python", "-c", code, cwd=self.folder, check=check)


def fresh(folder):
    uv = shutil.which("uv")
    folder.mkdir(exist_ok=True)
    if uv:
        call(uv, "venv", "--quiet", "--python", sys.executable, "env", cwd=folder)
    else:
        call(sys.executable, "-m", "venv", "env", cwd=folder)
    return Place(folder)


def build(project, out, *, check=True, **environment):
    """Both distributions, the wheel made from the source distribution, as for a release."""
    uv = shutil.which("uv")
    if uv:
        return call(uv, "build", "--out-dir", out, project, cwd=project, check=check, **environment)
    if call(sys.executable, "-m", "build", "--version", cwd=project, check=False).returncode:
        lacking("Neither uv nor build is installed. Run: pip install build")
    return call(
        sys.executable, "-m", "build", "--outdir", out, project, cwd=project, check=check, **environment
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The project as it is here, for a test to change."""
    made = tmp_path_factory.mktemp("sources") / "project"
    shutil.copytree(ROOT, made, ignore=NOT_COPIED, symlinks=True)
    return made


@pytest.fixture(scope="module")
def project(sources):
    """With the web files."""
    if not (sources / "web" / "dist" / "index.html").is_file():
        lacking("The web files are not built. Run: make web")
    return sources


@pytest.fixture(scope="module")
def bare_project(sources, tmp_path_factory):
    """As a clone on a machine without npm."""
    made = tmp_path_factory.mktemp("bare") / "project"
    shutil.copytree(sources, made, symlinks=True)
    shutil.rmtree(made / "web" / "dist", ignore_errors=True)
    return made


@pytest.fixture(scope="module")
def wheel(project, tmp_path_factory):
    """The wheel of a release."""
    out = tmp_path_factory.mktemp("out")
    build(project, out, DEVTOOLS_RELEASE="1")
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    place = fresh(tmp_path_factory.mktemp("installed"))
    place.install(wheel)
    (place.folder / "shop.py").write_text(APP)
    return place


def serving(place, *arguments, mount="/devtools"):
    port = free_port()
    command = [str(place.bin / "devtools"), *arguments, "--port", str(port)]
    return running(command, port=port, cwd=place.folder, mount=mount, PYTHONPATH="")


def assert_pages(base, path):
    """Each page answers, and all that it loads."""
    for page in ("/", "/graphiql"):
        address = httpx.URL(f"{base}{path}{page}")
        answer = httpx.get(address, timeout=20)
        assert answer.status_code == 200
        loaded = re.findall(r'(?:src|href)="(\.?/?(?:assets|static)/[^"]+)"', answer.text)
        assert loaded
        for each in loaded:
            assert httpx.get(address.join(each), timeout=20).status_code == 200, each


def test_the_wheel_is_all_that_is_needed(installed):
    """Version, pages, assets, recording into a file whose schema is made by the migrations inside, history without the app."""
    assert installed.devtools("--version").stdout.strip() == "devtools-server 0.1.0"
    place = Path(installed.python("import devtools; print(devtools.__file__)").stdout.strip())
    assert place.is_relative_to(installed.folder)
    assert (place.parent / "py.typed").is_file()
    url = f"sqlite:///{installed.folder}/shop.db"
    with serving(installed, "run", "shop:app", "--database", url) as server:
        assert server.get("/").text == "hello"
        assert_pages(server.base, "/devtools")
        assert "make web" not in server.get("/devtools/").text
        runs = server.query("{ history { runs { nodes { nodeId } } } }")["history"]["runs"]["nodes"]
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
        server.stop()
    assert [run["nodeId"] for run in runs] == ["GET /", "shop.greet"]
    assert "applied  0001_initial" in installed.devtools("db", "status", "--database", url).stdout
    (installed.folder / "shop.py").rename(installed.folder / "gone.txt")
    with serving(installed, "serve", "--database", url, mount="") as server:
        assert_pages(server.base, "")
        found = server.query("{ tasks { id } history { runs { totalCount } } }")
    (installed.folder / "gone.txt").rename(installed.folder / "shop.py")
    assert {"GET /", "shop.greet"} <= {entry["id"] for entry in found["tasks"]}
    assert found["history"]["runs"]["totalCount"] == 2


def test_it_is_installed_into_another_project(bare_project, tmp_path):
    """`pip install .` from the sources and two lines: a FastAPI app of its own answers, is described and recorded, without npm."""
    place = fresh(tmp_path / "place")
    place.install(bare_project, "fastapi>=0.133")
    shutil.copytree(ROOT / "examples" / "api", place.folder / "examples" / "api")
    port = free_port()
    command = [str(place.bin / "python"), "-m", "uvicorn", "examples.api.app:app", "--port", str(port)]
    with running(command, port=port, cwd=place.folder, PYTHONPATH="") as server:
        assert server.get("/books/2/copies/1").status_code == 200
        assert_pages(server.base, "/devtools")
        asked = """{ task(id: "GET /books/{book_id}/copies/{number}") { dependsOn runs(last: 1) { httpStatus } }
                     activeSnapshot { openapi } }"""
        found = server.await_that(asked, lambda data: data["activeSnapshot"])
        assert server.stop() < 5
    assert found["task"] == {"dependsOn": ["examples.api.shelf.open_shelf"], "runs": [{"httpStatus": 200}]}
    assert "/books/{book_id}/copies/{number}" in found["activeSnapshot"]["openapi"]["paths"]


def test_a_source_distribution_is_built_and_installed_without_npm(bare_project, tmp_path):
    """Small pages stand in for the built ones."""
    build(bare_project, tmp_path / "out")
    (made,) = (tmp_path / "out").glob("*.tar.gz")
    place = fresh(tmp_path / "place")
    place.install(made)
    (place.folder / "shop.py").write_text(APP)
    with serving(place, "run", "shop.py") as server:
        assert_pages(server.base, "/devtools")
        assert "make web" in server.get("/devtools/").text
        assert server.query("{ system { store { kind } } }")["system"]["store"]["kind"] == "memory"


def test_an_editable_install_works(bare_project, tmp_path):
    """What contributors have: migrations and web files are those of the repository."""
    place = fresh(tmp_path / "place")
    place.install("--editable", bare_project)
    assert place.devtools("--version").stdout.startswith("devtools-server")
    found = place.python("import devtools; print(devtools.__file__)").stdout.strip()
    assert Path(found) == bare_project / "devtools" / "__init__.py"
    made = place.devtools("db", "upgrade", "--database", f"sqlite:///{tmp_path}/x.db").stdout
    assert "applied 0001_initial" in made


@pytest.mark.parametrize("lost", ["web/dist", "web/dist/graphiql.html", "web/dist/assets"])
def test_a_release_without_the_web_files_fails(project, tmp_path, lost):
    """It names what is missing and how to make it; no distribution is left."""
    made = tmp_path / "project"
    shutil.copytree(project, made, symlinks=True)
    shutil.rmtree(made / lost) if (made / lost).is_dir() else (made / lost).unlink()
    done = build(made, tmp_path / "out", check=False, DEVTOOLS_RELEASE="1")
    assert done.returncode != 0
    assert "Run: make web" in done.stderr + done.stdout
    assert list((tmp_path / "out").glob("devtools*")) == []


MOUNT = "from devtools.app import mount; from starlette.applications import Starlette; mount(Starlette())"


@pytest.mark.parametrize("order", ["ours first", "theirs first"])
def test_the_other_distribution_is_named(wheel, tmp_path, order):
    """Both install `devtools/__init__.py`; the one that came last has it. Version line and `mount` say what helps."""
    place = fresh(tmp_path / "place")
    both = [(wheel,), ("devtools==0.12.2",)]
    for what in both if order == "ours first" else reversed(both):
        place.install(*what)
    told = "The distribution devtools 0.12.2 installs the same import name"
    assert told in place.devtools("--version").stdout
    assert told in place.python(MOUNT).stderr
    imported = place.python("from devtools import mount", check=False)
    assert (imported.returncode == 0) is (order == "theirs first")
    place.uninstall("devtools")
    place.install("--no-deps", "--reinstall" if shutil.which("uv") else "--force-reinstall", wheel)
    assert place.devtools("--version").stdout.strip() == "devtools-server 0.1.0"
    assert place.python(MOUNT.replace("devtools.app", "devtools")).stderr == ""
