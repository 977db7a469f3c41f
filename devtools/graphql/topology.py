"""The structure as nodes and edges to draw: `topology`. What is seen, and where it stands, is `introspection.topology`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import strawberry

from devtools.errors import ValidationError
from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.elements import BaseElement, of
from devtools.graphql.reading import or_none
from devtools.introspection.elements import ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.topology import Lens, Node, topology
from devtools.records import NANOSECONDS_PER_MILLISECOND
from devtools.storage.behaviour import Traffic

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
HOURS = 2
"""What is counted as traffic: this hour and the one before."""
NOTHING = Traffic(runs=0, errors=0)

strawberry.enum(
    Lens,
    name="TopologyLens",
    description="What one looks for: what needs what; what emits and hears which event; through which middleware an element is"
    " reached; what may notice when one changes or fails; what runs now.",
)


@object_type
class TopologyEdge:
    """One link, in the direction in which the lens reads."""

    source: strawberry.ID
    target: strawberry.ID
    kind: Annotated[str, strawberry.field(description="What the source does to the target, in words.")]


@object_type
class TopologyNode:
    """One element, and where it is drawn: layers are columns from left to right along the edges."""

    node: strawberry.Private[Node]
    graph: strawberry.Private[Graph]
    calls_per_minute: Annotated[
        float | None,
        strawberry.field(description="How often it runs; null through other lenses than TRAFFIC."),
    ]
    errors_per_minute: float | None

    @field
    def id(self) -> strawberry.ID:
        """Of the element."""
        return strawberry.ID(self.node.element.id)

    @field
    def kind(self) -> ElementKind:
        """Of the element."""
        return self.node.element.kind

    @field
    def title(self) -> str | None:
        """Of the element."""
        return self.node.element.title

    @field
    def element(self) -> BaseElement:
        """The element itself."""
        return of(self.graph, self.node.element)

    @field
    def distance(self) -> int | None:
        """Links from the focus: negative towards what leads to it; null without a focus."""
        return self.node.distance

    @field
    def layer(self) -> int:
        """The column, from 0."""
        return self.node.layer

    @field
    def position(self) -> int:
        """The place in the column, from 0."""
        return self.node.position


@object_type
class Topology:
    """What is seen of the structure through a lens; the same structure is always drawn the same."""

    lens: Lens
    nodes: Annotated[list[TopologyNode], strawberry.field(description="By layer and position.")]
    edges: list[TopologyEdge]
    since_ms: Annotated[
        float | None, strawberry.field(description="From when traffic is counted; null through other lenses.")
    ]


@object_type
class TopologyQuery:
    """The root field of the picture. Not itself a type of the schema."""

    @field
    def topology(
        self,
        info: Info,
        focus: strawberry.ID | None = strawberry.UNSET,
        depth: int | None = strawberry.UNSET,
        lens: Lens | None = strawberry.UNSET,
    ) -> Topology:
        """The structure as nodes and edges: all that the lens shows, or what is at most `depth` links from an element (its id or
        the dotted end of it) up or down; with BLAST_RADIUS only what it may harm. Traffic is of this hour and the one before.
        """
        wanted, depth = or_none(lens) or Lens.DEPENDENCIES, or_none(depth)
        if depth is not None and depth < 0:
            raise ValidationError(
                f"depth cannot be {depth}: it must be 0 or more.", field="depth", value=depth
            )
        traffic = _traffic(info.context) if wanted is Lens.TRAFFIC else None
        return _topology(info.context.graph, wanted, or_none(focus), depth, traffic)


@dataclass(frozen=True)
class _Measured:
    """The traffic of every element, and over which time."""

    by_id: Mapping[str, Traffic]
    since_ms: float
    minutes: float

    def per_minute(self, count: int) -> float:
        return count / self.minutes


def _traffic(context: Context) -> _Measured:
    services = context.services
    now_ms = services.recorder.clocks.time_ns() / NANOSECONDS_PER_MILLISECOND
    since_ms = (now_ms // HOUR_MS - HOURS + 1) * HOUR_MS
    found = services.store.traffic(int(since_ms * NANOSECONDS_PER_MILLISECOND), services.app, services.role)
    # An app that started five minutes ago had no traffic before: what it had is divided by five.
    started = [
        process.started_ms
        for process in context.processes.values()
        if (process.app, process.role) == (services.app, services.role)
    ]
    since_ms = max(since_ms, min(started, default=since_ms))
    return _Measured(found, since_ms, max(1.0, (now_ms - since_ms) / MINUTE_MS))


def _topology(
    graph: Graph, lens: Lens, focus: str | None, depth: int | None, traffic: _Measured | None
) -> Topology:
    found = topology(graph, lens, focus, depth, () if traffic is None else traffic.by_id.keys())
    return Topology(
        lens=lens,
        nodes=[_node(graph, node, traffic) for node in found.nodes],
        edges=[
            TopologyEdge(source=strawberry.ID(edge.source), target=strawberry.ID(edge.target), kind=edge.says)
            for edge in found.edges
        ],
        since_ms=None if traffic is None else traffic.since_ms,
    )


def _node(graph: Graph, node: Node, traffic: _Measured | None) -> TopologyNode:
    if traffic is None:
        return TopologyNode(node=node, graph=graph, calls_per_minute=None, errors_per_minute=None)
    counted = traffic.by_id.get(node.element.id, NOTHING)
    return TopologyNode(
        node=node,
        graph=graph,
        calls_per_minute=traffic.per_minute(counted.runs),
        errors_per_minute=traffic.per_minute(counted.errors),
    )
