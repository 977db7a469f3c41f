"""Commands in this process, where no other one is needed to see what they do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.cli import main
from tests.servers import TOKEN

Inside = Callable[..., tuple[int, str, str]]


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """Run a command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("DEVTOOLS_TOKEN", TOKEN)

    def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run
