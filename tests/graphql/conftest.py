"""A whole server without a server: a recorder, a store, a structure, and `ask`, which runs one operation."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from devtools.graphql.executor import execute
from devtools.graphql.services import HealthEntry, OverheadStatus, Request, Services, StructureStatus
from devtools.introspection.elements import (
    AppInfo,
    Element,
    ElementKind,
    MiddlewareUse,
    Route,
    Structure,
    TagUse,
    sort_elements,
)
from devtools.introspection.graph import Graph
from devtools.records import Emission, Error, Level, Log, NodeKind, Run, RunStatus, SourceKind
from devtools.settings import Limits, Settings
from devtools.storage.memory import MemoryStore
from devtools.storage.memory_snapshots import MemorySnapshots
from devtools.telemetry.gauges import Gauges
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.subscribers import Subscribers

ELEMENTS = [
    Element(id="shop", kind=ElementKind.resource, title="Shop"),
    Element(
        id="shop.orders.buy",
        kind=ElementKind.task,
        title="Buy",
        description="Buys what is in the cart.",
        file_path="shop/orders.py",
        line=3,
        tags=(TagUse("shop.slow", '{"ms":50}'),),
        depends_on=("shop.database", "shop.orders.price"),
        emits=("shop.order_placed",),
        throws=("shop.Declined",),
        middleware=(MiddlewareUse("shop.Auth", '{"role":"user"}', "app"), MiddlewareUse("shop.unknown")),
        contexts=("shop.user",),
        schema='{"type":"object","properties":{"sku":{"type":"string"}},"required":["sku"]}',
        route=Route("POST", "/orders"),
        registered_by="shop",
    ),
    Element(id="shop.orders.price", kind=ElementKind.task, registered_by="shop"),
    Element(
        id="shop.mail.confirm",
        kind=ElementKind.hook,
        events=("shop.order_placed",),
        order=2,
        registered_by="shop",
    ),
    Element(id="shop.audit.log_all", kind=ElementKind.hook, events=("*",), order=1, registered_by="shop"),
    Element(
        id="shop.database",
        kind=ElementKind.resource,
        config='{"path":"shop.db"}',
        has_health_check=True,
        has_init=True,
        provides=("shop.user",),
        middleware=(MiddlewareUse("shop.Retry"),),
        registered_by="shop",
    ),
    Element(id="shop.Auth", kind=ElementKind.middleware, applies_to=ElementKind.task, auto_apply=True),
    Element(id="shop.Retry", kind=ElementKind.middleware, applies_to=ElementKind.resource),
    Element(id="shop.order_placed", kind=ElementKind.event, schema='{"type":"object"}'),
    Element(id="shop.nobody_listens", kind=ElementKind.event),
    Element(id="framework.started", kind=ElementKind.event, framework=True),
    Element(id="shop.slow", kind=ElementKind.tag, schema='{"type":"object"}', config='{"ms":100}'),
    Element(id="shop.Declined", kind=ElementKind.error),
    Element(id="shop.user", kind=ElementKind.async_context),
]
STRUCTURE = Structure(
    app=AppInfo(name="shop", version="1.2", python_version="3.11.7", git_revision="abc", git_dirty=False),
    root_id="shop",
    elements=sort_elements({element.id: element for element in ELEMENTS}),
    sdl="type Query { shop: String }",
    openapi='{"openapi":"3.1.0"}',
)


class World:
    """The parts of one server, and how to use them in a test."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.store = MemoryStore(recorder, MemorySnapshots(), app="shop", role="main", version="9.9")
        self.subscribers = Subscribers(recorder, self.store.history)
        self.health: list[HealthEntry] | None = [
            HealthEntry("shop.database", "degraded", "slow"),
            HealthEntry("shop.cache", "healthy"),
        ]
        self.structure = StructureStatus("live", None, 1_000.0)
        self.graph = Graph(STRUCTURE)
        self.gauges = Gauges()
        self.settings = Settings(app="shop")
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def services(self) -> Services:
        """What resolvers get."""
        return Services(
            settings=self.settings,
            version="9.9",
            app="shop",
            role="main",
            recorder=self.recorder,
            store=self.store,
            subscribers=self.subscribers,
            gauges=self.gauges,
            graph=lambda: self.graph,
            structure=lambda: self.structure,
            health=lambda: self.health,
            overhead=lambda: OverheadStatus(1.0, 2.0, 3, 4, 0.01, None),
            loop=lambda: self.loop,
        )

    def limit(self, **limits: Any) -> None:
        """Change limits."""
        self.settings = dataclasses.replace(self.settings, limits=dataclasses.replace(Limits(), **limits))

    def request(self, access: str = "write") -> Request:
        """A request of somebody who may do this."""
        return Request(self.services, access)  # type: ignore[arg-type] # one of two words

    def answer(self, query: str, access: str = "write", **variables: Any) -> dict[str, Any]:
        """The whole answer to an operation."""
        return msgspec.json.decode(execute(self.request(access), query, variables).body)

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an operation that must not fail."""
        answer = self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def error(self, query: str, access: str = "write", **variables: Any) -> dict[str, Any]:
        """The only error of an operation that must fail."""
        answer = self.answer(query, access, **variables)
        (error,) = answer["errors"]
        return error

    def log(self, message: str = "hello", level: Level = Level.info, **fields: Any) -> Log:
        record = self.recorder.record(Log, message=message, level=level, **fields)
        assert isinstance(record, Log)
        return record

    def run(self, node_id: str = "shop.orders.buy", ok: bool = True, **fields: Any) -> Run:
        known: dict[str, Any] = {
            "run_id": 255,
            "node_kind": NodeKind.TASK,
            "name": node_id,
            "duration_ns": 1_500_000,
            "status": RunStatus.ok if ok else RunStatus.error,
        }
        record = self.recorder.record(Run, node_id=node_id, ok=ok, **(known | fields))
        assert isinstance(record, Run)
        return record

    def fail(self, message: str = "declined", **fields: Any) -> Error:
        known: dict[str, Any] = {
            "source_id": "shop.orders.buy",
            "source_kind": SourceKind.TASK,
            "type": "shop.Declined",
            "fingerprint": "f1",
        }
        record = self.recorder.record(Error, message=message, **(known | fields))
        assert isinstance(record, Error)
        return record

    def emit(self, event_id: str = "shop.order_placed", **fields: Any) -> Emission:
        record = self.recorder.record(Emission, event_id=event_id, **fields)
        assert isinstance(record, Emission)
        return record


@pytest.fixture
def world(recorder: Recorder) -> Iterator[World]:
    made = World(recorder)
    yield made
    made.subscribers.close()
    made.gauges.close()
