"""What commands write to the file of `--output`."""

import errno
import os
import tempfile
from pathlib import Path

from devtools.cli.terminal import say
from devtools.errors import UnavailableError

_IN_PLACE = frozenset({errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS, errno.EXDEV})
"""Why a file that can be written cannot be replaced: its folder is another's, or it is mounted by itself."""


def write(output: Path, text: str) -> None:
    """Write a file and say so on stderr. Raises UnavailableError where it cannot be written."""
    try:
        if output.exists() and not _is_plain(output):
            output.write_text(text, encoding="utf-8")
        else:
            _replace(output.resolve(), text)
    except OSError as error:
        raise UnavailableError(
            f"--output cannot be {str(output)!r}: {error.strerror}. Name a file that can be written."
        ) from error
    say(f"devtools: wrote {output}", err=True)


def _is_plain(output: Path) -> bool:
    """Whether it can be replaced: no pipe, no `/dev/stdout`, of nobody else, and under no other name."""
    found = output.stat()
    return output.is_file() and found.st_nlink == 1 and found.st_uid == os.geteuid()


def _replace(output: Path, text: str) -> None:
    """Write beside it first, so that a full disk leaves the file that was there."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as beside:
            written = Path(beside) / output.name
            written.write_text(text, encoding="utf-8")
            if output.exists():
                written.chmod(output.stat().st_mode)
            written.replace(output)
    except OSError as error:
        if error.errno not in _IN_PLACE or not output.exists():
            raise
        output.write_text(text, encoding="utf-8")
