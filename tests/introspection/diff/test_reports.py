"""Diffs and findings as text: what is in them stays text, whatever they are shown in."""

import json
from xml.etree import ElementTree

import pytest

from devtools.introspection.diff import diff, report
from devtools.introspection.diff.check import Finding
from devtools.introspection.diff.check_report import FORMATS
from tests.introspection.diff.conftest import element, structure

OLD = structure(
    element("task", "a", depends_on=("x", "y"), title="A"),
    element("event", "gone"),
    sdl="type Query { a: Int }",
)
NEW = structure(
    element("task", "a", depends_on=("y", "z"), title="B"),
    element("hook", "come"),
    sdl="type Query { b: Int }",
)
BEHAVIOUR = [{"nodeId": "a", "verdict": "TOO_FEW", "message": "Too few runs."}]


def test_a_diff_as_text() -> None:
    assert report.as_text(diff(OLD, NEW), BEHAVIOUR) == (
        "Elements (3)\n"
        "  ~ task a\n"
        "      title: A → B\n"
        "      depends on: + z, - x\n"
        "  + hook come\n"
        "  - event gone\n"
        "\n"
        "GraphQL (2)\n"
        "  breaking  Field Query.a was removed.\n"
        "  safe      Field Query.b was added.\n"
        "\n"
        "Behaviour (1)\n"
        "  too few   a: Too few runs.\n"
    )


def test_a_diff_as_markdown_and_as_json() -> None:
    shown = report.as_markdown(diff(OLD, NEW))
    assert shown.startswith("### Elements (3)\n\n- **changed** `task a`\n  - title: A → B\n")
    assert json.loads(json.dumps(report.as_json(diff(OLD, NEW), BEHAVIOUR)))["entries"][0]["id"] == "a"


def test_no_difference_is_said() -> None:
    assert report.as_text(diff(OLD, OLD)) == report.as_markdown(diff(OLD, OLD)) == "No difference.\n"


def test_what_is_not_compared_takes_one_line() -> None:
    """Thirty routes that nobody asked would hide the one that became slower."""
    few = [{"nodeId": f"t{number}", "verdict": "TOO_FEW", "message": "Too few."} for number in range(12)]
    rows = [{"nodeId": "a", "verdict": "WORSE", "message": "p50 1.0 → 9.0 ms"}, *few]
    assert report.as_text(diff(OLD, OLD), rows) == (
        "Behaviour (2)\n"
        "  worse     a: p50 1.0 → 9.0 ms\n"
        "  too few   12 elements: Too few runs to compare, 20 are needed under each version.\n"
        "      t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 2 more\n"
    )
    assert report.as_markdown(diff(OLD, OLD), rows) == (
        "### Behaviour (2)\n\n"
        "- **worse** `a`: p50 1.0 → 9.0 ms\n"
        "- **too few** 12 elements: Too few runs to compare, 20 are needed under each version.\n"
        "  - t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 2 more\n"
    )


def test_long_values_are_cut_to_where_they_differ() -> None:
    """Two schemas that begin alike would be shown as the same."""
    schemas = [
        {"type": "object", "properties": {"post": {"title": "T" * 100, "required": required}}, "x": "y" * 99}
        for required in (["title"], ["title", "author"])
    ]
    old, new = (structure(element("task", "a", schema=json.dumps(schema))) for schema in schemas)
    line = next(line for line in report.as_text(diff(old, new)).splitlines() if "→" in line)
    before, after = line.split(" → ")
    assert '"required": ["title"]}' in before
    assert '"required": ["title", "author"]' in after
    assert len(line) < 250


HOSTILE = "<script>`x` | @team ](evil)\n# head\x00\ud800"


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_text_stays_text(form: str) -> None:
    """An element's name is anybody's."""
    finding = Finding("REMOVED_ROUTE", "error", HOSTILE, HOSTILE, None)
    if form == "json":
        finding = Finding("REMOVED_ROUTE", "error", HOSTILE[:-1], HOSTILE[:-1], None)
    shown = FORMATS[form]([finding], "version 1")
    if form == "junit":
        assert "script" in (ElementTree.fromstring(shown.encode()).findtext("*/failure") or "")
    if form == "markdown":
        assert "\n# head" not in shown
        assert "\\<script\\>" in shown
    assert shown.endswith("\n")
