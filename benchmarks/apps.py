"""The hello-world app of bars 1 and 2, bare, recorded by DevTools, and traced by OpenTelemetry.

Served by `benchmarks.requests` in processes of their own: `BENCHMARK_APP=bare uvicorn benchmarks.apps:app`. Every variant answers
`/cpu` with the CPU nanoseconds of its process.
"""

import os
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from devtools.records import Level
from devtools.settings import Settings
from devtools.sources.asgi import RecordRequests
from devtools.telemetry import active
from devtools.telemetry.recorder import Recorder

INFO = Level.info
VARIANTS = ("bare", "recorded", "mounted", "otel")


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("Hello, world")


async def hello_with_log(_request: Request) -> PlainTextResponse:
    """One direct log record a request: charged to us whole, the bare app writes none."""
    active.recorder.log(INFO, "Hello, world", "shop")
    return PlainTextResponse("Hello, world")


def bare() -> Any:
    return Starlette(routes=[Route("/", hello)])


def recorded() -> Any:
    """Runs, logs, correlation id, traceparent and response header, in memory."""
    active.recorder = Recorder()
    return RecordRequests(Starlette(routes=[Route("/", hello_with_log)]), active.recorder, Settings())


def mounted() -> Any:
    """The same through `mount`, as users have it: every source is installed."""
    from devtools import mount

    app = Starlette(routes=[Route("/", hello_with_log)])
    mount(app, enabled=True)
    return app


def otel() -> Any:
    """OpenTelemetry's ASGI instrumentation: batch processor, null exporter, send and receive spans excluded."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class NullExporter(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002 - the exporter's interface
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(NullExporter()))
    return OpenTelemetryMiddleware(bare(), tracer_provider=provider, exclude_spans=["send", "receive"])


def with_cpu(inner: Any) -> Any:
    """The app, and `/cpu` outside of it."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/cpu":
            body = str(time.process_time_ns()).encode()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await inner(scope, receive, send)

    return answer


if "BENCHMARK_APP" in os.environ:
    app = with_cpu(
        {"bare": bare, "recorded": recorded, "mounted": mounted, "otel": otel}[os.environ["BENCHMARK_APP"]]()
    )
