"""What every store of snapshots keeps to: ten versions per app and role, exactly one active, numbers never used twice."""

from collections.abc import Sequence
from typing import Protocol

from devtools.errors import LimitExceededError
from devtools.records.snapshots import SnapshotRow

DEFAULT_ROLE = "main"


def refuse_addition() -> LimitExceededError:
    """The error where only the active version may be kept."""
    return LimitExceededError(
        "cannot add snapshot: only one is kept, and that is the active one. Set max_snapshots to 2 or more."
    )


class SnapshotStore(Protocol):
    """Versions of the structure. An `app` of None is the one seen last; a `role` of None is `main`."""

    def save(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure and make it active; answers the stored row with its version.

        New content gets the next number and drops the oldest beyond the limit, never the active one. Content equal to a stored
        version makes no new one: that version becomes active, its last-seen moves, and its content is replaced by the newer one.
        """
        ...

    def add(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure from elsewhere as the next version, also where the content is known; what is active stays so.

        Drops the oldest beyond the limit, never the active one. Raises LimitExceededError where only the active one may be kept.
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
