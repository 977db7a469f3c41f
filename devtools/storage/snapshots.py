"""Snapshots in a database, safe with any number of processes. Called by the application and GraphQL through the store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from peewee import JOIN, Database, ModelSelect, fn

from devtools.errors import ConflictError, NotFoundError
from devtools.records.snapshots import SnapshotRow
from devtools.storage.snapshot_store import DEFAULT_ROLE, refuse_addition, to_drop
from devtools.storage.sqlite import Sqlite
from devtools.storage.tables import ActiveSnapshot, Counter, Snapshot

LAST_VERSION = "last.snapshot"
"""Counters of the numbers given: this prefix, then app and role as JSON."""
_STORED = tuple(field for field in SnapshotRow.__struct_fields__ if field != "active")
_LISTED = tuple(name for name in _STORED if name != "content")


class DatabaseSnapshots:
    """`SnapshotStore` over a database. Every change begins by locking the active row of the app and role."""

    def __init__(self, database: Sqlite, *, max_snapshots: int = 10) -> None:
        self.database = database
        self.max_snapshots = max_snapshots

    def save(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure and make it active; answers the stored row with its version."""
        with self.database.writing() as connection:
            _lock(connection, row.app, row.role)
            known = _known_version(connection, row)
            version = _insert(connection, row) if known is None else _renew(connection, row, known)
            _activate(connection, row.app, row.role, version)
            self._drop(connection, row.app, row.role, version)
            return _existing(connection, "cannot save snapshot", version, row.app, row.role)

    def add(self, row: SnapshotRow) -> SnapshotRow:
        """Store a structure from elsewhere as the next version; what is active stays so. Raises ConflictError."""
        with self.database.writing() as connection:
            _lock(connection, row.app, row.role)
            if (kept := len(_labels(connection, row.app, row.role))) >= self.max_snapshots:
                raise refuse_addition(row.app, row.role, kept)
            version = _insert(connection, row)
            return _existing(connection, "cannot add snapshot", version, row.app, row.role)

    def list(self, app: str | None = None, role: str | None = None) -> Sequence[SnapshotRow]:
        """All versions of an app and role, newest first, without their content."""
        with self.database.reading() as connection:
            key = key_of(connection, app, role)
            return _rows(connection, _selected(*key, _LISTED).order_by(Snapshot.version.desc()), _LISTED)

    def get(self, version: int, app: str | None = None, role: str | None = None) -> SnapshotRow | None:
        """One version, or None."""
        with self.database.reading() as connection:
            return _version(connection, version, *key_of(connection, app, role))

    def active(self, app: str | None = None, role: str | None = None) -> SnapshotRow | None:
        """The active version, or None where nothing was saved."""
        with self.database.reading() as connection:
            key = key_of(connection, app, role)
            return _first(connection, _selected(*key).where(ActiveSnapshot.version.is_null(False)))

    def activate(self, version: int, app: str | None = None, role: str | None = None) -> SnapshotRow:
        """Make a version the active one. Raises NotFoundError."""
        with self.database.writing() as connection:
            key = key_of(connection, app, role)
            _lock(connection, *key)
            _existing(connection, "cannot activate snapshot", version, *key)
            _activate(connection, *key, version)
            return _existing(connection, "cannot activate snapshot", version, *key)

    def label(
        self, version: int, label: str | None, app: str | None = None, role: str | None = None
    ) -> SnapshotRow:
        """Name a version, or take its name away. Raises NotFoundError."""
        with self.database.writing() as connection:
            key = key_of(connection, app, role)
            connection.execute(Snapshot.update(label=label).where(_is(version, *key)))
            return _existing(connection, "cannot label snapshot", version, *key)

    def delete(self, version: int, app: str | None = None, role: str | None = None) -> None:
        """Remove a version. Raises NotFoundError, and ConflictError for the active one."""
        with self.database.writing() as connection:
            key = key_of(connection, app, role)
            _lock(connection, *key)
            if _existing(connection, "cannot delete snapshot", version, *key).active:
                raise ConflictError(
                    f"cannot delete snapshot {version}: it is the active one. Activate another first."
                )
            connection.execute(Snapshot.delete().where(_is(version, *key)))

    def _drop(self, connection: Database, app: str, role: str, active: int) -> None:
        for version in to_drop(_labels(connection, app, role), active, self.max_snapshots):
            connection.execute(Snapshot.delete().where(_is(version, app, role)))


def key_of(connection: Database, app: str | None, role: str | None) -> tuple[str, str]:
    """The app and role that are meant: without an app the one that was seen last."""
    role = role or DEFAULT_ROLE
    if app is None:
        select = Snapshot.select(Snapshot.app).order_by(Snapshot.last_seen_ns.desc(), Snapshot.version.desc())
        found = connection.execute(select.limit(1)).fetchone()
        return (found[0] if found else ""), role
    return app, role


