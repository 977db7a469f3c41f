"""Same question, same answer, whatever the store."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.records import ALL, Emission, Http, Level, Log, NodeKind, Record, Run, RunStatus
from devtools.telemetry.filters import EVERYTHING, Condition, Filter, from_arguments
from devtools.telemetry.pages import Order, PageRequest
from tests.contract.conftest import Subject
from tests.strategies import BASE_NS, LARGEST, filters, histories, kinds, numbered, orders, scan

many = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def log(message: str = "m", **fields: Any) -> dict[str, Any]:
    return {"time_ns": BASE_NS, "level": Level.info, "message": message, **fields}


def found(subject: Subject, record_type: type[Record], **arguments: Any) -> list[Record]:
    query = from_arguments(record_type, arguments)
    return list(subject.history.page(record_type, query, PageRequest(1_000)).records)


@many
@given(data=st.data())
def test_any_filter_finds_what_a_scan_finds(subject: Subject, data: st.DataObject) -> None:
    """Random records, random filter: the page and the count equal looking at every record."""
    record_type = data.draw(kinds)
    kept = data.draw(histories(record_type))
    query, order = data.draw(filters(record_type)), data.draw(orders)
    subject.fill(kept)

    page = subject.history.page(record_type, query, PageRequest(100, order=order))

    assert list(page.records) == scan(kept, query, order)
    assert subject.history.count(record_type, query) == len(scan(kept, query))


@many
@given(data=st.data())
def test_pages_are_disjoint_and_complete(subject: Subject, data: st.DataObject) -> None:
    """Following cursors shows every record that passes exactly once, in order."""
    record_type = data.draw(kinds)
    kept = data.draw(histories(record_type))
    query, order = data.draw(filters(record_type)), data.draw(orders)
    size = data.draw(st.integers(1, 7))
    subject.fill(kept)

    seen: list[Record] = []
    after = None
    while True:
        page = subject.history.page(record_type, query, PageRequest(size, after, order))
        assert page.has_previous == (after is not None)
        seen += page.records
        if not page.has_next:
            break
        assert len(page.records) == size
        after = page.records[-1].id
    assert seen == scan(kept, query, order)


@pytest.mark.parametrize(("record_type", "field"), [(Log, "run_id"), (Run, "parent_run_id"), (Run, "run_id")])
@many
@given(data=st.data())
def test_the_parts_of_many_are_the_parts_of_each(
    subject: Subject, record_type: type[Record], field: str, data: st.DataObject
) -> None:
    """Asked for together or one by one: the same pages and counts, an empty one for what has none."""
    subject.fill(data.draw(histories(record_type)))
    values = data.draw(st.lists(st.integers(0, 6) | st.just(LARGEST), max_size=8))
    first = data.draw(st.integers(0, 3))

    pages = subject.history.pages_by(record_type, field, values, first)
    counts = subject.history.counts_by(record_type, field, values)

    one_by_one = {value: Filter((Condition(field, "one_of", (value,)),)) for value in values}
    oldest = PageRequest(first, order=Order.OLDEST)
    assert pages == {
        value: subject.history.page(record_type, query, oldest) for value, query in one_by_one.items()
    }
    assert counts == {value: subject.history.count(record_type, query) for value, query in one_by_one.items()}


def test_the_parts_of_more_than_one_statement_asks_for(subject: Subject) -> None:
    """Of each of 1,200 runs its own log."""
    subject.fill(numbered(Log, [log(f"log {number}", run_id=number) for number in range(1_200)]))
    pages = subject.history.pages_by(Log, "run_id", range(1_200), 5)
    assert {run: [record.message for record in page.records] for run, page in pages.items()} == {
        number: [f"log {number}"] for number in range(1_200)
    }


@pytest.mark.parametrize("record_type", ALL, ids=lambda kind: kind.kind)
@many
@given(data=st.data())
def test_every_field_comes_back_as_it_went_in(
    subject: Subject, record_type: type[Record], data: st.DataObject
) -> None:
    """Text of any script, quotes, NUL, the largest integers, absent values."""
    kept = data.draw(histories(record_type, max_size=10))
    subject.fill(kept)
    page = subject.history.page(record_type, EVERYTHING, PageRequest(100, order=Order.OLDEST))
    assert list(page.records) == kept


def test_contains_is_exact_in_case_and_literal(subject: Subject) -> None:
    """`%` and `_` mean themselves, and capitals matter."""
    subject.fill(numbered(Log, [log("100% sure"), log("100x sure"), log("a_b"), log("aXb"), log("A_B")]))
    assert [r.message for r in found(subject, Log, message_includes="100%")] == ["100% sure"]
    assert [r.message for r in found(subject, Log, message_includes="a_b")] == ["a_b"]


def test_search_folds_case_in_every_script(subject: Subject) -> None:
    """`STRASSE` finds `straße`, and the words of different fields do not run together."""
    subject.fill(numbered(Log, [log("Hauptstraße"), log("ÉCLAIR"), log("other")]))
    assert [r.message for r in found(subject, Log, search="STRASSE")] == ["Hauptstraße"]
    assert [r.message for r in found(subject, Log, search="éclair")] == ["ÉCLAIR"]


def test_a_null_field_passes_only_a_negated_condition(subject: Subject) -> None:
    """What has no source is not from any source."""
    subject.fill(numbered(Log, [log("with", source_id="a"), log("without")]))
    condition = Condition("source_id", "one_of", ("a",))
    negated = Condition("source_id", "one_of", ("a",), negate=True)
    page = subject.history.page(Log, Filter((condition,)), PageRequest(10))
    assert [r.message for r in page.records] == ["with"]
    page = subject.history.page(Log, Filter((negated,)), PageRequest(10))
    assert [r.message for r in page.records] == ["without"]


@pytest.mark.parametrize("limit", [10**30, -(10**30), LARGEST + 1, 1e300])
@pytest.mark.parametrize("operator", ["at_least", "at_most", "one_of"])
def test_limits_beyond_64_bits_are_answered(subject: Subject, operator: Any, limit: float) -> None:
    """A value that no row can have is no error."""
    kept = numbered(Log, [log("a")])
    subject.fill(kept)
    query = Filter((Condition("time_ns", operator, (limit,)),))
    assert list(subject.history.page(Log, query, PageRequest(10)).records) == scan(kept, query)


def test_a_lone_surrogate_finds_nothing(subject: Subject) -> None:
    """Text that cannot be written in UTF-8 is in no row."""
    subject.fill(numbered(Log, [log("a", source_id="s")]))
    assert found(subject, Log, message_includes="\ud800") == []
    assert found(subject, Log, source_ids=["\ud800"]) == []
    assert found(subject, Log, search="\udfff") == []


def test_levels_are_ordered_by_severity(subject: Subject) -> None:
    """`minLevel: warn` finds warnings and all that is worse."""
    subject.fill(numbered(Log, [log(level.value, level=level) for level in Level]))
    assert {r.message for r in found(subject, Log, min_level="warn")} == {"warn", "error", "fatal"}


def test_milliseconds_of_a_record_find_the_record(subject: Subject) -> None:
    """A record's own `timestampMs` as since or until includes it, though doubles are coarse."""
    kept = numbered(Log, [log("a", time_ns=BASE_NS + 123_457)])
    subject.fill(kept)
    own = kept[0].timestamp_ms
    assert found(subject, Log, since_ms=own) == kept
    assert found(subject, Log, until_ms=own) == kept


