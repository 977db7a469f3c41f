"""What the app, a label or a document says cannot steer the terminal it is printed on."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.cli import main
from devtools.cli.terminal import escaped

HOSTILE = "good\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe"
APP = """
from starlette.applications import Starlette
app = Starlette()
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    captured = capsys.readouterr()
    assert not ended.value.code, captured.err
    return captured.out + captured.err


@pytest.fixture
def database(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with one version, whose label is hostile."""
    (tmp_path / "hostile_label.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DEVTOOLS_IMPORT_SNAPSHOTS", "1")
    run(
        capsys, "snapshots", "export", "running", "--entry", "hostile_label:app", "--output", "structure.json"
    )
    sys.modules.pop("hostile_label")
    url = f"sqlite:///{tmp_path}/labels.db"
    run(capsys, "db", "upgrade", "--database", url)
    run(capsys, "snapshots", "import", "structure.json", "--database", url)
    run(capsys, "snapshots", "label", "1", HOSTILE, "--database", url)
    return url


@pytest.mark.parametrize("command", [("list",), ("show", "1"), ("label", "1", HOSTILE)])
def test_a_label_cannot_steer_the_terminal(
    database: str, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """Its escape sequences and turned text are shown as what they are."""
    shown = run(capsys, "snapshots", *command, "--database", database)

    assert "good\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\u202egnp.exe" in shown
    assert not set(HOSTILE) & set("\x1b\x07\x9b\u202e") & set(shown)


@given(st.text())
def test_escaped_text_holds_nothing_that_steers(text: str) -> None:
    """Whatever the text; tab and line feed stay, and so does what is JSON."""
    shown = escaped(text)

    assert not any(0x7F <= ord(letter) <= 0x9F or (letter < " " and letter not in "\t\n") for letter in shown)
    assert json.loads(escaped(json.dumps(text, ensure_ascii=False))) == text