def _lock(connection: Database, app: str, role: str) -> None:
    """Take the active row before reading anything, so that one of several processes goes first.

    SQLite has locked the whole file by now; a server locks the row. Version 0 is never stored.
    """
    connection.execute(
        ActiveSnapshot.insert(app=app, role=role, version=0).on_conflict(
            conflict_target=[ActiveSnapshot.app, ActiveSnapshot.role],
            update={ActiveSnapshot.version: ActiveSnapshot.version},
        )
    )


def _activate(connection: Database, app: str, role: str, version: int) -> None:
    row = (ActiveSnapshot.app == app) & (ActiveSnapshot.role == role)
    connection.execute(ActiveSnapshot.update(version=version).where(row))


def _labels(connection: Database, app: str, role: str) -> dict[int, str | None]:
    select = Snapshot.select(Snapshot.version, Snapshot.label)
    rows = connection.execute(select.where((Snapshot.app == app) & (Snapshot.role == role))).fetchall()
    return dict(rows)


def _known_version(connection: Database, row: SnapshotRow) -> int | None:
    same = (
        (Snapshot.app == row.app) & (Snapshot.role == row.role) & (Snapshot.content_hash == row.content_hash)
    )
    oldest = Snapshot.select(Snapshot.version).where(same).order_by(Snapshot.version).limit(1)
    found = connection.execute(oldest).fetchone()
    return found[0] if found else None


def _insert(connection: Database, row: SnapshotRow) -> int:
    name = f"{LAST_VERSION}.{msgspec.json.encode([row.app, row.role]).decode()}"
    (greatest,) = connection.execute(
        Snapshot.select(fn.MAX(Snapshot.version)).where(
            (Snapshot.app == row.app) & (Snapshot.role == row.role)
        )
    ).fetchone()
    last = connection.execute(Counter.select(Counter.value).where(Counter.name == name)).fetchone()
    version = max(greatest or 0, last[0] if last else 0) + 1
    connection.execute(
        Counter.insert(name=name, value=version).on_conflict(
            conflict_target=[Counter.name], update={Counter.value: version}
        )
    )
    values: dict[str, Any] = {name: getattr(row, name) for name in _STORED}  # Any: the types of the columns
    connection.execute(Snapshot.insert({**values, "version": version}))
    return version


def _renew(connection: Database, row: SnapshotRow, version: int) -> int:
    kept = {"app", "role", "version", "created_ns", "label", "content_hash"}
    values = {name: getattr(row, name) for name in _STORED if name not in kept}
    connection.execute(Snapshot.update(values).where(_is(version, row.app, row.role)))
    return version


def _selected(app: str, role: str, names: tuple[str, ...] = _STORED) -> "ModelSelect[Snapshot]":
    joined = (
        (ActiveSnapshot.app == Snapshot.app)
        & (ActiveSnapshot.role == Snapshot.role)
        & (ActiveSnapshot.version == Snapshot.version)
    )
    columns = [getattr(Snapshot, name) for name in names]
    return (
        Snapshot.select(*columns, ActiveSnapshot.version)
        .join(ActiveSnapshot, JOIN.LEFT_OUTER, on=joined)
        .where((Snapshot.app == app) & (Snapshot.role == role))
    )


def _is(version: int, app: str, role: str) -> Any:  # Any: Peewee's expressions have no useful type
    return (Snapshot.app == app) & (Snapshot.role == role) & (Snapshot.version == version)


def _version(connection: Database, version: int, app: str, role: str) -> SnapshotRow | None:
    return _first(connection, _selected(app, role).where(Snapshot.version == version))


def _existing(connection: Database, operation: str, version: int, app: str, role: str) -> SnapshotRow:
    found = _version(connection, version, app, role)
    if found is None:
        raise NotFoundError(operation, "snapshot", version)
    return found


def _first(connection: Database, select: "ModelSelect[Snapshot]") -> SnapshotRow | None:
    return next(iter(_rows(connection, select.limit(1))), None)


def _rows(
    connection: Database, select: "ModelSelect[Snapshot]", names: tuple[str, ...] = _STORED
) -> list[SnapshotRow]:
    found: list[SnapshotRow] = []
    for *values, active in connection.execute(select).fetchall():
        fields = dict(zip(names, values, strict=True))
        fields["content"] = bytes(fields.get("content", b""))
        fields["git_dirty"] = None if fields["git_dirty"] is None else bool(fields["git_dirty"])
        found.append(SnapshotRow(**fields, active=active is not None))
    return found
