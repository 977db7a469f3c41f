"""One error per exception, with what is needed to group and understand it."""

import dataclasses
import json

import pytest

from devtools.records import Error, NodeKind, SourceKind
from devtools.telemetry import runs
from devtools.telemetry.context import own_work
from devtools.telemetry.errors import (
    fingerprint_of,
    is_recorded,
    normal_message,
    record_exception,
    recorded_id,
    source_kind_of,
)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def kept(recorder) -> list[Error]:
    return recorder.rings.of(Error).snapshot()


def test_an_exception_passing_several_runs_is_one_error(recorder):
    """Recorded where it was met first."""
    error = raised(ValueError("no stock"))
    outer = runs.start("a", NodeKind.TASK, "a")
    inner = runs.start("b", NodeKind.TASK, "b")
    first = record_exception(recorder, error, "b")
    runs.finish(inner, exception=error)
    assert record_exception(recorder, error, "a") is None
    runs.finish(outer, exception=error)
    assert record_exception(recorder, error, "thread") is None
    assert kept(recorder) == [first]
    assert (first.source_id, first.run_id, recorded_id(error)) == ("b", inner.run_id, first.id)
    assert is_recorded(recorder, error)


def test_a_group_of_recorded_exceptions_is_no_other_error(recorder):
    """A task group raises what its tasks raised; a group with something new in it is recorded."""
    first, second = raised(ValueError("1")), raised(ValueError("2"))
    kept_first = record_exception(recorder, first, "a")
    group = raised(ExceptionGroup("g", [ExceptionGroup("inner", [first])]))
    assert record_exception(recorder, group, "a") is None
    assert recorded_id(group) == kept_first.id
    assert record_exception(recorder, raised(ExceptionGroup("g", [first, second])), "a") is not None
    assert len(kept(recorder)) == 2


def test_a_dictionary_that_raises(recorder):
    """Nothing of it reaches the app, but the user's interrupt does."""

    class Leaving(Exception):
        @property
        def __dict__(self):
            raise SystemExit

    class Interrupted(Exception):
        @property
        def __dict__(self):
            raise KeyboardInterrupt

    assert record_exception(recorder, raised(Leaving("x")), "a") is not None
    assert recorded_id(Leaving("x")) is None
    with pytest.raises(KeyboardInterrupt):
        is_recorded(recorder, Interrupted("x"))


def test_the_same_object_in_another_chain_is_another_error(recorder):
    """A constant that is raised in every request."""
    error = raised(ValueError("constant"))
    for _ in range(2):
        run = runs.start("a", NodeKind.TASK, "a")
        record_exception(recorder, error, "a")
        runs.finish(run)
    assert len(kept(recorder)) == 2


def test_causes_nearest_first(recorder):
    """Explicit and implicit causes; `from None` ends the chain."""
    try:
        try:
            try:
                raise KeyError("k")
            except KeyError:
                raise ValueError("v")  # noqa: B904 - the implicit chain is what is tested
        except ValueError as error:
            raise RuntimeError("r") from error
    except RuntimeError as error:
        record = record_exception(recorder, error, "a")
    assert json.loads(record.cause) == [
        {"type": "ValueError", "message": "v"},
        {"type": "KeyError", "message": "'k'"},
    ]
    try:
        try:
            raise KeyError("k")
        except KeyError:
            raise ValueError("v") from None
    except ValueError as error:
        assert record_exception(recorder, error, "a").cause is None


def test_a_chain_of_causes_that_is_a_cycle(recorder):
    first, second = raised(ValueError("1")), raised(ValueError("2"))
    first.__cause__, second.__cause__ = second, first
    assert json.loads(record_exception(recorder, first, "a").cause) == [
        {"type": "ValueError", "message": "2"}
    ]


def test_secrets_in_exceptions_are_masked(recorder):
    """In the message, the causes, the data and the lines of source that a stack shows."""
    error = raised(ValueError("password=planted"))
    error.__cause__ = ValueError("api_key: planted")
    record = record_exception(recorder, error, "a", data={"token": "planted"})
    assert "planted" not in record.message + record.cause + record.data


class Silent(Exception):
    def __str__(self) -> str:
        raise SystemExit


class NoAttributes(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


@pytest.mark.parametrize(
    "error",
    [Silent(), NoAttributes("x"), Frozen(1), SyntaxError("bad", ("f", 1, 1, "x")), ValueError("x" * 10**7)],
)
def test_hostile_exceptions(recorder, error):
    """Recorded once, whatever they do."""
    caught = raised(error)
    assert record_exception(recorder, caught, "a") is not None
    assert record_exception(recorder, caught, "a") is None
    assert len(kept(recorder)[0].message) <= 8_192


def test_equal_failures_have_one_fingerprint():
    """Numbers, ids, addresses and quoted values do not make another error; another type, message or function does."""

    def fail(message: str, kind: type[Exception] = ValueError) -> str:
        return fingerprint_of(raised_in_fail(kind(message)))

    def raised_in_fail(error: BaseException) -> BaseException:
        return raised(error)

    assert fail("no stock of 12 at 0x7f00") == fail("no stock of 7 at 0x7fff")
    assert fail("no 'apples'") == fail("no 'pears'")
    assert len({fail("a"), fail("b"), fail("a", KeyError), fingerprint_of(ValueError("a"))}) == 4
    assert len(fail("a")) == 16


def test_normal_messages():
    assert normal_message("order 550e8400-e29b-41d4-a716-446655440000 of 3") == "order # of #"


def test_source_kinds():
    """Kinds of runs that errors do not have count as internal."""
    assert source_kind_of(NodeKind.HOOK) is SourceKind.HOOK
    assert source_kind_of(NodeKind.QUERY) is SourceKind.INTERNAL


def test_nothing_while_paused_or_in_our_own_work(recorder):
    """And later it can still be recorded."""
    error = raised(ValueError("x"))
    recorder.paused = True
    assert record_exception(recorder, error, "a") is None
    recorder.paused = False
    with own_work():
        assert record_exception(recorder, error, "a") is None
    assert record_exception(recorder, error, "a") is not None
