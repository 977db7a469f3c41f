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
