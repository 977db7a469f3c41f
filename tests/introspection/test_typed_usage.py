"""Decorators keep the types of what they decorate, as a type checker sees it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_decorated_functions_keep_their_types_under_strict_checking() -> None:
    """`typed_usage.py` asserts the types, and that wrong arguments are refused."""
    pyright = shutil.which("pyright", path=Path(sys.executable).parent) or shutil.which("pyright")
    if pyright is None:
        pytest.skip("pyright is not installed: it is in the group `check`")

    usage = "tests/introspection/typed_usage.py"
    checked = subprocess.run([pyright, usage], cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
