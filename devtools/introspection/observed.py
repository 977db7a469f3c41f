"""Links that were seen rather than declared: what an element in fact emitted or called, from the records in memory. Pure."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from devtools.introspection.elements import Element
from devtools.records import Emission, Run


class Relation(enum.Enum):
    """What an element did to another one."""

    EMITS = "emits"
    CALLS = "calls"


@dataclass(frozen=True)
class Observation:
    """One link that was seen: how often, and when last in Unix nanoseconds."""

    relation: Relation
    target: str
    count: int
    last_ns: int

    def is_declared(self, element: Element) -> bool:
        """Whether the structure says so too."""
        return self.target in (element.emits if self.relation is Relation.EMITS else element.depends_on)


def observe(runs: Iterable[Run], emissions: Iterable[Emission]) -> Mapping[str, list[Observation]]:
    """By element id, what it was seen to do, the most frequent first."""
    counts: defaultdict[tuple[str, Relation, str], int] = defaultdict(int)
    newest: dict[tuple[str, Relation, str], int] = {}
    seen = [
        *((run.parent_id, Relation.CALLS, run.node_id, run.time_ns) for run in runs),
        *(
            (emission.emitter_id, Relation.EMITS, emission.event_id, emission.time_ns)
            for emission in emissions
        ),
    ]
    for source, relation, target, time_ns in seen:
        if source is not None:
            link = source, relation, target
            counts[link] += 1
            newest[link] = max(time_ns, newest.get(link, 0))
    found: defaultdict[str, list[Observation]] = defaultdict(list)
    for link, count in sorted(counts.items(), key=lambda item: (-item[1], item[0][2])):
        source, relation, target = link
        found[source].append(Observation(relation, target, count, newest[link]))
    return found
