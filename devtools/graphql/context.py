"""What one operation carries: the request, and what is looked up once for all its fields. Every resolver gets it as the context."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import strawberry

from devtools.graphql.parts import Parts
from devtools.graphql.services import ProcessStatus, Request, Services
from devtools.introspection.graph import Graph
from devtools.introspection.observed import Observation, observe
from devtools.records import Emission, Record, Run, fields_of
from devtools.settings import Limits
from devtools.telemetry.pages import History
from devtools.telemetry.ring import Rings


@dataclass
class Context:
    """One operation. Made by the executor, used by one thread at a time."""

    request: Request
    deadline: float = field(default=0.0)
    """On the monotonic clock; set when execution begins."""
    returned: int = 0
    """Items of lists that were returned so far."""
    actions: dict[str, str] = field(default_factory=dict[str, str])
    """Correlation ids of the mutations that were let in, by key in the answer."""
    parts: Parts = field(default_factory=Parts)
    """What belongs to the runs of lists, read for whole lists."""
    _caught_up: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.limits.deadline

    @property
    def services(self) -> Services:
        """What resolvers may use."""
        return self.request.services

    @property
    def limits(self) -> Limits:
        """What one request may ask for."""
        return self.request.services.settings.limits

    @cached_property
    def graph(self) -> Graph:
        """The structure, the same for all fields of the operation."""
        return self.services.graph()

    @cached_property
    def observations(self) -> Mapping[str, list[Observation]]:
        """What each element was seen to emit, call and use, from the records in memory."""
        rings = self.services.recorder.rings
        return observe(rings.of(Run).snapshot(), rings.of(Emission).snapshot(), self.graph)

    @cached_property
    def history(self) -> History:
        """The store's history, once it holds what this process recorded before the operation."""
        self.services.store.await_own()
        return self.services.store.history

    def evicted_before(self, record_type: type[Record]) -> float | None:
        """Unix milliseconds before which records of a kind were evicted, asked for once."""
        if record_type not in self._evicted:
            self._evicted[record_type] = self.history.evicted_before(record_type)
        return self._evicted[record_type]

    @property
    def rings(self) -> Rings:
        """What is in memory, once it holds what other processes stored before the operation."""
        if not self._caught_up:  # by hand: on Python 3.11 a `cached_property` takes a lock
            self.services.store.catch_up()
            self._caught_up = True
        return self.services.recorder.rings

    @cached_property
    def processes(self) -> dict[int, ProcessStatus]:
        """The processes that record into the store, by key."""
        return {process.id: process for process in self.services.store.processes()}

    def known_ids(self, record_type: type[Record], identifier: str) -> Iterable[str]:
        """Ids that a dotted suffix stands for: of elements, and of what the newest records name."""
        yield from self.graph.matching(identifier)
        yield from (
            seen
            for seen in self._ids_seen(record_type)
            if seen == identifier or seen.endswith(f".{identifier}")
        )

    def _ids_seen(self, record_type: type[Record]) -> set[str]:
        seen = self._seen.get(record_type)
        if seen is None:
            names = [stored.name for stored in fields_of(record_type) if stored.column.suffix]
            kept = self.rings.of(record_type).snapshot()
            seen = {
                value for record in kept for name in names if (value := getattr(record, name)) is not None
            }
            self._seen[record_type] = seen
        return seen

    @cached_property
    def _evicted(self) -> dict[type[Record], float | None]:
        return {}

    @cached_property
    def _seen(self) -> dict[type[Record], set[str]]:
        return {}


Info: TypeAlias = strawberry.Info[Context, None]
