"""What a machine may lack: a skip with its reason, or a failure with DEVTOOLS_TEST_REQUIRE=1."""

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

CLIENTS = Path(__file__).parent / "clients"
INSTALL_SECONDS = 240.0


def lacking(reason: str) -> NoReturn:
    """Skip, or fail where everything is required."""
    if os.environ.get("DEVTOOLS_TEST_REQUIRE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def node_client(script: str) -> list[str]:
    """The command that runs a script of `tests/clients`, whose packages are installed first."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        lacking("Node.js with npm is not installed: the clients of other projects cannot run.")
    problem = _install()
    if problem:
        lacking(problem)
    return [node, str(CLIENTS / script)]


@cache
def _install() -> str | None:
    """What is wrong with the packages, once they are those of the lock file."""
    with (CLIENTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed, wanted = CLIENTS / "node_modules/.package-lock.json", CLIENTS / "package-lock.json"
        if installed.is_file() and installed.stat().st_mtime >= wanted.stat().st_mtime:
            return None
        command = ["npm", "ci", "--prefix", str(CLIENTS), "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            return f"npm ci took longer than {INSTALL_SECONDS:g} s: does the registry answer?"
        if done.returncode != 0:
            return f"npm ci failed: {done.stderr.strip()[-500:]}"
        installed.touch()
        return None
