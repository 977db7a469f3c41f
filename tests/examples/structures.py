"""Structures of the examples, each inspected in a process where nothing else is declared, for comparison with hand-written ones."""

import subprocess
import sys
from pathlib import Path

import msgspec

from devtools.introspection.elements import Element, Structure

ROOT = Path(__file__).parents[2]

INSPECT = """
import importlib, sys, msgspec
from devtools.introspection.introspector import inspect_app
module, name = sys.argv[1:]
app = importlib.import_module(module).make_app()
sys.stdout.buffer.write(msgspec.json.encode(inspect_app(app, name=name)))
"""


def inspected(module: str, name: str) -> Structure:
    """The app that `module:make_app` makes, under this name."""
    command = [sys.executable, "-c", INSPECT, module, name]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return msgspec.json.decode(found.stdout, type=Structure)


def links(element: Element) -> dict[str, object]:
    """Everything a description says: not lines, texts and schemas, nor the place of what is installed."""
    installed = element.file_path is not None and "site-packages" in element.file_path
    told = msgspec.structs.replace(
        element,
        title=None,
        description=None,
        line=None,
        schema=None,
        result_schema=None,
        file_path=None if installed else element.file_path,
    )
    return msgspec.structs.asdict(told)


def ids(elements: list[Element]) -> list[str]:
    return [element.id for element in elements]


def properties(schema: str | None) -> set[str]:
    """Names in a JSON Schema, which may hold the object by reference."""
    decoded = msgspec.json.decode(schema or "{}")
    if "$ref" in decoded:
        decoded = decoded["$defs"][decoded["$ref"].rpartition("/")[2]]
    return set(decoded["properties"])
