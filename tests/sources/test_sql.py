"""The sources of SQL, each with its library and an app in a process of its own: inspectors find whatever is imported in theirs."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import lacking

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NEEDS = {
    "sqlalchemy": ("sqlalchemy", "aiosqlite"),
    "peewee": ("greenlet", "aiosqlite"),
    "django": ("django",),
}


@pytest.mark.parametrize("library", NEEDS)
def test_statements_are_runs(library: str) -> None:
    """Every test of `in_process/sql_of_….py` passes; what failed is printed."""
    for name in NEEDS[library]:
        if importlib.util.find_spec(name) is None:
            lacking(f"{name} is not installed: pip install --group inspectors")
    file = HERE / "in_process" / f"sql_of_{library}.py"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
    ]
    command += ["--import-mode=importlib", str(file)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert "skipped" not in done.stdout.splitlines()[-1]
