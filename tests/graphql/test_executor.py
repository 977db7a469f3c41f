"""One call runs a whole operation: what clients send wrong is theirs to know, what we do wrong is ours."""

import asyncio
import dataclasses
import logging
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.errors import UnavailableError
from devtools.graphql.answers import encode
from devtools.graphql.executor import execute, read, subscribe
from devtools.graphql.services import Request
from devtools.records import Level, Log
from tests.graphql.conftest import World

SECRET = "postgres password hunter2"


class Broken(RuntimeError):
    pass


def break_store(world: World, error: Exception) -> None:
    def status() -> Any:
        raise error

    world.store.status = status  # type: ignore[method-assign] # a store that fails


def test_an_unexpected_error_is_an_id_to_clients_and_a_line_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    break_store(world, Broken(SECRET))
    with caplog.at_level(logging.ERROR, "devtools"):
        answer = world.answer("{ system { version store { kind } } }")
    (error,) = answer["errors"]
    assert answer["data"] is None
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"] == ["system", "store"]
    assert "hunter2" not in str(answer)
    assert error["message"].startswith("Internal error")
    (line,) = [record for record in caplog.records if record.name == "devtools"]
    assert error["extensions"]["id"] in line.getMessage()
    assert line.exc_info is not None
    assert not [record for record in caplog.records if record.name != "devtools"]


def test_many_unexpected_errors_are_one_line_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        world.run()

    def processes() -> Any:
        raise Broken(SECRET)

    world.store.processes = processes  # type: ignore[method-assign] # a store that fails
    with caplog.at_level(logging.ERROR, "devtools"):
        answer = world.answer("{ live { runs { id app } } }")
    assert len(caplog.records) == 1
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"INTERNAL"}


def test_an_error_of_ours_keeps_its_message_and_code(world: World) -> None:
    break_store(world, UnavailableError("The database cannot be reached. Start it."))
    error = world.error("{ system { store { kind } } }")
    assert error["message"] == "The database cannot be reached. Start it."
    assert error["extensions"] == {"code": "UNAVAILABLE"}


def test_history_fails_alone_when_the_store_is_away(world: World) -> None:
    def await_own(timeout: float = 0.2) -> None:
        raise UnavailableError("The database cannot be reached.")

    world.store.await_own = await_own  # type: ignore[method-assign] # a store that fails
    world.log()
    assert world.error("{ history { logs { totalCount } } }")["extensions"]["code"] == "UNAVAILABLE"
    assert len(world.ask("{ live { logs { id } } }")["live"]["logs"]) == 1


def test_null_where_none_may_be_is_an_unexpected_error(world: World) -> None:
    damaged = Log(id=1, time_ns=1, level=Level.info, message=None)  # type: ignore[arg-type] # damaged
    world.recorder.rings.of(Log).append(damaged)
    error = world.error("{ live { logs { message } } }")
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"] == ["live", "logs", 0, "message"]
    assert world.ask("{ live { logs { id } } }")["live"]["logs"] == [{"id": "1"}]


REQUEST_ERRORS = [
    ("", "Syntax Error"),
    ("{", "Syntax Error"),
    ("{ nothing }", "Cannot query field 'nothing'"),
    ("{ live { logs(filter: {colour: 1}) { id } } }", "unknown field 'colour'"),
    ("{ live { logs(filter: {levels: [loud]}) { id } } }", "does not exist in 'LogLevelEnum'"),
    ("{ live { logs(last: 99999999999) { id } } }", "32-bit"),
    ("{ live { runs { id } } } { live { runs { id } } }", "anonymous operation must be the only"),
    ("query A { live { capacity } } query B { live { capacity } }", "Must provide operation name"),
    ("subscription { records { position } }", "needs a stream"),
    ("fragment F on Query { live { capacity } }", "never used"),
    ("type X { a: Int }", "not executable"),
    ("{ live { capacity } }\u0000", "Syntax Error"),
    ("{ live @defer { capacity } }", "Unknown directive"),
]


@pytest.mark.parametrize(("query", "message"), REQUEST_ERRORS)
def test_what_cannot_run_has_no_data_and_says_why(world: World, query: str, message: str) -> None:
    result = execute(world.request(), query)
    assert not result.executed
    assert result.body.startswith(b'{"errors":')
    error = world.answer(query)["errors"][0]
    assert message in error["message"]
    assert error["extensions"]["code"] == "VALIDATION_ERROR"


