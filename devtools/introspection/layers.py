"""Where the nodes of a directed graph are drawn: in layers along its links, in each so that neighbours stand close. Pure.

The same graph is always drawn the same. Called by the topology and by the catalogue.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

N = TypeVar("N", bound=Hashable)

SWEEPS = 8
"""How often the order within layers is improved; more changes little."""


def layers_of(nodes: Sequence[N], links: Iterable[tuple[N, N]]) -> dict[N, int]:
    """By node its layer from 0: one more than the last of what leads to it. Links that close a cycle are not looked at."""
    waiting = dict.fromkeys(nodes, 0)
    after: defaultdict[N, list[N]] = defaultdict(list)
    for source, target in links:
        if source != target:
            after[source].append(target)
            waiting[target] += 1
    layers = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waiting[node]]
    while waiting:
        # Where all that is left waits for another one there is a cycle: it begins at the node that waits for the fewest.
        node = ready.pop() if ready else min(waiting, key=waiting.__getitem__)
        del waiting[node]
        for target in after[node]:
            if target in waiting:
                layers[target] = max(layers[target], layers[node] + 1)
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    return layers


def positions_of(layers: Mapping[N, int], links: Iterable[tuple[N, N]]) -> dict[N, int]:
    """By node its place within its layer, from 0, in the order that brings neighbours close. Equal ones keep their order."""
    near: defaultdict[N, list[N]] = defaultdict(list)
    for source, target in links:
        if source != target:
            near[source].append(target)
            near[target].append(source)
    columns: defaultdict[int, list[N]] = defaultdict(list)
    for node, layer in layers.items():
        columns[layer].append(node)
    height = {
        node: (place + 0.5) / len(column) for column in columns.values() for place, node in enumerate(column)
    }
    for sweep in range(SWEEPS):
        for layer in sorted(columns, reverse=bool(sweep % 2)):
            column = columns[layer]
            wanted = {node: _middle(node, near[node], height) for node in column}
            column.sort(key=wanted.__getitem__)
            height.update({node: (place + 0.5) / len(column) for place, node in enumerate(column)})
    return {node: place for column in columns.values() for place, node in enumerate(column)}


def _middle(node: N, near: Sequence[N], height: Mapping[N, float]) -> float:
    return sum(height[other] for other in near) / len(near) if near else height[node]
