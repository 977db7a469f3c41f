"""Which operations are done where they are asked: those that wait for nothing, whatever was recorded."""

import pytest

from devtools.graphql.executor import is_known_brief, read
from devtools.settings import Limits
from tests.graphql.conftest import World

FIELDS = "__typename id nodeId nodeKind status durationMs correlationId parentRunId ok error"


@pytest.mark.parametrize(
    "query",
    [
        f"{{ live {{ runs(last: 20) {{ {FIELDS} }} }} }}",
        "query Newest { live { runs(last: 10) { id } all: logs(last: 5) { id message } } }",
        "{ live { errors(last: 1) { message stack } } again: live { emissions(last: 0) { payload } } }",
    ],
)
def test_a_few_of_the_newest_records_are_brief(world: World, query: str) -> None:
    world.log()
    assert not is_known_brief(query), "it was not read yet"
    world.ask(query)
    assert is_known_brief(query)


@pytest.mark.parametrize(
    "query",
    [
        "{ live { runs(last: 21) { id } } }",
        "{ live { runs(last: 20) { id } logs(last: 1) { id } } }",
        "{ live { runs { id } } }",
        '{ live { runs(last: 1, filter: { nodeIds: ["a"] }) { id } } }',
        "{ live { runs(last: 1, afterTimestamp: 1) { id } } }",
        "{ live { runs(last: 1) { children(first: 1) { totalCount } } } }",
        "{ live { runs(last: 1) { logs(first: 1) { nodes { id } } } } }",
        "{ live { runs(last: 1) { ...Run } } } fragment Run on RunRecord { id }",
        "{ live { runs(last: 1) { ... { id } } } }",
        "{ live { runs(last: 1) @include(if: true) { id } } }",
        "{ live { healthReport { totals { resources } } } }",
        "{ live { memory { rss } } }",
        "{ live { running { runId } } }",
        "{ live { runs(last: 1) { id } } system { version } }",
        "{ history { runs(first: 1) { nodes { id } } } }",
        "query A { live { runs(last: 1) { id } } } query B { live { runs(last: 1) { id } } }",
        "mutation { recording(paused: false) { recording } }",
        "{ __typename }",
    ],
)
def test_whatever_may_wait_is_not(world: World, query: str) -> None:
    """For the app, a filter, other records, or because it is long; and what is not a list of records is not looked into."""
    assert read(query, Limits()).errors == ()
    world.answer(query)
    assert not is_known_brief(query)


def test_with_variables_the_same_text_may_ask_for_any_number(world: World) -> None:
    query = "query($last: Int) { live { runs(last: $last) { id } } }"
    world.ask(query, last=1)
    assert not is_known_brief(query)


def test_what_was_refused_is_not_known(world: World) -> None:
    for query in ("{ live { runs(last: 1) { nothing } } }", "{ live { runs(last: 1) { id }"):
        assert "errors" in world.answer(query)
        assert not is_known_brief(query)
