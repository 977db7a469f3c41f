"""Filters: built from arguments, refused when wrong, the same meaning everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.errors import ValidationError
from devtools.records import Level, Log, NodeKind, Run, RunStatus
from devtools.telemetry.filters import arguments_of, from_arguments, matcher, resolve_ids


def make_log(**fields) -> Log:
    return Log(**{"id": 1, "time_ns": 10**18, "level": Level.info, "message": "card declined", **fields})


def make_run(**fields) -> Run:
    given = {
        "id": 1,
        "time_ns": 10**18,
        "run_id": 7,
        "node_id": "app.tasks.pay",
        "node_kind": NodeKind.TASK,
        "name": "pay",
        "duration_ns": 5_000_000,
        "status": RunStatus.ok,
        "ok": True,
    }
    return Run(**{**given, **fields})


def passes(record, **arguments) -> bool:
    return matcher(from_arguments(type(record), arguments))(record)


def test_every_argument_of_the_peer_and_ours_is_there():
    """The arguments come from the declarations, under the fixed names."""
    assert set(arguments_of(Run)) >= {
        "node_kinds", "node_ids", "ok", "parent_ids", "root_ids", "correlation_ids", "statuses", "session_ids",
        "snapshot_versions", "min_duration_ms", "max_duration_ms", "since_ms", "until_ms", "http_statuses", "search",
    }  # fmt: skip
    assert set(arguments_of(Log)) >= {
        "levels", "message_includes", "correlation_ids", "min_level", "source_ids", "since_ms", "until_ms", "search",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"levels": [Level.info, Level.error]}, True),
        ({"levels": [Level.error]}, False),
        ({"levels": []}, True),
        ({"levels": None}, True),
        ({"min_level": Level.info}, True),
        ({"min_level": Level.warn}, False),
        ({"message_includes": "card"}, True),
        ({"message_includes": "Card"}, False),
        ({"message_includes": "c%d"}, False),
        ({"search": "CARD"}, True),
        ({"correlation_ids": ["x"]}, False),
    ],
)
def test_log_arguments(arguments, expected):
    """Lists mean one of, empty ones nothing; includes is exact in case, search is not; null never passes."""
    assert passes(make_log(), **arguments) is expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"min_duration_ms": 5}, True),
        ({"min_duration_ms": 5.000001}, False),
        ({"max_duration_ms": 5}, True),
        ({"max_duration_ms": 4.999999}, False),
        ({"ok": True, "node_kinds": ["TASK"]}, True),
        ({"ok": False}, False),
        ({"http_statuses": [200]}, False),
    ],
)
def test_run_arguments(arguments, expected):
    """Limits are inclusive and exact."""
    assert passes(make_run(), **arguments) is expected


@given(st.integers(min_value=1_735_689_600 * 10**9, max_value=2_500_000_000 * 10**9))
def test_a_records_own_timestamp_includes_it(time_ns):
    """`sinceMs` and `untilMs` are inclusive at the precision of `timestampMs`."""
    record = make_log(time_ns=time_ns)
    assert passes(record, since_ms=record.timestamp_ms, until_ms=record.timestamp_ms)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"levels": ["loud"]}, "levels"),
        ({"message_includes": 3}, "message_includes"),
        ({"since_ms": float("nan")}, "since_ms"),
        ({"search": None, "correlation_ids": [3]}, "correlation_ids"),
    ],
)
def test_wrong_arguments_name_field_and_value(arguments, field):
    """A filter that cannot be understood is refused, not ignored."""
    with pytest.raises(ValidationError) as caught:
        from_arguments(Log, arguments)
    assert caught.value.field == field


def test_a_dotted_suffix_is_resolved_against_known_ids():
    """`pay` finds `app.tasks.pay`, and SQL sees exact ids."""
    query = resolve_ids(Run, from_arguments(Run, {"node_ids": ["pay"]}), lambda text: [f"app.tasks.{text}"])
    assert query.conditions[0].values == ("pay", "app.tasks.pay")
    assert matcher(query)(make_run())


def test_negation_turns_the_answer_also_for_null():
    """What is not known to be X is not X."""
    from dataclasses import replace

    condition = from_arguments(Log, {"correlation_ids": ["x"]}).conditions[0]
    from devtools.telemetry.filters import Filter

    assert matcher(Filter((replace(condition, negate=True),)))(make_log()) is True
