"""What holds for every inspector: it imports nothing, tells no secret, says the same every time; others plug in."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from devtools.introspection.diagnostics import diagnose
from devtools.introspection.inspectors import INSPECTORS

from .inspected import FRAMEWORKS, Inspected, inspected

ROOT = Path(__file__).parents[2]

FRAMEWORK_OF = {
    "apscheduler_shop": "apscheduler",
    "arq_shop": "arq",
    "blinker_shop": "blinker",
    "celery_shop": "celery",
    "dishka_shop": "dishka",
    "django_asgi": "django",
    "flask_mounted": "flask",
    "graphql_shop": "strawberry",
    "huey_shop": "huey",
    "litestar_shop": "litestar",
    "peewee_shop": "peewee",
    "quart_shop": "quart",
    "sqlalchemy_shop": "sqlalchemy",
    "svcs_shop": "svcs",
    "taskiq_shop": "taskiq",
}


@pytest.mark.slow
@pytest.mark.parametrize("module", FRAMEWORK_OF)
def test_two_starts_say_the_same_and_no_secret_and_link_to_nothing_unknown(module: str) -> None:
    first, second = (_seeded(module, seed) for seed in ("1", "2"))
    assert first.structure.elements == second.structure.elements
    assert b"hunter2" not in msgspec.json.encode(first.structure)
    unknown = [
        finding.message
        for finding in diagnose(first, include_framework=True)
        if finding.code == "UNKNOWN_LINK"
    ]
    assert unknown == []
    assert " at 0x" not in str(first.structure)


def _seeded(module: str, seed: str) -> Inspected:
    os.environ["PYTHONHASHSEED"] = seed
    try:
        return inspected(module, needs=FRAMEWORK_OF[module])
    finally:
        del os.environ["PYTHONHASHSEED"]


BARE = """
import sys
async def app(scope, receive, send): ...
from devtools.introspection.introspector import inspect_app
before = {name.partition(".")[0] for name in sys.modules}
inspect_app(app, name="bare")
after = {name.partition(".")[0] for name in sys.modules}
print(sorted(after - before - set(sys.stdlib_module_names)))
"""


@pytest.mark.slow
def test_to_inspect_a_bare_app_imports_no_framework() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


PLUGIN = '''
"""Describes the queues of a framework that nobody here knows."""

from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found


def inspect(app: object, found: Found) -> None:
    """Every queue that a global of the app holds."""
    import plugged_queue

    for name, queue in found.own.of(plugged_queue.Queue):
        found.describe_global(ElementKind.resource, name, queue, title=f"Queue {queue.name}")
'''

QUEUE = """
class Queue:
    def __init__(self, name):
        self.name = name
"""

APP = """
from plugged_queue import Queue
orders = Queue("orders")

def app(environ, start_response):
    return orders
"""

METADATA = "Metadata-Version: 2.1\nName: devtools-plugged\nVersion: 1.0\n"
ENTRY_POINTS = (
    "[devtools.inspectors]\nplugged = plugged_inspector:inspect\nmissing = plugged_nowhere:inspect\n"
)


@pytest.fixture
def plugged(tmp_path: Path) -> Path:
    """A folder with an app, and a package that says how to inspect it, as pip would install it."""
    (tmp_path / "plugged_inspector.py").write_text(PLUGIN)
    (tmp_path / "plugged_queue.py").write_text(QUEUE)
    (tmp_path / "plugged_app.py").write_text(APP)
    info = tmp_path / "devtools_plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


@pytest.mark.slow
def test_another_package_plugs_in_by_an_entry_point_and_a_broken_one_is_one_warning(plugged: Path) -> None:
    script = (
        "import logging, msgspec, sys, plugged_app; logging.basicConfig()\n"
        "from devtools.introspection.introspector import inspect_app\n"
        "structure = inspect_app(plugged_app.app, name='plugged_app')\n"
        "print([(each.id, each.title, each.line) for each in structure.elements])\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{plugged}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=plugged,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "('plugged_app.orders', 'Queue orders', 3)" in done.stdout
    assert done.stderr.count("WARNING:devtools") == 1
    assert "'missing' failed" in done.stderr


def test_every_inspector_has_its_own_file_and_is_documented() -> None:
    page = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
    folder = ROOT / "devtools" / "introspection" / "inspectors"
    assert [name for name in INSPECTORS if not (folder / f"{name}.py").is_file()] == []
    assert [name for name in INSPECTORS if f"`{name}`" not in page] == []


def test_every_framework_has_an_app_here() -> None:
    assert [module for module in FRAMEWORK_OF if not (FRAMEWORKS / f"{module}.py").is_file()] == []
