"""What every store of snapshots keeps to: ten versions per app and role, exactly one active, numbers never used twice."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from devtools.errors import ConflictError
from devtools.records.snapshots import SnapshotRow

DEFAULT_ROLE = "main"


def refuse_addition(app: str, role: str, kept: int) -> ConflictError:
    """The error where a version would have to go for one from elsewhere."""
    return ConflictError(
        f"cannot add snapshot: {kept} of {app} ({role}) are kept already. "
        "Delete one that is not active first, or raise max_snapshots."
    )


def to_drop(labels: Mapping[int, str | None], active: int | None, max_snapshots: int) -> Sequence[int]:
    """The versions beyond the limit, by version and its label: the oldest without a label first, never the active one."""
    droppable = [version for version in labels if version != active]
    droppable.sort(key=lambda version: (labels[version] is not None, version))
    return droppable[: max(0, len(labels) - max_snapshots)]


class SnapshotStore(Protocol):
    """Versions of the structure. An `app` of None is the one seen last; a `role` of None is `main`."""

    def save(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure and make it active; answers the stored row with its version.

        New content gets the next number and drops what is beyond the limit: `to_drop`. Content equal to a stored
        version makes no new one: that version becomes active, its last-seen moves, and its content is replaced by the newer one.
        """
        ...

    def add(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure from elsewhere as the next version, also where the content is known; what is active stays so.

        It drops none: the app's own history is not pushed out from elsewhere. Raises ConflictError where the limit is reached.
        """
        ...

    def list(self, app: str | None = None, role: str | None = None) -> Sequence[SnapshotRow]:
        """All versions of an app and role, newest first, with empty `content`: `get` reads that."""
        ...

    def get(self, version: int, app: str | None = None, role: str | None = None) -> SnapshotRow | None:
        """One version, or None."""
        ...

    def active(self, app: str | None = None, role: str | None = None) -> SnapshotRow | None:
        """The active version, or None where nothing was saved."""
        ...

    def activate(self, version: int, app: str | None = None, role: str | None = None) -> SnapshotRow:
        """Make a version the active one. Raises NotFoundError."""
        ...

    def label(
        self, version: int, label: str | None, app: str | None = None, role: str | None = None
    ) -> SnapshotRow:
        """Name a version, or take its name away. Raises NotFoundError."""
        ...

    def delete(self, version: int, app: str | None = None, role: str | None = None) -> None:
        """Remove a version. Raises NotFoundError, and ConflictError for the active one."""
        ...
