"""The structure of an app with 2,000 elements: inspect, hash and save it; the diff of two of them."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from benchmarks.measure import Figure
from devtools import settings
from devtools.introspection import snapshots
from devtools.introspection.declarations import event, hook, resource, task
from devtools.introspection.diff import diff
from devtools.introspection.introspector import inspect_app
from devtools.storage.store import DatabaseStore

EACH = 400
"""Routes, tasks, events, hooks and resources, so many of each: 2,000 elements."""
SAVE_MS, DIFF_MS = 300, 50
ROUNDS = 7


def measure() -> list[Figure]:
    app = generated()
    with tempfile.TemporaryDirectory() as folder:
        store = DatabaseStore.open(
            settings.load({"database": f"sqlite:///{folder}/structure.db"}, environment={})
        )
        numbers = iter(range(1_000_000))

        def save() -> None:
            structure = inspect_app(app, name="generated", project_root=Path(folder))
            fresh = msgspec.structs.replace(structure, openapi=f'{{"number": {next(numbers)}}}')
            store.snapshots.save(snapshots.to_row(fresh, "generated", "main", 1))

        saved = median(save)
        store.close()
    old = inspect_app(app, name="generated")
    new = changed(old)
    entries = len(diff(old, new).entries)
    compared = median(lambda: diff(old, new))
    count = f"{len(old.elements):,} elements"
    return [
        Figure(f"inspect, hash, save: {count}", f"{saved:.0f} ms", f"≤ {SAVE_MS} ms", saved <= SAVE_MS),
        Figure(
            f"diff of two: {count}, {entries} changed",
            f"{compared:.0f} ms",
            f"≤ {DIFF_MS} ms",
            compared <= DIFF_MS,
        ),
    ]


def median(work: Callable[[], object]) -> float:
    """Processor time in milliseconds: other work on the machine is not ours."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1_000)
    return statistics.median(taken)


def generated() -> Starlette:
    routes: list[Route] = []
    for number in range(EACH):
        used = resource(f"generated.resource_{number}")
        sold = event(f"generated.event_{number}")
        routes.append(Route(f"/things/{number}/{{id}}", endpoint(number, used, sold)))
    return Starlette(routes=routes)


def endpoint(number: int, used: Any, sold: Any) -> Any:
    @task(id=f"generated.task_{number}", emits=[sold], depends_on=[used])
    async def work(sku: str, amount: int = 1) -> None:
        """Do the work."""

    @hook(sold, id=f"generated.hook_{number}")
    async def note(payload: dict[str, str]) -> None:
        """Take note."""

    async def answer(request: Any) -> PlainTextResponse:
        """Answer with what the work gave."""
        await work(request.path_params["id"])
        return PlainTextResponse("done")

    answer.__qualname__ = answer.__name__ = f"answer_{number}"
    return answer


def changed(structure: Any) -> Any:
    """Every line moved, one element in ten with other links."""
    elements = [
        msgspec.structs.replace(
            element,
            line=(element.line or 0) + 3,
            throws=("generated.Failed",) if at % 10 == 0 else element.throws,
        )
        for at, element in enumerate(structure.elements)
    ]
    return msgspec.structs.replace(structure, elements=tuple(elements))
