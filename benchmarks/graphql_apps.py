"""A list of runs in GraphQL over HTTP: ours as it is mounted, and the same schema served with Strawberry's defaults.

Served by `benchmarks.graphql` in processes of their own: `BENCHMARK_APP=ours uvicorn benchmarks.graphql_apps:app`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from devtools import mount
from devtools.graphql.context import Context
from devtools.graphql.schema import strawberry_schema
from devtools.graphql.services import Request
from devtools.records import NodeKind, Run, RunStatus
from devtools.runtime import Runtime
from devtools.server.credentials import Credentials
from devtools.settings import load
from devtools.telemetry import active
from devtools.telemetry.recorder import Recorder

RUNS = 10_000
START_NS = 1_790_000_000_000_000_000
TOKEN = "t" * 43
FIELDS = "id nodeId nodeKind name status timestampMs durationMs correlationId ok"


def runs(count: int) -> list[Run]:
    """Runs as a shop has them: ids, times and correlation ids of their own, a few names, one in twenty failed."""
    return [
        Run(
            id=(number + 1) << 12,
            time_ns=START_NS + number * 1_234_567,
            run_id=number + 1,
            node_id=f"shop.orders.task_{number % 7}",
            node_kind=NodeKind.TASK,
            name=f"task_{number % 7}",
            status=RunStatus.ok if number % 20 else RunStatus.error,
            ok=number % 20 != 0,
            duration_ns=1_000_000 + number * 37,
            correlation_id=f"{number * 7919:032x}",
        )
        for number in range(count)
    ]


def fill(recorder: Recorder) -> None:
    ring = recorder.rings.of(Run)
    for run in runs(RUNS):
        ring.append(run)


def ours() -> Any:
    @asynccontextmanager
    async def filled(_app: Starlette) -> AsyncIterator[None]:
        fill(active.recorder)
        yield

    app = Starlette(lifespan=filled)
    mount(app, enabled=True, token=TOKEN, app="shop")
    return app


def stock() -> Any:
    from strawberry.asgi import GraphQL

    runtime = runtime_of()
    fill(runtime.recorder)

    class Stock(GraphQL[Any, None]):
        async def get_context(self, request: Any, response: Any) -> Any:  # noqa: ARG002 - Strawberry's interface
            return Context(Request(runtime.services, "read"))

    return Stock(strawberry_schema())


def runtime_of(**given: Any) -> Runtime:
    """The parts of a running DevTools, without an app."""
    resolved = load({"token": TOKEN, "app": "shop", **given}, environment={})
    return Runtime(resolved, Credentials.load(resolved.settings, persist=False))


if "BENCHMARK_APP" in os.environ:
    app = {"ours": ours, "stock": stock}[os.environ["BENCHMARK_APP"]]()