VARIABLES = [
    ("query($n: Int) { live { logs(last: $n) { id } } }", {"n": "two"}),
    ("query($n: Int) { live { logs(last: $n) { id } } }", {"n": 1.5}),
    ("query($n: Int) { live { logs(last: $n) { id } } }", {"n": 2**40}),
    ("query($n: Float) { live { logs(afterTimestamp: $n) { id } } }", {"n": "now"}),
    ("query($n: ID!) { task(id: $n) { id } }", {}),
    ("query($n: ID!) { task(id: $n) { id } }", {"n": None}),
    ("query($n: ID!) { task(id: $n) { id } }", {"n": {"a": 1}}),
    ("query($n: LogFilterInput) { live { logs(filter: $n) { id } } }", {"n": {"colour": "red"}}),
    ("query($n: LogFilterInput) { live { logs(filter: $n) { id } } }", {"n": {"levels": "LOUD"}}),
    ("query($n: LogFilterInput) { live { logs(filter: $n) { id } } }", {"n": [1, 2]}),
]


@pytest.mark.parametrize(("query", "variables"), VARIABLES)
def test_wrong_variables_are_named(world: World, query: str, variables: dict[str, Any]) -> None:
    answer = world.answer(query, **variables)
    assert "data" not in answer
    assert "$n" in answer["errors"][0]["message"]
    assert answer["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"


def test_the_operation_is_chosen_by_name(world: World) -> None:
    query = "query A { live { capacity } } query B { system { version } }"
    assert execute(world.request(), query, None, "B").body == b'{"data":{"system":{"version":"9.9"}}}'
    assert b"Unknown operation" in execute(world.request(), query, None, "C").body


@pytest.mark.parametrize("text", ["Grüße 🙂", "\u2028", '"\\', "a\tb", "日本語", "\x7f", "‮x"])
def test_text_of_every_language_comes_out_as_it_went_in(world: World, text: str) -> None:
    world.log(text)
    assert world.ask("{ live { logs { message } } }")["live"]["logs"] == [{"message": text}]
    assert world.ask(
        "query($t: String) { live { logs(filter: {messageIncludes: $t}) { message } } }", t=text
    )["live"]["logs"]


def test_what_the_fast_encoder_refuses_is_still_encoded() -> None:
    assert encode({"n": 2**70}) == b'{"n":1180591620717411303424}'
    assert encode({"s": "\ud800"}) == b'{"s":"\\ud800"}'


def test_our_own_work_is_not_recorded(world: World) -> None:
    break_store(world, Broken("x"))
    world.answer("{ system { store { kind } } }")
    assert world.recorder.rings.of(Log).snapshot() == []


def test_documents_are_remembered(world: World) -> None:
    read.cache_clear()
    for _ in range(3):
        world.ask("{ live { capacity } }")
    assert read.cache_info().hits == 2
    assert read.cache_info().maxsize is not None


def test_other_limits_read_a_document_anew(world: World) -> None:
    world.ask("{ live { capacity } }")
    world.limit(depth=1)
    assert world.error("{ live { capacity } }")["extensions"]["code"] == "LIMIT_EXCEEDED"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(alphabet='{}()[]:$!@"#.,&|=live logsqueryfragmont_0129 \n\\', max_size=60))
def test_no_query_breaks_anything(world: World, query: str) -> None:
    codes = {error["extensions"]["code"] for error in world.answer(query).get("errors", [])}
    assert codes <= {"VALIDATION_ERROR", "LIMIT_EXCEEDED"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=JSON_VALUES, last=JSON_VALUES, q=JSON_VALUES, after=JSON_VALUES)
def test_no_variables_break_anything(world: World, where: Any, last: Any, q: Any, after: Any) -> None:
    query = """query($where: RunFilterInput, $last: Int, $q: String, $after: String) {
        live { runs(last: $last, filter: $where) { id } } history { runs(q: $q, after: $after, filter: $where) { nodes { id } } }
    }"""
    world.run()
    answer = world.answer(query, where=where, last=last, q=q, after=after)
    codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
    assert codes <= {"VALIDATION_ERROR", "LIMIT_EXCEEDED"}


@pytest.mark.parametrize("by", ["execute", "subscribe"])
def test_what_an_operation_does_is_our_own_work(world: World, by: str) -> None:
    """Also what it has the app do: nothing of it is recorded as the app's."""

    def checked() -> None:
        world.recorder.log(Level.info, "checked")

    request = Request(dataclasses.replace(world.services, health=checked), "read")
    query = "{ live { healthReport { totals { resources } } } }"

    async def subscribed() -> list[bytes]:
        return [result async for result in subscribe(request, query)]

    found = execute(request, query).body if by == "execute" else asyncio.run(subscribed())[0]
    assert msgspec.json.decode(found) == {"data": {"live": {"healthReport": None}}}
    assert world.recorder.rings.of(Log).snapshot() == []
