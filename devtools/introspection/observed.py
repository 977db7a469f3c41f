"""Links that were seen rather than declared: what an element in fact emitted, called or used, from the records in memory. Pure."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain

import msgspec

from devtools.introspection.elements import Element
from devtools.introspection.graph import Graph
from devtools.records import Emission, NodeKind, Run


class Relation(enum.Enum):
    """What an element did to another one."""

    EMITS = "emits"
    CALLS = "calls"
    USES = "uses"
    """It sent a statement to the table of that model."""
    USED_BY = "usedBy"
    """That one sent a statement to the table of this model."""


@dataclass(frozen=True)
class Observation:
    """One link that was seen: how often, and when last in Unix nanoseconds."""

    relation: Relation
    target: str
    count: int
    last_ns: int

    def is_declared(self, element: Element, graph: Graph) -> bool:
        """Whether the structure says so too."""
        if self.relation is Relation.EMITS:
            return self.target in element.emits
        if self.relation is Relation.USED_BY:
            user = graph.get(self.target)
            return user is not None and element.id in user.depends_on
        return self.target in element.depends_on


class Collections(msgspec.Struct, frozen=True):
    """The tables of a statement, as the sources of SQL write them into the attributes of its run."""

    collection: str | None = msgspec.field(default=None, name="db.collection.name")
    several: tuple[str, ...] = msgspec.field(default=(), name="db.collections")

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.several if self.collection is None else (self.collection,)


Seen = tuple[str | None, Relation, str, int]
"""Who, did what, to whom, when."""


def observe(
    runs: Iterable[Run], emissions: Iterable[Emission], graph: Graph
) -> Mapping[str, list[Observation]]:
    """By element id, what it was seen to do, the most frequent first."""
    counts: defaultdict[tuple[str, Relation, str], int] = defaultdict(int)
    newest: dict[tuple[str, Relation, str], int] = {}
    emitted = (
        (emission.emitter_id, Relation.EMITS, emission.event_id, emission.time_ns) for emission in emissions
    )

    @cache
    def named(identifier: str) -> str:
        """The element that ran under this id: a run is `GET /orders` also where a route answers any method."""
        element = graph.get(identifier)
        return identifier if element is None else element.id

    for source, relation, target, time_ns in chain(_ran(runs, graph), emitted):
        if source is not None:
            link = named(source), relation, named(target)
            counts[link] += 1
            newest[link] = max(time_ns, newest.get(link, 0))
    found: defaultdict[str, list[Observation]] = defaultdict(list)
    for link, count in sorted(counts.items(), key=lambda item: (-item[1], item[0][2])):
        source, relation, target = link
        found[source].append(Observation(relation, target, count, newest[link]))
    return found


def _ran(runs: Iterable[Run], graph: Graph) -> Iterator[Seen]:
    """Calls, and for statements of SQL what they used: these are no elements themselves."""
    models: dict[str | None, list[str]] = {}
    for run in runs:
        if run.node_kind is not NodeKind.QUERY:
            yield run.parent_id, Relation.CALLS, run.node_id, run.time_ns
        elif run.parent_id is not None:
            if run.attributes not in models:
                models[run.attributes] = _models(run.attributes, graph)
            for model in models[run.attributes]:
                yield run.parent_id, Relation.USES, model, run.time_ns
                yield model, Relation.USED_BY, run.parent_id, run.time_ns


def _models(attributes: str | None, graph: Graph) -> list[str]:
    try:
        tables = msgspec.json.decode(attributes or "{}", type=Collections).names
    except (msgspec.DecodeError, UnicodeError):  # of a version that wrote something else, or cut
        return []
    return list(dict.fromkeys(model for table in tables for model in graph.models_of(table)))
