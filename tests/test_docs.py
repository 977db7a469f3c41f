"""Docs cannot rot: their examples run, and everything public is in them."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from devtools.cli import COMMANDS
from devtools.cli.commands import group
from devtools.introspection.diff.check import RULES
from devtools.records import ALL
from devtools.settings import FIELDS, PRODUCTION_VARIABLES, variable
from devtools.sources import SOURCES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(language):
    """Every fenced block of a language, with the page it stands on."""
    return list(_blocks(language))


def _blocks(language):
    for page in PAGES:
        for number, block in enumerate(
            re.findall(
                rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
            )
        ):
            yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("python"))
def test_python_examples_run(block, tmp_path):
    """Each is a whole module. Frameworks that are not here are no fault of the example."""
    for name in re.findall(r"^(?:from|import) (\w+)", block, re.MULTILINE):
        if importlib.util.find_spec(name) is None and os.environ.get("DEVTOOLS_TEST_REQUIRE") != "1":
            pytest.skip(f"{name} is not installed. Run: uv pip install --group test")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("graphql"))
def test_graphql_examples_are_valid(block):
    """Against the committed schema."""
    schema = build_schema((ROOT / "tests" / "schema.graphql").read_text())
    assert validate(schema, parse(block)) == []


@pytest.mark.parametrize("block", blocks("bash"))
def test_commands_exist(block):
    """Every `devtools` and `make` line names a command, its options and a target that are there."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in block.splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["devtools"]:
            command = group.get_command(None, words[1])
            assert command is not None, line
            known = {
                option
                for parameter in [*command.params, *_below(command, words)]
                for option in parameter.opts
            }
            assert {word for word in words if word.startswith("--")} <= known, line
        elif words[:1] == ["make"]:
            assert words[1] in targets, line


def _below(command, words):
    inner = getattr(command, "commands", {}).get(words[2] if len(words) > 2 else "")
    return inner.params if inner is not None else []


def test_every_command_is_documented():
    """With a line of what it does."""
    assert [name for name in COMMANDS if f"`devtools {name}" not in TEXT] == []


def test_every_setting_is_documented():
    """Name, variable, default and meaning, as they are in the code."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    missing = [
        name
        for name, field in FIELDS.items()
        if f"| `{name}` | `{variable(name)}` |" not in page or field.metadata["meaning"] not in page
    ]
    assert missing == []


def test_what_says_production_is_documented():
    """Nobody should have to guess why nothing is installed."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name for name in PRODUCTION_VARIABLES if name not in page] == []


def test_every_source_and_kind_is_documented():
    """People look for these words."""
    assert [name for name in SOURCES if f"`{name}`" not in TEXT] == []
    assert [record_type.kind for record_type in ALL if record_type.kind not in TEXT] == []


def test_every_graphql_root_field_is_documented():
    """Queries, mutations and subscriptions."""
    schema = build_schema((ROOT / "tests" / "schema.graphql").read_text())
    page = (ROOT / "docs" / "graphql.md").read_text(encoding="utf-8")
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    assert [name for root in roots for name in root.fields if not re.search(rf"\b{name}\b", page)] == []


def test_every_rule_of_the_check_is_documented():
    """Code, severity and sentence, as they are in the code."""
    page = (ROOT / "docs" / "snapshots.md").read_text(encoding="utf-8")
    assert [
        rule.code for rule in RULES if f"| `{rule.code}` | {rule.grade} | {rule.sentence} |" not in page
    ] == []


def test_no_marks_of_a_merge_are_left():
    """In what people read."""
    marks = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
    assert [page.name for page in [*PAGES, ROOT / "CHANGELOG.md"] if marks.search(page.read_text())] == []
