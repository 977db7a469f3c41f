"""What a store answers about itself, and the protocol that every store keeps. Called by GraphQL and the application."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from devtools.records import Record
from devtools.storage.behaviour import Behaviour, Traffic
from devtools.storage.snapshot_store import SnapshotStore
from devtools.telemetry.pages import History
from devtools.telemetry.recorder import Wake

StoreKind = Literal["memory", "sqlite", "postgresql", "mysql"]


@dataclass(frozen=True)
class StoreStatus:
    """Which store is in use and why."""

    kind: StoreKind
    url: str | None
    """Without secrets."""
    why: str
    healthy: bool
    last_error: str | None = None
    size_bytes: int | None = None
    pragmas: tuple[tuple[str, str], ...] = ()
    sqlite_version: str | None = None


@dataclass(frozen=True)
class KindStatus:
    """What is there of one kind: in memory, dropped on the way, and in the database."""

    record_type: type[Record]
    kept: int
    evicted: int
    dropped: int
    stored: int | None
    oldest_ms: float | None
    newest_ms: float | None
    bytes: int | None


@dataclass(frozen=True)
class ProcessStatus:
    """One process that records into this store."""

    id: int
    app: str
    role: str
    host: str
    pid: int
    started_ms: float
    last_seen_ms: float
    version: str | None


@dataclass(frozen=True)
class SchemaStatus:
    """The state of the database's own schema."""

    version: str | None
    pending: tuple[str, ...]
    lease_holder: str | None
    """`host:pid` of the process that does the housekeeping."""
    next_prune_ms: float | None
    next_vacuum_ms: float | None


@dataclass(frozen=True)
class Removed:
    """How many records of a kind went."""

    record_type: type[Record]
    removed: int


class Store(Protocol):
    """The store behind history: a database, or the rings where there is none."""

    @property
    def history(self) -> History:
        """What was recorded."""
        ...

    @property
    def snapshots(self) -> SnapshotStore:
        """Versions of the structure."""
        ...

    def status(self) -> StoreStatus:
        """Which store, and how it is."""
        ...

    def kinds(self) -> Sequence[KindStatus]:
        """Every kind, in the order of `records.ALL`."""
        ...

    def processes(self) -> Sequence[ProcessStatus]:
        """The processes that record here, newest first."""
        ...

    def schema(self) -> SchemaStatus:
        """The state of the database's own schema."""
        ...

    def flush(self, timeout: float = ...) -> bool:
        """Wait until everything recorded before now is kept for good, at most `timeout` seconds. Answers whether it is."""
        ...

    def await_own(self, timeout: float = 0.2) -> None:
        """Wait until what this process recorded before now can be read in `history`, at most `timeout` seconds."""
        ...

    def catch_up(self) -> None:
        """Wait until the rings hold what other processes had stored before this call, two seconds at most."""
        ...

    def watch(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` when records of other processes have come into the rings, until the answer is called."""
        ...

    def behaviour(
        self, version: int, app: str | None = None, role: str | None = None
    ) -> Mapping[str, Behaviour]:
        """By element id, how every element behaved that ran under a version of the structure.

        An `app` of None is the one that was seen last, a `role` of None is `main`.
        """
        ...

    def traffic(
        self, since_ns: int, app: str | None = None, role: str | None = None
    ) -> Mapping[str, Traffic]:
        """By element id, how often every element ran since the hour of a Unix time in nanoseconds began, and failed."""
        ...

    def prune(self, record_type: type[Record] | None, older_than_ns: int | None) -> Sequence[Removed]:
        """Apply retention now, or remove what is strictly older than a Unix time in nanoseconds."""
        ...

    def clear(self, record_type: type[Record] | None) -> Sequence[Removed]:
        """Remove every record of a kind, or of all."""
        ...
