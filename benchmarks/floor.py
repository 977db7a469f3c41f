"""What recording a request costs at least: the same record, log, header and trace context in one function, nothing else.

No masking, no WebSockets, no failures, no disconnects, no fork, no reader,
no route but the matched object. Printed beside our figure.
"""

import random
from collections import deque
from contextvars import ContextVar
from time import perf_counter_ns, time_ns
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

KEPT = 10_000
HEADER = b"x-correlation-id"
DIGITS = bytes(ord("0") if byte in b"0123456789abcdef" else byte for byte in range(256))
USUAL = b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"
OK = "ok"

current: ContextVar["Run | None"] = ContextVar("current", default=None)
bits = random.Random(1).getrandbits


class Run(msgspec.Struct, eq=False, gc=False):
    parent: Any
    run_id: int
    correlation: Any
    remote_parent: bytes | None
    method: str
    path: str
    client: Any
    place: Any
    started: int
    status: str | None = None
    code: int | None = None
    sent: int = 0
    time_ns: int = 0


class Line(msgspec.Struct, gc=False):
    time_ns: int
    message: str
    run: Run | None


runs: deque[Run] = deque(maxlen=KEPT)
lines: deque[Line] = deque(maxlen=KEPT)
running: dict[int, Run] = {}


async def hello(_request: Request) -> PlainTextResponse:
    lines.append(Line(time_ns(), "Hello, world", current.get()))
    return PlainTextResponse("Hello, world")


def floor() -> Any:
    inner = Starlette(routes=[Route("/", hello)])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        outer = current.get()
        correlation, parent = bits(128), None
        for name, value in scope["headers"]:
            if name == b"traceparent" and value.translate(DIGITS) == USUAL:
                correlation, parent = value[3:35], value[36:52]
        run_id = bits(63)
        running[run_id] = run = Run(
            outer,
            run_id,
            correlation,
            parent,
            scope["method"],
            scope["path"],
            scope["client"],
            scope,
            perf_counter_ns(),
        )

        def to_server(message: Any) -> Any:
            if message["type"] == "http.response.start":
                run.code = message["status"]
                message = {**message, "headers": [*message["headers"], (HEADER, run.correlation)]}
            else:
                run.sent += len(message["body"])
                run.started = perf_counter_ns() - run.started
                run.status = OK
                run.place = scope["route"]
                run.time_ns = time_ns()
                del running[run_id]
                runs.append(run)
            return send(message)

        current.set(run)
        try:
            await inner(scope, receive, to_server)
        finally:
            current.set(outer)

    return app
