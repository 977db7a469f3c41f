"""Structures as stored versions: what counts as content, how it is encoded, which one is restored at start."""

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec

from devtools.errors import DevToolsError
from devtools.introspection.elements import Element, Structure
from devtools.records.snapshots import SnapshotRow
from devtools.storage.snapshot_store import SnapshotStore

logger = logging.getLogger("devtools")

FORMAT = 1
"""Version of the encoding; a newer one is refused, not guessed at."""

_NOT_CONTENT = {"file_path": None, "line": None}
"""Where things stand says nothing about what the app is."""


class DamagedSnapshotError(DevToolsError):
    """A stored structure cannot be read."""

    code = "CONSTRAINT"


class _Envelope(msgspec.Struct, frozen=True):
    format: int
    structure: Structure


@dataclass(frozen=True)
class Snapshot:
    """A stored version with its structure, decoded when it is first asked for."""

    row: SnapshotRow

    @cached_property
    def structure(self) -> Structure:
        """The structure. Raises DamagedSnapshotError."""
        return decode(self.row)


def content_hash(structure: Structure) -> str:
    """SHA-256 of what counts as content: elements without their places, the root, SDL, OpenAPI. Not revisions."""
    elements = sorted(_content(element) for element in structure.elements)
    rest = (structure.root_id, structure.sdl, structure.openapi)
    return hashlib.sha256(b"\n".join([*elements, msgspec.json.encode(rest)])).hexdigest()


_LINES_AND_ADDRESSES = re.compile(rb":L\d+\b| at 0x[0-9a-fA-F]+")
"""Ids of functions within functions end with their line, and a shown object may say its address: both move without any change."""


def _content(element: Element) -> bytes:
    plain = msgspec.json.encode(msgspec.structs.replace(element, **_NOT_CONTENT), order="sorted")
    return _LINES_AND_ADDRESSES.sub(b"", plain)


def encode(structure: Structure) -> bytes:
    """The structure as it is stored."""
    return msgspec.json.encode(_Envelope(FORMAT, structure))


def decode(row: SnapshotRow) -> Structure:
    """The structure of a stored row. Raises DamagedSnapshotError."""
    try:
        envelope = msgspec.json.decode(row.content, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedSnapshotError(
            f"Cannot read snapshot {row.version} of {row.app}: its content is damaged ({error}). Delete it."
        ) from error
    if envelope.format > FORMAT:
        raise DamagedSnapshotError(
            f"Cannot read snapshot {row.version} of {row.app}: it was written by a newer version. Upgrade devtools-server."
        )
    return envelope.structure


def to_row(structure: Structure, app: str, role: str, now_ns: int) -> SnapshotRow:
    """A row to be saved."""
    info = structure.app
    return SnapshotRow(
        app=app,
        role=role,
        created_ns=now_ns,
        last_seen_ns=now_ns,
        content_hash=content_hash(structure),
        app_version=info.version,
        git_revision=info.git_revision,
        git_dirty=info.git_dirty,
        python_version=info.python_version,
        element_count=len(structure.elements),
        content=encode(structure),
    )


def restore(store: SnapshotStore, app: str | None, role: str | None) -> Snapshot | None:
    """The snapshot to serve before the app was inspected: the active one, else the newest. Damaged ones are skipped, warned of."""
    for row in _candidates(store, app, role):
        snapshot = Snapshot(row)
        try:
            _ = snapshot.structure
        except DamagedSnapshotError as error:
            logger.warning("%s The next one is restored.", error)
            continue
        return snapshot
    return None


def _candidates(store: SnapshotStore, app: str | None, role: str | None) -> Iterator[SnapshotRow]:
    """Each is read only after the one before could not be used."""
    active = store.active(app, role)
    if active is not None:
        yield active
    for listed in store.list(app, role):
        if active is not None and listed.version == active.version:
            continue
        row = store.get(listed.version, listed.app, listed.role)
        if row is not None:
            yield row
