"""`make run` as a person runs it, from a checkout: one link that opens, the port and traffic asked for, and no npm needed."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port, release_port

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-the-tests-of-make-run"
LINK = re.compile(r"(http://127\.0\.0\.1:\d+/devtools/)#token=(\S+)")
SECONDS = 120.0
NEEDED = ("sh", "make", "find")
"""The programs of `make run`, once the environment is there."""

Run = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.slow


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository as `make run` needs it, with this environment, in a place where nothing of ours is changed."""
    for name in ("Makefile", "pyproject.toml", "devtools", "examples", "migrations"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = tmp_path / ".venv"
    environment.mkdir()
    for path in Path(sys.prefix).iterdir():
        (environment / path.name).symlink_to(path)
    ready = environment / ".ready"
    ready.unlink(missing_ok=True)
    ready.touch()  # newer than pyproject.toml: the environment is not made again
    return tmp_path


@pytest.fixture
def run(checkout: Path) -> Iterator[Run]:
    """Start `make run` with these variables; all of it is ended."""
    started: list[subprocess.Popen[str]] = []
    make = shutil.which("make")
    if make is None:
        reason = "make is not installed."
        pytest.fail(reason) if os.environ.get("DEVTOOLS_TEST_REQUIRE") == "1" else pytest.skip(reason)

    def start(*variables: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [make, "run", *variables],
            cwd=checkout,
            env={**os.environ, "DEVTOOLS_TOKEN": TOKEN, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def link_in(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    """The address in the link, and everything that was printed before it."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        found = LINK.search(line)
        if found is not None:
            assert found[2] == TOKEN
            return found[1], lines
    raise AssertionError("".join(lines))


def runs_of(address: str) -> list[object]:
    """Ask with the token of the link."""
    answer = httpx.post(
        f"{address}graphql",
        json={"query": "{ live { runs { nodeId } } }"},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=SECONDS,
    )
    return answer.json()["data"]["live"]["runs"]


def test_it_prints_a_link_that_opens(run: Run) -> None:
    """And with TRAFFIC=0 nobody comes."""
    address, _ = link_in(run("PORT=0", "TRAFFIC=0"))
    assert httpx.get(address, timeout=SECONDS).status_code == 200
    assert runs_of(address) == []


def test_the_port_is_the_one_asked_for(run: Run) -> None:
    port = free_port()
    address, _ = link_in(run(f"PORT={port}", "TRAFFIC=0"))
    assert address == f"http://127.0.0.1:{port}/devtools/"
    release_port(port)


def test_customers_come_unless_told_otherwise(run: Run) -> None:
    address, _ = link_in(run("PORT=0"))
    assert any(runs_of(address) for _ in range(10_000))


def test_without_npm_it_says_so_and_runs(run: Run, tmp_path: Path) -> None:
    """The pages are plain; everything else is there."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    address, printed = link_in(run("PORT=0", "TRAFFIC=0", PATH=str(programs)))
    assert any("npm is not installed" in line for line in printed)
    assert httpx.get(address, timeout=SECONDS).status_code == 200
    assert runs_of(address) == []
