"""Source text of elements: files inside the project only, opened without following links. Called by the element types."""

import os
import stat
from pathlib import Path

from devtools.introspection.introspector import find_project_root

MAX_BYTES = 1_000_000
SUFFIXES = frozenset(
    {".py", ".pyi", ".graphql", ".gql", ".sql", ".html", ".jinja", ".jinja2", ".j2", ".md", ".txt"}
)
"""What source text is. Everything else (`.env`, keys, databases, tokens) is not shown."""


def read_lines(
    file_path: str | None, start: int | None, end: int | None, root: Path | None = None
) -> str | None:
    """Lines `start` to `end` of a file, from 1 and both included; None where there is nothing that may be shown."""
    text = None if file_path is None else _read(file_path, root or find_project_root())
    if text is None:
        return None
    if not isinstance(start, int) and not isinstance(end, int):
        return text
    first = max(1, start) if isinstance(start, int) else 1
    lines = text.splitlines(keepends=True)
    return "".join(lines[first - 1 : max(0, end) if isinstance(end, int) else None])


def _read(file_path: str, root: Path) -> str | None:
    parts = Path(file_path).parts
    if not _may_be_shown(file_path, parts):
        return None
    try:
        return _open_below(root.resolve(), parts)
    except (OSError, UnicodeError, ValueError):
        return None


def _may_be_shown(file_path: str, parts: tuple[str, ...]) -> bool:
    if not parts or "\0" in file_path or "\\" in file_path or Path(file_path).is_absolute():
        return False
    if any(part.startswith(".") for part in parts):
        return False
    return Path(parts[-1]).suffix.lower() in SUFFIXES


def _open_below(root: Path, parts: tuple[str, ...]) -> str | None:
    """Walk down from the root, one folder at a time: no step may be a link, so nothing outside can be reached."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = os.open(
            parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
            return None
        return file.read(MAX_BYTES + 1).decode()
