"""The structure as a picture: which elements and which links one looks at through a lens, and where to draw them. Pure.

GraphQL answers `topology` with it, and the catalogue is drawn from it. A layer is a column, from left to right along the links.
"""

import enum
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.layers import layers_of, positions_of


class Lens(enum.Enum):
    """What one looks for."""

    DEPENDENCIES = "dependencies"
    """What needs what."""
    EVENTS = "events"
    """What emits which event, and what listens to it."""
    MIDDLEWARE = "middleware"
    """Through which middleware, in order, an element is reached."""
    BLAST_RADIUS = "blast radius"
    """What may notice when an element changes or fails."""
    TRAFFIC = "traffic"
    """What runs now, and what it is linked with."""


class Edge(NamedTuple):
    """One link, in the direction in which the lens reads."""

    source: str
    target: str
    says: str


class Node(NamedTuple):
    """One element in the picture."""

    element: Element
    distance: int | None
    """Links from the focus: negative towards what leads to it, positive away from it; None without a focus."""
    layer: int
    position: int
    """Place within its layer, from above."""


class Topology(NamedTuple):
    """What is seen through a lens."""

    lens: Lens
    nodes: tuple[Node, ...]
    """By layer and position."""
    edges: tuple[Edge, ...]


def topology(
    graph: Graph,
    lens: Lens = Lens.DEPENDENCIES,
    focus: str | None = None,
    depth: int | None = None,
    busy: Collection[str] = (),
) -> Topology:
    """The elements with a link that the lens shows; with a focus those that are so many links away from it, all where None.

    A focus is an id or the dotted end of one; one that is not known sees nothing. `busy` are the elements with traffic. What the
    framework made is left out, unless it is looked at or middleware.
    """
    foci = [] if focus is None else _foci(graph, focus)
    edges = [
        edge
        for edge in edges_of(graph, lens, busy)
        if all(end in foci or not _is_hidden(graph.by_id[end]) for end in (edge.source, edge.target))
    ]
    if focus is None:
        shown = {end: None for edge in edges for end in (edge.source, edge.target)} | dict.fromkeys(
            identifier for identifier in busy if lens is Lens.TRAFFIC and identifier in graph.by_id
        )
        return _drawn(graph, lens, shown, edges)
    distances = _around(foci, edges, depth, only_away=lens is Lens.BLAST_RADIUS)
    kept = [edge for edge in edges if edge.source in distances and edge.target in distances]
    return _drawn(graph, lens, distances, kept)


def edges_of(graph: Graph, lens: Lens, busy: Collection[str] = ()) -> list[Edge]:
    """Every link that the lens shows, in the order of elements, each once."""
    found = _traffic(graph, busy) if lens is Lens.TRAFFIC else _LENSES[lens](graph)
    known = graph.by_id
    return list(dict.fromkeys(edge for edge in found if edge.source in known and edge.target in known))


def _is_hidden(element: Element) -> bool:
    # Middleware that a framework brings was put there by the app: it is part of what happens to its requests.
    return element.framework and element.kind is not ElementKind.middleware


def _foci(graph: Graph, focus: str) -> list[str]:
    found = graph.get(focus)
    return [found.id] if found is not None else list(graph.matching(focus))


def _dependencies(graph: Graph) -> Iterator[Edge]:
    for element in graph.structure.elements:
        yield from (Edge(element.id, target, "depends on") for target in element.depends_on)
        yield from (Edge(element.id, target, "overrides") for target in element.overrides)
        yield from (Edge(element.id, target, "reads") for target in element.contexts)
        yield from (Edge(element.id, target, "sets") for target in element.provides)


def _events(graph: Graph) -> Iterator[Edge]:
    for element in graph.structure.elements:
        yield from (Edge(element.id, event, "emits") for event in element.emits)
        if element.kind is ElementKind.event:
            yield from (Edge(element.id, hook.id, "is heard by") for hook in graph.listened_to_by(element.id))


def _middleware(graph: Graph) -> Iterator[Edge]:
    for element in graph.structure.elements:
        chain = [use.id for use in element.middleware if use.id in graph.by_id]
        yield from (Edge(outer, inner, "wraps") for outer, inner in pairwise([*chain, element.id]))


def _blast_radius(graph: Graph) -> Iterator[Edge]:
    for element in graph.structure.elements:
        yield from (Edge(used, element.id, "is used by") for used in element.depends_on)
        yield from (Edge(use.id, element.id, "wraps") for use in element.middleware)
        yield from (Edge(context, element.id, "is read by") for context in element.contexts)
        yield from (Edge(element.id, context, "sets") for context in element.provides)
    yield from _events(graph)


def _traffic(graph: Graph, busy: Collection[str]) -> Iterator[Edge]:
    """The links of what ran. An event does not run: it is on the way from one that did, or to one."""
    events = list(_events(graph))
    on_the_way = {
        end
        for edge in events
        if edge.source in busy or edge.target in busy
        for end in (edge.source, edge.target)
        if (element := graph.by_id.get(end)) is not None and element.kind is ElementKind.event
    }
    ran = on_the_way.union(busy)
    yield from (edge for edge in (*_dependencies(graph), *events) if edge.source in ran or edge.target in ran)


_LENSES = {
    Lens.DEPENDENCIES: _dependencies,
    Lens.EVENTS: _events,
    Lens.MIDDLEWARE: _middleware,
    Lens.BLAST_RADIUS: _blast_radius,
}


def _around(
    foci: Sequence[str], edges: Iterable[Edge], depth: int | None, *, only_away: bool
) -> dict[str, int]:
    """By id how many links away, up or down; on both ways the nearer."""
    away: defaultdict[str, list[str]] = defaultdict(list)
    towards: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        away[edge.source].append(edge.target)
        towards[edge.target].append(edge.source)
    found = _walk(foci, away, depth)
    if not only_away:
        for identifier, distance in _walk(foci, towards, depth).items():
            if distance < found.get(identifier, distance + 1):
                found[identifier] = -distance
    return found


def _walk(starts: Sequence[str], links: Mapping[str, Sequence[str]], depth: int | None) -> dict[str, int]:
    found = dict.fromkeys(starts, 0)
    queue = deque(starts)
    while queue:
        identifier = queue.popleft()
        if depth is not None and found[identifier] >= depth:
            continue
        for other in links.get(identifier, ()):
            if other not in found:
                found[other] = found[identifier] + 1
                queue.append(other)
    return found


def _drawn(graph: Graph, lens: Lens, shown: Mapping[str, int | None], edges: Sequence[Edge]) -> Topology:
    identifiers = [element.id for element in graph.structure.elements if element.id in shown]
    links = [(edge.source, edge.target) for edge in edges]
    distances = [distance for distance in shown.values() if distance is not None]
    if distances:
        nearest = min(distances)
        layers = {identifier: (shown[identifier] or 0) - nearest for identifier in identifiers}
    else:
        layers = layers_of(identifiers, links)
    positions = positions_of(layers, links)
    nodes = [
        Node(graph.by_id[identifier], shown[identifier], layers[identifier], positions[identifier])
        for identifier in identifiers
    ]
    return Topology(lens, tuple(sorted(nodes, key=lambda node: (node.layer, node.position))), tuple(edges))