def test_http_fields_are_filters_of_runs(subject: Subject) -> None:
    """The nested HTTP side is flat in filters, and a run without one has none of its values."""
    base = {
        "time_ns": BASE_NS, "run_id": 1, "node_id": "n", "node_kind": NodeKind.TASK, "name": "n",
        "duration_ns": 1, "status": RunStatus.ok, "ok": True,
    }  # fmt: skip
    http = Http(method="GET", route=None, path="/a", status=404)
    kept = numbered(Run, [{**base, "http": http}, base])
    subject.fill(kept)
    assert found(subject, Run, http_statuses=[404]) == kept[:1]
    assert found(subject, Run, http_methods=["GET", "WS"]) == kept[:1]
    assert found(subject, Run, search="/A") == kept[:1]


def test_empty_history(subject: Subject) -> None:
    """Nothing recorded: an empty page, no oldest, nothing evicted."""
    subject.fill([])
    page = subject.history.page(Emission, EVERYTHING, PageRequest(10))
    assert (list(page.records), page.has_next, page.has_previous) == ([], False, False)
    assert subject.history.count(Emission, EVERYTHING) == 0
    assert subject.history.oldest(Emission) is None
    assert subject.history.evicted_before(Emission) is None


def test_oldest_is_the_smallest_id(subject: Subject) -> None:
    """How far back history reaches."""
    kept = numbered(Log, [log("a"), log("b")])
    subject.fill(kept)
    assert subject.history.oldest(Log) == kept[0].id
