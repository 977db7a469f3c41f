"""`devtools --help`, which is printed without click."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from devtools.cli import help_text, main
from devtools.cli.commands import group


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_what_click_would_print(option, capsys, monkeypatch):
    """To the letter, where the terminal is wide enough."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        main([option])
    expected = CliRunner().invoke(group, [option], prog_name="devtools").output
    assert (left.value.code, capsys.readouterr().out) == (0, expected)


def test_a_narrow_terminal_gets_broken_lines(capsys, monkeypatch):
    """Which is left to click."""
    monkeypatch.setenv("COLUMNS", "50")
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    assert printed != help_text() + "\n"
    assert max(map(len, printed.splitlines())) <= 50


def test_help_imports_no_click():
    """That is what makes it quick."""
    code = "import sys\nfrom devtools.cli import main\ntry:\n    main(['--help'])\nfinally:\n    assert 'click' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
