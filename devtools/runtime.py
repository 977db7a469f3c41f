"""What exists while a DevTools runs: recorder, store, sources, server. Made whole by `start`, taken down whole by `close`."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

from devtools.distribution import version
from devtools.errors import OF_THE_APP, BusyError, ConflictError, DevToolsError, UnavailableError
from devtools.graphql.services import OverheadStatus, Services, StructureStatus
from devtools.introspection import introspector, snapshots
from devtools.introspection.elements import Structure
from devtools.introspection.graph import Graph
from devtools.introspection.health import HealthEntry, check_health
from devtools.records import ALL, NANOSECONDS_PER_MILLISECOND
from devtools.server import access_log
from devtools.server.application import application
from devtools.server.credentials import Credentials
from devtools.server.signals import on_ending
from devtools.settings import Resolved
from devtools.sources import install
from devtools.sources.asgi_types import ASGIApp, Receive, Scope, Send
from devtools.storage.memory import MemoryStore
from devtools.storage.memory_snapshots import MemorySnapshots
from devtools.storage.store import DatabaseStore
from devtools.telemetry import active
from devtools.telemetry.context import own_work
from devtools.telemetry.gauges import Gauges
from devtools.telemetry.payload import PayloadGuard
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.subscribers import Subscribers
from devtools.telemetry.threads import Threads

logger = logging.getLogger("devtools")

THREADS = 4
"""Operations that run at the same time; more wait."""
CLOSE_SECONDS = 4.0
"""How long `close` takes at most; what is not stored by then is lost, and said so. A server, with its own end, takes five."""
MARK_SECONDS = 0.1
"""How long a reader of a database answers from a structure before it looks for a newer one."""
INSPECT_SECONDS = 2.0
"""How much of that it waits for an inspection that has begun."""
SAVE_AGAIN_SECONDS = 1.0
"""How often the structure is offered to a database that is locked, full or away."""


@dataclass(frozen=True)
class Described:
    """The structure that is answered from now, and where it comes from."""

    graph: Graph
    status: StructureStatus


NOTHING = Described(Graph(), StructureStatus("empty", None, None))


class Runtime:
    """The parts of a running DevTools, wired. Without `start` it only reads: `devtools serve` and `devtools query --database`."""

    def __init__(
        self,
        resolved: Resolved,
        credentials: Credentials,
        *,
        read_only: bool = False,
        why_memory: str | None = None,
    ) -> None:
        settings = resolved.settings
        self._why_memory = why_memory
        self.settings = settings
        self.recorder = Recorder(
            capacity=settings.max_entries,
            guard=PayloadGuard(
                max_text_bytes=settings.max_text_bytes,
                max_record_bytes=settings.max_record_bytes,
                names=settings.mask,
                literals=filter(None, (credentials.token, settings.read_token, settings.ingest_key)),
            ),
        )
        self.app = settings.app or "app"
        self._read_only = read_only
        self.store = self._open_store(resolved, read_only)
        self._mark: object = None
        self._marked_until = 0.0
        self.described = NOTHING if read_only else self._restore()
        self.gauges = Gauges()
        self.subscribers = Subscribers(
            self.recorder, self.store.history, settings.limits.clients, self.store.flush, self.store.watch
        )
        self.threads = Threads("devtools-graphql", THREADS)
        self.services = self._services()
        self.served = application(self.services, credentials, self.threads, mounted=not read_only)
        self._started_ns = time.monotonic_ns()
        self._inspecting: threading.Thread | None = None
        self._inspecting_lock = threading.Lock()
        self._is_inspecting = False
        self._look_again: Callable[[], Structure] | None = None
        self._closing = threading.Event()
        self._installed = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _open_store(self, resolved: Resolved, read_only: bool) -> DatabaseStore | MemoryStore:
        settings = resolved.settings
        if settings.database is None:
            kept = MemorySnapshots(max_snapshots=settings.max_snapshots)
            key = {"app": self.app, "role": settings.role, "version": version()}
            return MemoryStore(self.recorder, kept, **key, why=self._why_memory)
        store = DatabaseStore.open(resolved, read_only=read_only)
        if read_only:
            store.follow(self.recorder)
        return store

    @classmethod
    def start(cls, resolved: Resolved, credentials: Credentials) -> Self:
        """Open the store and begin to record. Raises ConflictError when another DevTools records in this process."""
        if active.recorder is not None:
            other = (
                "another app of that name" if active.owner == resolved.settings.app else repr(active.owner)
            )
            raise ConflictError(
                f"Cannot start devtools for {resolved.settings.app!r}: devtools for {other} runs in this process, and a "
                "process has one. Mount it on the outermost app alone, which records both, or close() the other one first, "
                "or give each app a process of its own."
            )
        runtime = cls(resolved, credentials)
        try:
            runtime._begin()
        except BaseException:
            runtime.close()
            raise
        return runtime

    def _begin(self) -> None:
        store = self.store
        store.snapshot_version = lambda: self.described.status.snapshot_version
        if isinstance(store, DatabaseStore):
            store.on_new_file = self._save_again
            store.start(self.recorder, self.app, self.settings.role, version())
        active.recorder, active.owner = self.recorder, self.app
        self._installed.callback(install(self.recorder, self.settings))
        self._installed.callback(access_log.leave_out_ours())
        self.gauges.start()

    def write_as(self, role: str) -> None:
        """Let what is stated be stored (the audit of mutations), without recording: a command that changes a database.

        It counts as a process of the app that it changes: the one that was seen last, where the settings name none.
        """
        if isinstance(self.store, DatabaseStore):
            listed = self.store.snapshots.list(self.settings.app, None)
            app = listed[0].app if listed else self.app
            self.store.start(self.recorder, app, role, version())

    def standalone(self) -> ASGIApp:
        """Our application at the root of a server of its own, ending its streams when the server is told to end."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                undo = on_ending(self.stop_streams)
                try:
                    await self.served(scope, receive, send)
                finally:
                    undo()
            else:
                await self.served(scope, receive, send)

        return app

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """This is the app's event loop: measure its lateness, and run there what is invoked."""
        self._loop = loop
        self.gauges.follow(loop)

    def flush(self, timeout: float) -> bool:
        """Wait until everything recorded before is stored. Answers whether it is."""
        return self.store.flush(timeout)

    def stop_streams(self) -> None:
        """End every live stream. Callable from a signal handler."""
        self.subscribers.stop()

    def close(self) -> None:
        """Stop recording, write what is left, and leave nothing behind: a part that fails is raised after the others are closed."""
        deadline = time.monotonic() + CLOSE_SECONDS
        self._closing.set()
        with own_work(), ExitStack() as parts:  # the last one first
            parts.callback(self._close_store, deadline)
            parts.callback(self.threads.close)
            parts.callback(self.gauges.close)
            parts.callback(self.subscribers.close)
            parts.callback(self._installed.close)
            if active.recorder is self.recorder:
                active.recorder = active.owner = active.give_way = None

    def _close_store(self, deadline: float) -> None:
        self.inspected(timeout=INSPECT_SECONDS)
        self.store.close(max(0.0, deadline - time.monotonic()))

    # Structure

    def inspect(self, app: Any) -> None:  # Any: inspectors know what it is
        """Describe the app in a thread of its own and save the snapshot, unless that goes on now. A failure is one warning."""
        self._start_inspecting(lambda: introspector.inspect_app(app, name=self.app))

    def _save_again(self) -> None:
        """The database is another file, which has none of our versions."""
        if self.described.status.state == "live":
            structure = self.described.graph.structure
            self._describe(structure, None)
            self._start_inspecting(lambda: structure, again=True)

    def _start_inspecting(self, look: Callable[[], Structure], *, again: bool = False) -> None:
        """In a thread of its own. While one runs, that does it once more where `again` is set."""
        with self._inspecting_lock:
            if self._is_inspecting:
                self._look_again = look if again else self._look_again
            elif not self._closing.is_set():
                self._is_inspecting = True
                self._inspecting = threading.Thread(
                    target=self._inspect, args=(look,), name="devtools-inspect", daemon=True
                )
                self._inspecting.start()

    def inspected(self, timeout: float | None = None) -> None:
        """Wait until the app has been described and saved, at most `timeout` seconds."""
        with self._inspecting_lock:
            thread = self._inspecting
        if thread is not None:
            thread.join(timeout)

    def _inspect(self, look: Callable[[], Structure] | None) -> None:
        while look is not None:
            with own_work():
                self._look(look)
            with self._inspecting_lock:
                look, self._look_again = self._look_again, None
                self._is_inspecting = look is not None

    def _look(self, look: Callable[[], Structure]) -> None:
        try:
            structure = look()
            self._describe(structure, self.described.status.snapshot_version)
            self._save(structure)
        except DevToolsError as error:
            logger.warning("The structure of the app could not be saved: %s", error)
        except OF_THE_APP:
            logger.warning("The app could not be inspected.", exc_info=True)

    def _save(self, structure: Structure) -> None:
        """Save the snapshot; a database that is locked, full or away is asked again until it takes it, or we close."""
        row = snapshots.to_row(structure, self.app, self.settings.role, self.recorder.clocks.time_ns())
        told = not self.store.status().healthy  # then the writer has said so
        while True:
            try:
                self._describe(structure, self.store.snapshots.save(row).version)
            except (BusyError, UnavailableError) as error:
                if not told:
                    logger.warning("The structure of the app is not saved yet: %s", error)
                told = True
            else:
                return
            if self._closing.wait(SAVE_AGAIN_SECONDS):
                return

    def _describe(self, structure: Structure, snapshot_version: int | None) -> None:
        now_ms = self.recorder.clocks.time_ns() / NANOSECONDS_PER_MILLISECOND
        self.described = Described(Graph(structure), StructureStatus("live", snapshot_version, now_ms))

    def _current(self) -> Described:
        """What is answered from now. Reading only, it is the active structure of the database, whoever saved or activated it."""
        now = time.monotonic()
        if self._read_only and now >= self._marked_until:
            self._marked_until = now + MARK_SECONDS
            if (mark := self._active_mark()) != self._mark:
                self.described, self._mark = self._restore(), mark
        return self.described

    def _active_mark(self) -> object:
        """Changes when another version is active, or the active one was saved again."""
        try:
            listed = self.store.snapshots.list(self.settings.app, self.settings.role)
        except DevToolsError:
            return self._mark  # the last known structure stays
        return next(((row.app, row.version, row.last_seen_ns) for row in listed if row.active), ())

    def _restore(self) -> Described:
        """The last stored structure, served until the app has been inspected."""
        try:
            app = self.settings.app if self._read_only else self.app
            snapshot = snapshots.restore(self.store.snapshots, app, self.settings.role)
        except DevToolsError as error:
            if self.store.status().healthy:  # else it is said that nothing can be read or written
                logger.warning("No stored structure can be read: %s", error)
            return NOTHING
        if snapshot is None:
            return NOTHING
        row = snapshot.row
        since_ms = row.last_seen_ns / NANOSECONDS_PER_MILLISECOND
        return Described(Graph(snapshot.structure), StructureStatus("restored", row.version, since_ms))

    # Services

    def _services(self) -> Services:
        return Services(
            settings=self.settings,
            version=version(),
            app=self.app,
            role=self.settings.role,
            recorder=self.recorder,
            store=self.store,
            subscribers=self.subscribers,
            gauges=self.gauges,
            graph=lambda: self._current().graph,
            structure=lambda: self._current().status,
            health=self._health,
            overhead=self._overhead,
            loop=lambda: self._loop,
            records=not self._read_only,
        )

    def _health(self) -> Sequence[HealthEntry] | None:
        return check_health() if self.described.status.state == "live" else None

    def _overhead(self) -> OverheadStatus:
        recorder = self.recorder
        lapsed = (time.monotonic_ns() - self._started_ns) / 1e9
        facts = sum(recorder.rings.of(record_type).recorded for record_type in ALL)
        spent = self.store.cpu_seconds + recorder.cost.total_seconds(facts)
        return OverheadStatus(
            enqueue_p50_us=recorder.cost.percentile_us(0.5),
            enqueue_p99_us=recorder.cost.percentile_us(0.99),
            queue_depth=len(recorder.queue or ()),
            dropped=sum(recorder.dropped.values()),
            cpu_share=spent / lapsed if lapsed else 0.0,
            disk_bytes=self.store.status().size_bytes,
        )
