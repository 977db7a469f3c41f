"""Which routes can never be reached because one before them answers first. Called by inspectors, in the order of matching."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

SAMPLES: dict[str, str] = {
    "str": "~",
    "path": "~/~",
    "int": "1",
    "float": "1.5",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
"""A value of each convertor that only a pattern as wide as the convertor takes."""

PATTERNS: dict[str, str] = {
    "str": "[^/]+",
    "path": ".*",
    "int": "[0-9]+",
    "float": r"[0-9]+(\.[0-9]+)?",
    "uuid": "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}",
}

_PARAMETER = re.compile(r"{([a-zA-Z_][a-zA-Z0-9_]*)(?::([a-zA-Z_][a-zA-Z0-9_]*))?}")


Segments = tuple[str, ...]


class Taken(NamedTuple):
    """What one route takes: a path template, for these methods (None is every one). `order` is its place in matching."""

    order: int
    name: str
    path: str
    methods: frozenset[str] | None

    def takes(self, method: str, sample: str) -> bool:
        """Whether a request of this method for this path ends here."""
        if self.methods is not None and method not in self.methods:
            return False
        if not sample.startswith(self.path.partition("{")[0]):
            return False
        pattern = _pattern(self.path)
        return pattern is not None and pattern.fullmatch(sample) is not None


@dataclass
class Shape:
    """Templates of one number of segments with parameters in the same places, by their literal segments."""

    literal: tuple[int, ...]
    taken: dict[Segments, list[Taken]] = field(default_factory=dict[Segments, list[Taken]])

    def key(self, segments: Segments) -> Segments:
        """The literal segments of a path or template."""
        return tuple(segments[position] for position in self.literal)


@dataclass
class Shadows:
    """The routes so far. An app has many routes but few shapes, so a route is compared with few others."""

    shapes: dict[tuple[str, int], dict[tuple[int, ...], Shape]] = field(
        default_factory=dict[tuple[str, int], dict[tuple[int, ...], Shape]]
    )
    wide: dict[str, list[Taken]] = field(default_factory=dict[str, list[Taken]])
    """By host, what takes any number of segments: mounts and `{…:path}`."""
    count: int = 0

    def before(self, host: str, method: str, path: str) -> str | None:
        """The route that answers everything this one could, None where there is none."""
        sample = _sample(path)
        if sample is None:
            return None
        segments = tuple(sample.split("/"))
        candidates: list[Taken] = []
        for answering in {host, ""}:  # a route without a host answers at every one
            candidates += self.wide.get(answering, ())
            for shape in self.shapes.get((answering, len(segments)), {}).values():
                candidates += shape.taken.get(shape.key(segments), ())
        found = [taken for taken in candidates if taken.takes(method, sample)]
        return min(found).name if found else None

    def add(self, host: str, name: str, path: str, methods: frozenset[str] | None) -> None:
        """Remember a route. `path` ends with `{…:path}` for a mount, which takes everything below it."""
        self.count += 1
        taken = Taken(self.count, name, path, methods)
        if ":path}" in path:
            self.wide.setdefault(host, []).append(taken)
            return
        segments = tuple(path.split("/"))
        literal = tuple(position for position, segment in enumerate(segments) if "{" not in segment)
        shapes = self.shapes.setdefault((host, len(segments)), {})
        shape = shapes.setdefault(literal, Shape(literal))
        shape.taken.setdefault(shape.key(segments), []).append(taken)


def _sample(path: str) -> str | None:
    """A path that the template takes, None where a convertor is unknown."""
    unknown = False

    def value(found: re.Match[str]) -> str:
        nonlocal unknown
        sample = SAMPLES.get(found[2] or "str")
        unknown = unknown or sample is None
        return sample or ""

    sample = _PARAMETER.sub(value, path)
    return None if unknown else sample


@lru_cache(maxsize=4_096)
def _pattern(path: str) -> re.Pattern[str] | None:
    parts: list[str] = []
    position = 0
    for found in _PARAMETER.finditer(path):
        pattern = PATTERNS.get(found[2] or "str")
        if pattern is None:
            return None
        parts += [re.escape(path[position : found.start()]), pattern]
        position = found.end()
    return re.compile("".join([*parts, re.escape(path[position:])]))
