"""The filter text means the same over every store."""

import pytest

from devtools.records import Http, Level, Log, NodeKind, Record, Run, RunStatus
from devtools.telemetry.filters import matcher
from devtools.telemetry.pages import Order, PageRequest
from devtools.telemetry.query_language import parse
from tests.contract.conftest import Subject

NOW = 1_790_000_000_000_000_000


def log(number: int, message: str, source: str | None, data: str | None, level: Level = Level.info) -> Log:
    digits = f"{number:x}" * 32
    return Log(
        id=number, time_ns=NOW - number * 60_000_000_000, level=level, message=message, source_id=source, data=data,
        correlation_id=digits[:32],
    )  # fmt: skip


def run(number: int, node: str, milliseconds: int, status: int | None) -> Run:
    return Run(
        id=number, time_ns=NOW, run_id=number, node_id=node, node_kind=NodeKind.TASK, name=node, status=RunStatus.ok, ok=True,
        duration_ns=milliseconds * 1_000_000,
        http=None if status is None else Http(method="GET", route="/cart/{id}", path=f"/cart/{number}", status=status),
    )  # fmt: skip


RECORDS: list[Record] = [
    log(
        1, "card declined", "shop.pay", '{"sku":"sku-2","qty":2,"paid":true,"deep":{"er":null}}', Level.error
    ),
    log(2, "Card accepted", "shop.cart", '{"sku":"sku-20"}', Level.warn),
    log(3, "100% of a_b [x] ?", "noisy", "no json", Level.debug),
    log(4, "straße", None, None),
    log(5, "a*b", "shopping", '{"sku":["sku-2"]}'),
    log(10, "late", "shop.*", '{"a.b":1,"qty":2.5}'),
    run(21, "shop.buy", 49, 200),
    run(22, "shop.buy", 50, 404),
    run(23, "other.buy", 51, None),
]
LOG_TEXTS = [
    "level>=warn", "level>info", "-level:error", "source:shop.*", "-source:shop.*", "source:*p*", "source:shop.\\*",
    'source:"shop.*"',
    "data.sku=sku-2", "-data.sku=sku-2", "data.qty=2", "data.qty=2.5", "data.paid=true", "data.deep.er=null", "data.deep=x",
    "data.missing=1",
    "trace:1", "trace:11111", "trace:aaaa", "card", '"CARD D"', "STRASSE", "100%", "a_b", "[x]", "?", "message:Card",
    "message:*a*", "message=straße", 'message:"a*b"', "since:3m", "until:3m", "since:10m until:2m", "data:sku-2", "",
    'level>=debug source:shop.* card -source:*cart since:1h data.sku=sku-2',
]  # fmt: skip
RUN_TEXTS = [
    "dur>50ms", "dur>=50ms", "dur<50ms", "dur:50ms", "code>=400", "code:200,404", "-code:200", "node:*.buy", "node:shop.*",
    "path:/cart/2", "route:/cart/*", "method:GET", "kind:task", "ok:true", "status:error",
]  # fmt: skip


@pytest.mark.parametrize(
    ("record_type", "text"), [(Log, text) for text in LOG_TEXTS] + [(Run, text) for text in RUN_TEXTS]
)
def test_a_text_finds_what_a_scan_finds(subject: Subject, record_type: type[Record], text: str) -> None:
    subject.fill(RECORDS)
    query = parse(text, record_type, now_ns=NOW)
    passes = matcher(query)
    expected = [record.id for record in RECORDS if isinstance(record, record_type) and passes(record)]
    page = subject.history.page(record_type, query, PageRequest(100, order=Order.OLDEST))
    assert [record.id for record in page.records] == expected
    assert subject.history.count(record_type, query) == len(expected)
