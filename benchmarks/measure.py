"""How figures are taken: variants interleaved, CPU time per unit."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FULL = 12_500
"""So many records, and a ring is full."""
DROPPED = 1_250
"""About so many records it lets go of at once, while nobody reads."""

Unit = Callable[[int], object]
"""Does the work so many times."""


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    work: str
    value: str
    limit: str
    holds: bool | None


def ratio(work: str, value: float, limit: float, detail: str = "") -> Figure:
    return Figure(work, f"{value:.3f}{f' ({detail})' if detail else ''}", f"≤ {limit:g}", value <= limit)


def cpu_seconds(
    variants: Mapping[str, Unit], *, times: int, rounds: int = 40, before: int = 1
) -> dict[str, float]:
    """CPU seconds of this process per unit of each variant: the least of many rounds in which they take turns.

    The least, because other work on the machine only ever adds. So what happens now and then, as rings that let go of their oldest,
    must happen in each round equally often, and what is done once, `before`.
    """
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for work in variants.values():
        work(before)
    for _ in range(rounds):
        for name, work in variants.items():
            gc.collect()
            gc.disable()
            began = time.process_time_ns()
            work(times)
            taken[name].append((time.process_time_ns() - began) / times / 1e9)
            gc.enable()
    return {name: min(seconds) for name, seconds in taken.items()}


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.2f} µs"
