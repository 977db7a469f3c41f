"""One run, entered and left, half of them nested, against one span of the OpenTelemetry SDK."""

from typing import Any

from benchmarks.measure import DROPPED, FULL, Figure, cpu_seconds, micro, ratio
from devtools.records import NodeKind
from devtools.telemetry import active, runs
from devtools.telemetry.recorder import Recorder

LIMIT = 0.10
TASK = NodeKind.TASK
"""Looked up once, as who records does: it takes a fortieth of a run."""


def measure() -> list[Figure]:
    cost = cpu_seconds({"run": ours(), "span": spans()}, times=4 * DROPPED, before=FULL)
    detail = f"{micro(cost['run'])} against {micro(cost['span'])}"
    return [ratio("one run", cost["run"] / cost["span"], LIMIT, detail)]


def ours() -> Any:
    active.recorder = Recorder()

    def work(times: int) -> None:
        for _ in range(times // 2):
            outer = runs.start("shop.place_order", TASK, "place_order")
            inner = runs.start("shop.charge", TASK, "charge")
            runs.finish(inner)
            runs.finish(outer)

    return work


def spans() -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class NullExporter(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002 - the exporter's interface
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(NullExporter()))
    tracer = provider.get_tracer("benchmark")

    def work(times: int) -> None:
        for _ in range(times // 2):
            with tracer.start_as_current_span("place_order"), tracer.start_as_current_span("charge"):
                pass

    return work
