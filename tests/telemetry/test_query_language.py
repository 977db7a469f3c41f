"""The filter text that people write: what each form means, and where a mistake is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.errors import ValidationError
from devtools.records import (
    ALL,
    Emission,
    Error,
    Http,
    Level,
    Log,
    NodeKind,
    Record,
    Run,
    RunStatus,
    SourceKind,
)
from devtools.telemetry.filters import is_like, json_at, matcher
from devtools.telemetry.query_language import parse, parse_for, terms

NOW = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


def log(**fields: object) -> Log:
    known = {"id": 1, "time_ns": NOW, "level": Level.info, "message": "order placed"}
    return Log(**(known | fields))  # type: ignore[arg-type] # a test's fields


def run(**fields: object) -> Run:
    known = {
        "id": 1,
        "time_ns": NOW,
        "run_id": 7,
        "node_id": "shop.buy",
        "node_kind": NodeKind.TASK,
        "name": "buy",
        "duration_ns": 50_000_000,
        "status": RunStatus.ok,
        "ok": True,
    }
    return Run(**(known | fields))  # type: ignore[arg-type] # a test's fields


def passes(text: str, record: Record) -> bool:
    return matcher(parse(text, type(record), now_ns=NOW))(record)


LOG_CASES = [
    ("level>=warn", {"level": Level.warn}, True),
    ("level>=warn", {"level": Level.info}, False),
    ("level>warn", {"level": Level.warn}, False),
    ("level>warn", {"level": Level.error}, True),
    ("level<=debug", {"level": Level.trace}, True),
    ("level:warn,error", {"level": Level.error}, True),
    ("level:WARN", {"level": Level.warn}, True),
    ("level!=info", {"level": Level.info}, False),
    ("source:shop.*", {"source_id": "shop.cart"}, True),
    ("source:shop.*", {"source_id": "shopping"}, False),
    ("source:shop.*", {"source_id": None}, False),
    ("-source:noisy", {"source_id": "noisy"}, False),
    ("-source:noisy", {"source_id": None}, True),
    ("card", {"message": "CARD declined"}, True),
    ('"card declined"', {"message": "the Card declined it"}, True),
    ('"card declined"', {"message": "card was declined"}, False),
    ("-card", {"message": "card declined"}, False),
    ("message:Card", {"message": "card declined"}, False),
    ('message:"card declined"', {"message": "a card declined"}, True),
    ('message="card"', {"message": "a card"}, False),
    ("100%", {"message": "at 100% now"}, True),
    ("a_c", {"message": "abc"}, False),
    ("data.sku=sku-2", {"data": '{"sku":"sku-2"}'}, True),
    ("data.sku=sku-2", {"data": '{"sku":"sku-20"}'}, False),
    ("data.item.count:3", {"data": '{"item":{"count":3}}'}, True),
    ("data.paid:true", {"data": '{"paid":true}'}, True),
    ("data.sku!=sku-2", {"data": '{"sku":"sku-3"}'}, True),
    ("data.sku=x", {"data": "no json"}, False),
    ("data:sku-2", {"data": '{"sku":"sku-2"}'}, True),
    ("trace:3f9a", {"correlation_id": "3f9a" + "0" * 28}, True),
    ("trace:3F9A", {"correlation_id": "3f9a" + "0" * 28}, True),
    ("trace:9a", {"correlation_id": "3f9a" + "0" * 28}, False),
    ("since:10m", {"time_ns": NOW - 599 * SECOND}, True),
    ("since:10m", {"time_ns": NOW - 601 * SECOND}, False),
    ("until:10m", {"time_ns": NOW - 601 * SECOND}, True),
    ("since:2026-09-21", {"time_ns": NOW}, True),
    ("since:2026-09-21T15:00+02:00", {"time_ns": NOW}, True),
    ("until:2026-09-21", {"time_ns": NOW}, False),
    ("", {}, True),
    ('level>=warn source:shop.* "card no" since:10m', {"level": Level.error, "source_id": "shop.pay", "message": "card no"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fields", "expected"), LOG_CASES)
def test_a_log_passes_what_the_text_says(text: str, fields: dict[str, object], expected: bool) -> None:
    assert passes(text, log(**fields)) is expected


RUN_CASES = [
    ("dur>50ms", {"duration_ns": 50_000_000}, False),
    ("dur>50ms", {"duration_ns": 50_000_001}, True),
    ("dur>=50", {"duration_ns": 50_000_000}, True),
    ("dur<1.5s", {"duration_ns": 1_499_999_999}, True),
    ("dur>=200us", {"duration_ns": 199_999}, False),
    ("ok:false", {"ok": False}, True),
    ("status:error", {"status": RunStatus.error}, True),
    ("kind:task", {}, True),
    ("kind!=TASK", {}, False),
    ("node:*.buy", {}, True),
    ("code>=500", {"http": Http(method="GET", route=None, path="/", status=503)}, True),
    ("code>=500", {}, False),
    ("code:404,410", {"http": Http(method="GET", route=None, path="/", status=410)}, True),
    ("path:/cart", {"http": Http(method="GET", route=None, path="/cart/7")}, True),
    ("method:get,post", {"http": Http(method="POST", route=None, path="/")}, True),
    ("method:GET route:/cart/*", {"http": Http(method="GET", route="/cart/{id}", path="/cart/7")}, True),
]


@pytest.mark.parametrize(("text", "fields", "expected"), RUN_CASES)
def test_a_run_passes_what_the_text_says(text: str, fields: dict[str, object], expected: bool) -> None:
    assert passes(text, run(**fields)) is expected


MISTAKES = [
    ('a "b', 3, "no end"),
    ("level:", 7, "needs a value"),
    ("level>=loud", 1, "must be one of trace"),
    ("x colour:red", 3, "no 'colour'"),
    ("since:tomorrow", 1, "is no time"),
    ("message>a", 1, "is text"),
    ("message.x:1", 1, "holds no JSON"),
    ("data.x>1", 1, "only be compared"),
    ("source:" + "*a" * 6, 1, "at most 5"),
]


@pytest.mark.parametrize(("text", "position", "why"), MISTAKES)
def test_a_mistake_is_named_with_its_place(text: str, position: int, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(text, Log, now_ns=NOW)
    assert f"at character {position}:" in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize("text", ["dur>fast", "code:4.5", "ok:maybe", "kind>TASK", "code:5ms"])
def test_values_of_runs_are_checked(text: str) -> None:
    with pytest.raises(ValidationError, match="at character 1"):
        parse(text, Run, now_ns=NOW)


@pytest.mark.parametrize("text", ["status>=500", "status:404", "status:ok,404"])
def test_who_means_the_status_of_an_answer_is_told_its_word(text: str) -> None:
    with pytest.raises(
        ValidationError, match=r"one of running, ok, error, cancelled\. The status code .* is code\."
    ):
        parse(text, Run, now_ns=NOW)


def test_one_text_for_several_kinds_leaves_out_those_without_the_word() -> None:
    assert set(parse_for("level>=warn", ALL, now_ns=NOW)) == {Log}
    assert set(parse_for("source:x", ALL, now_ns=NOW)) == {Log, Error}
    assert set(parse_for("card since:1h", ALL, now_ns=NOW)) == set(ALL)
    with pytest.raises(ValidationError, match="no 'colour'"):
        parse_for("colour:red", ALL, now_ns=NOW)


def test_errors_and_emissions_have_their_words() -> None:
    error = Error(
        id=1,
        time_ns=NOW,
        source_id="shop.pay",
        source_kind=SourceKind.TASK,
        type="shop.Declined",
        message="no",
        fingerprint="ab12",
    )
    assert passes("type:*Declined fingerprint:ab kind:task", error)
    emission = Emission(id=1, time_ns=NOW, event_id="shop.placed", payload='{"total":12.5}')
    assert passes("event:shop.* data.total=12.5", emission)
    assert not passes("emitter:shop", emission)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        parsed = parse_for(text, ALL, now_ns=NOW)
    except ValidationError as error:
        assert "at character" in str(error)
    else:
        for record_type, query in parsed.items():
            if record_type is Log:
                assert matcher(query)(log()) in {True, False}


@given(st.text(alphabet='ab" \\:-', max_size=20))
def test_quoted_text_is_found_as_it_is(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    (term,) = terms(quoted)
    assert term.value == text
    assert term.word is None


@given(st.text(alphabet="ab*.", max_size=6), st.text(alphabet="ab.", max_size=10))
def test_a_pattern_means_what_a_regular_expression_would(pattern: str, text: str) -> None:
    import re

    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert is_like(text, pattern) is expected


def test_what_stands_in_json_is_read_as_text() -> None:
    assert json_at('{"a":{"b":null}}', ["a", "b"]) == "null"
    assert json_at('{"a":[1]}', ["a"]) is None
    assert json_at("[" * 5_000, ["a"]) is None
