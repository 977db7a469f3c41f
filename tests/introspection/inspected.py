"""Realistic apps of `frameworks/`, each inspected in a process of its own, where no other framework is imported."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from devtools.introspection.elements import Element, Structure
from devtools.introspection.graph import Graph
from tests.machine import lacking

HERE = Path(__file__).parent
FRAMEWORKS = HERE / "frameworks"

INSPECT = """
import importlib, pathlib, sys, msgspec
module, name, root = sys.argv[1:]
found = importlib.import_module(module)
before = frozenset(sys.modules)
from devtools.introspection.introspector import inspect_app
structure = inspect_app(getattr(found, name, None), name=module, project_root=pathlib.Path(root))
sys.stdout.buffer.write(msgspec.json.encode(structure))
"""


class Inspected(Graph):
    """What was found in one app."""

    def element(self, identifier: str) -> Element:
        found = self.by_id.get(identifier)
        assert found is not None, sorted(self.by_id)
        return found

    def config(self, identifier: str) -> Any:
        return json.loads(self.element(identifier).config or "null")

    def schema(self, identifier: str) -> Any:
        return json.loads(self.element(identifier).schema or "null")


def inspected(module: str, app: str = "app", *, needs: str, folder: Path = FRAMEWORKS) -> Inspected:
    """Import a module, inspect the app it holds under this name, if any. A warning of an inspector fails."""
    if importlib.util.find_spec(needs) is None:
        lacking(f"{needs} is not installed: pip install --group inspectors")
    command = [sys.executable, "-W", "ignore", "-c", INSPECT, module, app, str(folder)]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "inspector" not in done.stderr, done.stderr
    return Inspected(msgspec.json.decode(done.stdout, type=Structure))
