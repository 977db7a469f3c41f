"""Snapshots where no database is configured: they end with the process. Keeps to `snapshot_store.SnapshotStore`."""

import threading
from collections.abc import Sequence

import msgspec

from devtools.errors import ConflictError, NotFoundError
from devtools.records.snapshots import SnapshotRow
from devtools.storage.snapshot_store import DEFAULT_ROLE, refuse_addition, to_drop

Key = tuple[str, str]


class MemorySnapshots:
    """At most `max_snapshots` versions per app and role, exactly one of them active. Safe from any thread."""

    def __init__(self, *, max_snapshots: int = 10) -> None:
        self.max_snapshots = max_snapshots
        self._rows: dict[Key, dict[int, SnapshotRow]] = {}
        self._active: dict[Key, int] = {}
        self._last: dict[Key, int] = {}
        self._lock = threading.Lock()

    def save(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure and make it active; answers the stored row with its version."""
        key = (row.app, row.role)
        with self._lock:
            rows = self._rows.setdefault(key, {})
            known = next((old for old in rows.values() if old.content_hash == row.content_hash), None)
            if known is None:
                version = self._insert(key, row)
            else:
                version = known.version
                rows[version] = msgspec.structs.replace(
                    row, version=version, active=False, created_ns=known.created_ns, label=known.label
                )
            self._active[key] = version
            self._drop(key)
            return self._shown(key, rows[version])

    def add(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure from elsewhere as the next version; what is active stays so. Raises ConflictError."""
        key = (row.app, row.role)
        with self._lock:
            if (kept := len(self._of(key))) >= self.max_snapshots:
                raise refuse_addition(*key, kept)
            version = self._insert(key, row)
            return self._shown(key, self._rows[key][version])

    def list(self, app: str | None = None, role: str | None = None) -> Sequence[SnapshotRow]:
        """All versions of an app and role, newest first, without their content."""
        with self._lock:
            key = self._key(app, role)
            rows = [self._shown(key, row) for _, row in sorted(self._of(key).items(), reverse=True)]
        return [msgspec.structs.replace(row, content=b"") for row in rows]

    def get(self, version: int, app: str | None = None, role: str | None = None) -> SnapshotRow | None:
        """One version, or None."""
        with self._lock:
            key = self._key(app, role)
            row = self._of(key).get(version)
            return None if row is None else self._shown(key, row)

    def active(self, app: str | None = None, role: str | None = None) -> SnapshotRow | None:
        """The active version, or None where nothing was saved."""
        with self._lock:
            key = self._key(app, role)
            version = self._active.get(key)
            return None if version is None else self._shown(key, self._of(key)[version])

    def activate(self, version: int, app: str | None = None, role: str | None = None) -> SnapshotRow:
        """Make a version the active one. Raises NotFoundError."""
        with self._lock:
            key = self._key(app, role)
            row = self._existing("cannot activate snapshot", version, key)
            self._active[key] = version
            return self._shown(key, row)

    def label(
        self, version: int, label: str | None, app: str | None = None, role: str | None = None
    ) -> SnapshotRow:
        """Name a version, or take its name away. Raises NotFoundError."""
        with self._lock:
            key = self._key(app, role)
            row = self._existing("cannot label snapshot", version, key)
            named = self._rows[key][version] = msgspec.structs.replace(row, label=label)
            return self._shown(key, named)

    def delete(self, version: int, app: str | None = None, role: str | None = None) -> None:
        """Remove a version. Raises NotFoundError, and ConflictError for the active one."""
        with self._lock:
            key = self._key(app, role)
            self._existing("cannot delete snapshot", version, key)
            if self._active.get(key) == version:
                raise ConflictError(
                    f"cannot delete snapshot {version}: it is the active one. Activate another first."
                )
            del self._rows[key][version]

    def _insert(self, key: Key, row: SnapshotRow) -> int:
        version = self._last[key] = self._last.get(key, 0) + 1
        self._rows.setdefault(key, {})[version] = msgspec.structs.replace(row, version=version, active=False)
        return version

    def _key(self, app: str | None, role: str | None) -> Key:
        role = role or DEFAULT_ROLE
        if app is not None:
            return app, role
        rows = [row for rows in self._rows.values() for row in rows.values()]
        newest = max(rows, key=lambda row: (row.last_seen_ns, row.version), default=None)
        return ("" if newest is None else newest.app), role

    def _of(self, key: Key) -> dict[int, SnapshotRow]:
        return self._rows.get(key, {})

    def _existing(self, operation: str, version: int, key: Key) -> SnapshotRow:
        row = self._of(key).get(version)
        if row is None:
            raise NotFoundError(operation, "snapshot", version)
        return row

    def _shown(self, key: Key, row: SnapshotRow) -> SnapshotRow:
        return msgspec.structs.replace(row, active=self._active.get(key) == row.version)

    def _drop(self, key: Key) -> None:
        rows = self._rows[key]
        labels = {version: row.label for version, row in rows.items()}
        for version in to_drop(labels, self._active.get(key), self.max_snapshots):
            del rows[version]
