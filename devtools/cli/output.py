"""What commands write to the file of `--output`."""

import tempfile
from pathlib import Path

from devtools.cli.terminal import say
from devtools.errors import UnavailableError


def write(output: Path, text: str) -> None:
    """Write a file and say so on stderr: whole, or not at all. Raises UnavailableError where it cannot be written."""
    try:
        if output.exists() and not output.is_file():  # a pipe, or /dev/stdout
            output.write_text(text, encoding="utf-8")
        else:
            _replace(output.resolve(), text)
    except OSError as error:
        raise UnavailableError(
            f"--output cannot be {str(output)!r}: {error.strerror}. Name a file that can be written."
        ) from error
    say(f"devtools: wrote {output}", err=True)


def _replace(output: Path, text: str) -> None:
    """Write beside it first, so that a full disk leaves the file that was there."""
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as beside:
        written = Path(beside) / output.name
        written.write_text(text, encoding="utf-8")
        if output.exists():
            written.chmod(output.stat().st_mode)
        written.replace(output)
