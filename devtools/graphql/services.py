"""What resolvers may use: one value, made by the application, carried as the GraphQL context."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from devtools.introspection.graph import Graph
from devtools.introspection.health import HealthEntry
from devtools.settings import Settings
from devtools.storage.status import (
    KindStatus,
    ProcessStatus,
    Removed,
    SchemaStatus,
    Store,
    StoreKind,
    StoreStatus,
)
from devtools.telemetry.gauges import Gauges
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.subscribers import Subscribers

__all__ = [
    "HealthEntry",
    "KindStatus",
    "OverheadStatus",
    "ProcessStatus",
    "Removed",
    "Request",
    "SchemaStatus",
    "Services",
    "Store",
    "StoreKind",
    "StoreStatus",
    "StructureStatus",
]


@dataclass(frozen=True)
class StructureStatus:
    """Where the structure comes from: the inspected app, a snapshot, or nowhere."""

    state: Literal["live", "restored", "empty"]
    snapshot_version: int | None
    since_ms: float | None


@dataclass(frozen=True)
class OverheadStatus:
    """What this package costs the app."""

    enqueue_p50_us: float | None
    enqueue_p99_us: float | None
    queue_depth: int
    dropped: int
    cpu_share: float
    """Share of one core, 0..1, of our own threads since the start."""
    disk_bytes: int | None


@dataclass(frozen=True)
class Services:
    """Everything a resolver may use."""

    settings: Settings
    version: str
    app: str
    role: str
    recorder: Recorder
    store: Store
    subscribers: Subscribers
    gauges: Gauges
    graph: Callable[[], Graph]
    """The structure to answer from now: of the running app, or restored."""
    structure: Callable[[], StructureStatus]
    health: Callable[[], Sequence[HealthEntry] | None]
    """Runs the health checks of the running app; None without one."""
    overhead: Callable[[], OverheadStatus]
    loop: Callable[[], asyncio.AbstractEventLoop | None] = lambda: None
    """The app's event loop; None without one."""
    records: bool = True
    """Whether this process is an app's; False where it only reads what apps have stored."""

    @property
    def is_at_hand(self) -> bool:
        """Whether the newest records are read without waiting: there is no database, and those of this process are at hand."""
        return self.store.history is self.recorder.rings and self.recorder.is_at_hand


class Request(msgspec.Struct, frozen=True):
    """The context of one operation: the services, and what the caller may do."""

    services: Services
    access: Literal["read", "write"]
    actor: str | None = None
    client: str | None = None
    """Address of the caller."""
