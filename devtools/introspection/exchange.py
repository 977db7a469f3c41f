"""One snapshot as a file: JSON that can be read, committed, compared and imported elsewhere. Called by GraphQL and the commands."""

from pathlib import PurePosixPath, PureWindowsPath

import msgspec

from devtools.errors import LimitExceededError, ValidationError
from devtools.introspection.elements import Element, Structure, sort_elements
from devtools.introspection.snapshots import Snapshot, to_row
from devtools.records.snapshots import SnapshotRow

FORMAT = 1
"""Version of the file; a newer one is refused, not guessed at."""
LARGEST_BYTES = 16_000_000
LONGEST_NAME = 200


class _File(msgspec.Struct, frozen=True, kw_only=True):
    devtools_snapshot: int
    app: str
    role: str
    version: int | None = None
    label: str | None = None
    created_ns: int
    content_hash: str = ""
    structure: Structure


def exported(row: SnapshotRow) -> str:
    """A stored version as a file. Raises DamagedSnapshotError."""
    return _written(row, Snapshot(row).structure)


def exported_structure(structure: Structure, app: str, role: str, now_ns: int) -> str:
    """A structure that is no stored version, as a file: that of the running app."""
    return _written(to_row(structure, app, role, now_ns), structure)


def _written(row: SnapshotRow, structure: Structure) -> str:
    file = _File(
        devtools_snapshot=FORMAT,
        app=row.app,
        role=row.role,
        version=row.version or None,
        label=row.label,
        created_ns=row.created_ns,
        content_hash=row.content_hash,
        structure=_portable(structure),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1).decode() + "\n"


def imported(text: str | bytes, app: str | None = None, role: str | None = None) -> SnapshotRow:
    """The row of a file, to be added to a store; under another app or role where these are given.

    Nothing in the file is trusted: its size, types, ids and paths are checked, its hash is computed anew. Raises ValidationError
    and LimitExceededError.
    """
    data = text.encode(errors="replace") if isinstance(text, str) else text
    if len(data) > LARGEST_BYTES:
        raise LimitExceededError(
            f"Cannot import snapshot: it has {len(data):,} bytes, at most {LARGEST_BYTES:,} are read."
        )
    file = _read(data)
    for name, value in (("app", app or file.app), ("role", role or file.role)):
        if not 1 <= len(value) <= LONGEST_NAME:
            raise _refused(f"its {name} has {len(value)} characters, 1 to {LONGEST_NAME} are allowed")
    if file.label is not None and len(file.label) > LONGEST_NAME:
        raise _refused(f"its label has more than {LONGEST_NAME} characters")
    row = to_row(_checked(file.structure), app or file.app, role or file.role, file.created_ns)
    return msgspec.structs.replace(row, label=file.label)


def _read(data: bytes) -> _File:
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"it is not a file that `devtools snapshots export` wrote ({error})") from error
    if file.devtools_snapshot > FORMAT:
        raise _refused("it was written by a newer version; upgrade devtools-server")
    if not 0 <= file.created_ns < 1 << 63:
        raise _refused(f"created_ns cannot be {file.created_ns}")
    return file


def _refused(why: str) -> ValidationError:
    return ValidationError(f"Cannot import snapshot: {why}.", field="document")


def _checked(structure: Structure) -> Structure:
    by_id = {element.id: element for element in structure.elements}
    if len(by_id) != len(structure.elements):
        raise _refused("two of its elements have one id")
    return _portable(msgspec.structs.replace(structure, elements=sort_elements(by_id)))


def _portable(structure: Structure) -> Structure:
    """Without the paths that mean something on one machine only."""
    return msgspec.structs.replace(
        structure, elements=tuple(_without_foreign_path(element) for element in structure.elements)
    )


def _without_foreign_path(element: Element) -> Element:
    path = element.file_path
    if path is None or _is_inside(path):
        return element
    return msgspec.structs.replace(element, file_path=None, line=None)


def _is_inside(path: str) -> bool:
    parts = (*PurePosixPath(path).parts, *PureWindowsPath(path).parts)
    is_absolute = PurePosixPath(path).is_absolute() or bool(PureWindowsPath(path).anchor)
    return not is_absolute and ".." not in parts
