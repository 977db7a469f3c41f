"""Memory of one retained run with twelve fields."""

import tracemalloc

from benchmarks.measure import Figure
from devtools.records import NodeKind
from devtools.telemetry import active, runs
from devtools.telemetry.recorder import Recorder

LIMIT = 330
RUNS = 10_000


def measure() -> list[Figure]:
    recorder = active.recorder = Recorder(capacity=RUNS)
    ring = recorder.rings.of(runs.Run)
    work(100)
    ring.clear()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work(RUNS)
    unread = (tracemalloc.get_traced_memory()[0] - before) / RUNS
    ring.snapshot()
    read = (tracemalloc.get_traced_memory()[0] - before) / len(ring)
    tracemalloc.stop()
    return [
        Figure(
            "one retained run, as it is kept",
            f"{unread:.0f} bytes",
            f"≤ {LIMIT} bytes",
            unread <= LIMIT,
        ),
        Figure("one retained run, once it was read", f"{read:.0f} bytes", f"≤ {LIMIT} bytes", read <= LIMIT),
    ]


def work(times: int) -> None:
    """Runs as they are recorded: ids, correlation id, times and duration of their own, node, kind, name and status shared."""
    for _ in range(times):
        run = runs.start("shop.place_order", NodeKind.TASK, "place_order")
        assert run is not None
        runs.finish(run)
