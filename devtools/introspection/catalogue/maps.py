"""The maps of the catalogue: through each lens all links, and a picture of the whole in which many elements stand in groups."""

from collections.abc import Mapping
from typing import Any

from devtools.introspection.elements import Structure
from devtools.introspection.folding import folded
from devtools.introspection.graph import Graph
from devtools.introspection.layers import layers_of, positions_of
from devtools.introspection.topology import Lens, Topology, topology

LENSES = (Lens.DEPENDENCIES, Lens.EVENTS, Lens.MIDDLEWARE, Lens.BLAST_RADIUS)
"""What can be seen of a structure at rest."""

JSON = dict[str, Any]  # Any: JSON


def maps(structure: Structure) -> list[JSON]:
    """For the script: per lens `edges` as [source, target, what it says], and groups with their places and `links` in that form.

    Elements are named by their number, groups by their place in the list.
    """
    graph = Graph(structure)
    numbers = {element.id: number for number, element in enumerate(structure.elements)}
    return [_map(topology(graph, lens), numbers) for lens in LENSES]


def _map(seen: Topology, numbers: Mapping[str, int]) -> JSON:
    groups = folded(sorted((node.element for node in seen.nodes), key=lambda element: numbers[element.id]))
    group_of = {element.id: place for place, group in enumerate(groups) for element in group.members}
    between: dict[tuple[int, int], list[str]] = {}
    for edge in seen.edges:
        link = group_of[edge.source], group_of[edge.target]
        if link[0] != link[1]:
            between.setdefault(link, []).append(edge.says)
    layers = layers_of(range(len(groups)), between)
    positions = positions_of(layers, between)
    return {
        "lens": seen.lens.value,
        "edges": [[numbers[edge.source], numbers[edge.target], edge.says] for edge in seen.edges],
        "groups": [
            {
                "kind": group.kind.replace("_", " "),
                "name": group.name,
                "members": [numbers[element.id] for element in group.members],
                "layer": layers[place],
                "position": positions[place],
            }
            for place, group in enumerate(groups)
        ],
        "links": [[*link, _together(says)] for link, says in between.items()],
    }


def _together(says: list[str]) -> str:
    return says[0] if len(says) == 1 else f"→ ({len(says)} links)"
