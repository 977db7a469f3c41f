"""CPU added to one call of a bare ASGI loop, against the whole call of the bare Starlette app."""

import asyncio
from typing import Any

from benchmarks.apps import bare, recorded
from benchmarks.floor import floor
from benchmarks.measure import DROPPED, FULL, Figure, cpu_seconds, micro, ratio

LIMIT = 0.5
HEADERS = [
    (b"host", b"localhost"),
    (b"user-agent", b"benchmark"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
]


def measure() -> list[Figure]:
    cost = cpu_seconds(
        {"bare": calls(bare()), "recorded": calls(recorded()), "floor": calls(floor())},
        times=2 * DROPPED,
        before=FULL,
    )
    figures: list[Figure] = []
    for variant, work in (
        ("recorded", "request recorded, without a server"),
        ("floor", "the least that can record it (benchmarks/floor.py): the floor"),
    ):
        added = cost[variant] - cost["bare"]
        detail = f"{micro(added)} on {micro(cost['bare'])}"
        figures.append(ratio(work, added / cost["bare"], LIMIT, detail))
    return figures


def calls(app: Any) -> Any:
    """The app, called so many times in one loop."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

    async def drive(times: int) -> None:
        for _ in range(times):
            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": "/",
                "raw_path": b"/",
                "query_string": b"",
                "root_path": "",
                "headers": HEADERS,
                "client": ("127.0.0.1", 50_000),
                "server": ("127.0.0.1", 8_000),
                "state": {},
            }
            await app(scope, receive, send)

    return lambda times: asyncio.run(drive(times))
