"""A stored version of an app's structure, as a plain row. What its content means is the business of `devtools.introspection`."""

import msgspec


class SnapshotRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version. `version` is 0 until a store has given one."""

    app: str
    role: str
    version: int = 0
    created_ns: int
    """Unix time in nanoseconds, UTC, of the first save."""
    last_seen_ns: int
    """Unix time in nanoseconds, UTC, of the last start with this content."""
    active: bool = False
    label: str | None = None
    content_hash: str
    """SHA-256 in hex of what counts as content: not lines, paths or revisions."""
    app_version: str | None = None
    git_revision: str | None = None
    git_dirty: bool | None = None
    python_version: str
    element_count: int
    content: bytes
    """The whole structure, encoded by `devtools.introspection.snapshots`; empty where versions are listed."""
