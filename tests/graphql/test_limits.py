"""Each limit exactly: at it fine, one more refused, with its name, its value and what to do."""

from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.graphql.conftest import World

EXAMPLES = Path(__file__).parents[2] / "devtools" / "server" / "examples"


def refused(world: World, query: str, name: str, **variables: Any) -> str:
    error = world.error(query, **variables)
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert f"limits.{name}" in error["message"]
    return error["message"]


def test_depth(world: World) -> None:
    inner = "id"
    for _ in range(10):
        inner = f"tags {{ {inner} }}"
    world.ask(f"{{ all {{ {inner} }} }}")
    assert "depth of 13" in refused(world, f"{{ all {{ tags {{ {inner} }} }} }}", "depth")


def test_depth_through_fragments(world: World) -> None:
    fragments = " ".join(f"fragment F{n} on Tag {{ tags {{ ...F{n + 1} }} }}" for n in range(9))
    fine = f"{{ all {{ tags {{ ...F0 }} }} }} {fragments} fragment F9 on Tag {{ id }}"
    world.ask(fine)
    refused(world, fine.replace("fragment F9 on Tag { id }", "fragment F9 on Tag { tags { id } }"), "depth")


def test_aliases(world: World) -> None:
    world.ask("{ live { " + " ".join(f"a{n}: capacity" for n in range(15)) + " } }")
    assert "16 aliases" in refused(
        world, "{ live { " + " ".join(f"a{n}: capacity" for n in range(16)) + " } }", "aliases"
    )


def test_aliases_count_as_often_as_a_fragment_is_used(world: World) -> None:
    fragment = "fragment F on Live { " + " ".join(f"a{n}: capacity" for n in range(8)) + " }"
    world.ask("{ live { ...F } }" + fragment)
    refused(world, "{ live { ...F ...F } }" + fragment, "aliases")


def test_a_bomb_of_fragments_is_counted_at_once(world: World) -> None:
    levels = " ".join(f"fragment F{n} on Live {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    refused(world, f"{{ live {{ ...F0 }} }} {levels} fragment F60 on Live {{ a: capacity }}", "aliases")


def test_tokens(world: World) -> None:
    def of(count: int) -> str:
        texts = '"a" ' * (count - 19)
        return "{ live { logs(filter: {correlationIds: [" + texts + "]}) { id } } }"

    world.ask(of(1_000))
    refused(world, of(1_001), "tokens")
    refused(world, "#\n" * 1_001 + "{ live { capacity } }", "tokens")


def test_characters(world: World) -> None:
    query = "{ live { capacity } }"
    world.ask(query + " " * (15_000 - len(query)))
    assert "15,001 characters" in refused(world, query + " " * (15_001 - len(query)), "query_characters")


def test_directives(world: World) -> None:
    def directed(count: int) -> str:
        return "{ live { " + " ".join(["capacity @include(if: true)"] * count) + " } }"

    world.ask(directed(50))
    refused(world, directed(51), "directives")


def test_root_fields(world: World) -> None:
    world.ask("{ " + "live { capacity } " * 20 + "}")
    refused(world, "{ " + "live { capacity } " * 21 + "}", "root_fields")
    refused(world, "{ ...F ...F } fragment F on Query { " + "live { capacity } " * 11 + "}", "root_fields")


@pytest.mark.parametrize("field", ["runs", "logs", "errors", "emissions"])
def test_pages(world: World, field: str) -> None:
    query = f"query($n: Int) {{ history {{ {field}(first: $n) {{ nodes {{ id }} }} }} }}"
    world.ask(query, n=1_000)
    refused(world, query, "page", n=1_001)


def test_live_lists(world: World) -> None:
    world.ask("{ live { logs(last: 10000) { id } } }")
    refused(world, "{ live { logs(last: 10001) { id } } }", "live")


def test_a_negative_page_is_refused(world: World) -> None:
    assert world.error("{ history { runs(first: -1) { totalCount } } }")["extensions"]["field"] == "first"


def cost(first: str, inner: str) -> str:
    logs = f"logs(first: {inner}) {{ nodes {{ id }} }}"
    declared = "".join(part for part in ("$n: Int = 1000 ", "$m: Int = 0") if part[:2] in {first, inner})
    return f"query{f'({declared})' if declared else ''} {{ history {{ runs(first: {first}) {{ nodes {{ id {logs} }} }} }} }}"


def test_cost_multiplies_what_stands_in_a_list(world: World) -> None:
    world.ask(cost("1000", "19"))
    assert "cost of 21,000" in refused(world, cost("1000", "20"), "cost")


def test_parts_of_records_fit_with_the_defaults(world: World) -> None:
    """Runs with their logs, errors and children; the answer itself is counted where it is longer than that."""
    parts = "{ id logs { nodes { id } } errors { nodes { id } } children { nodes { id } } }"
    lists = "logs { nodes { id } } errors { nodes { id } } emissions { nodes { id } }"
    world.ask(f"{{ live {{ runs {parts} logs {{ id }} errors {{ id }} emissions {{ id }} }} }}")
    world.ask(f"{{ history {{ runs {{ nodes {parts} }} {lists} }} }}")
    for number in range(60):
        world.run(run_id=number // 30 + 1)
        world.log(run_id=number // 30 + 1)
    world.limit(cost=500)
    answer = refused(world, "{ history { runs(first: 21) { nodes { logs { nodes { id } } } } } }", "cost")
    assert "an answer of" in answer


def test_cost_reads_variables_and_their_defaults(world: World) -> None:
    world.ask(cost("$n", "$m"))
    world.ask(cost("$n", "$m"), n=1_000, m=19)
    refused(world, cost("$n", "$m"), "cost", n=1_000, m=20)
    refused(world, cost("$n", "$m"), "cost", m=20)


def test_cost_counts_what_is_selected_of_a_page(world: World) -> None:
    world.limit(cost=100)
    world.ask("{ history { runs(first: 1000) { totalCount } } }")
    world.ask("{ history { runs(first: 100) { nodes { id } pageInfo { endCursor } } } }")
    refused(world, "{ history { runs(first: 51) { nodes { id } edges { cursor } } } }", "cost")


def test_cost_of_live_lists_is_what_memory_can_hold(world: World) -> None:
    world.limit(cost=200)
    world.ask("{ live { a: logs(last: 10000) { id } logs { id } } }")
    refused(world, "{ live { a: logs(last: 10000) { id } logs { id } runs(last: 1) { id } } }", "cost")


def test_cost_through_fragments(world: World) -> None:
    world.limit(cost=100)
    spread = (
        "fragment C on RunConnection {{ nodes {{ ...R }} }} "
        "fragment R on RunRecord {{ logs(first: {n}) {{ nodes {{ id }} }} }}"
    )
    world.ask("{ history { runs(first: 10) { ...C } } } " + spread.format(n=9))
    refused(world, "{ history { runs(first: 10) { ...C } } } " + spread.format(n=10), "cost")
    refused(
        world,
        "{ history { runs(first: 10) { ... on RunConnection { ...C } ...C } } } " + spread.format(n=9),
        "cost",
    )


def test_an_answer_is_stopped_when_it_has_too_many_objects(world: World) -> None:
    world.limit(cost=len(world.graph.structure.elements))
    world.ask("{ all { id } }")
    world.limit(cost=len(world.graph.structure.elements) - 1)
    answer = world.answer("{ all { id } }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


def test_texts_in_lists_are_no_objects(world: World) -> None:
    world.limit(cost=1)
    assert len(world.ask('{ event(id: "shop.order_placed") { listenedToBy } }')["event"]["listenedToBy"]) == 2


def test_an_operation_has_a_deadline(world: World) -> None:
    world.limit(deadline=-1.0)
    answer = world.answer("{ live { capacity } }")
    assert answer["data"] is None
    assert "limits.deadline" in answer["errors"][0]["message"]


def test_at_most_five_validation_errors(world: World) -> None:
    assert len(world.answer("{ " + " ".join(f"no{n}" for n in range(9)) + " }")["errors"]) == 5
    answer = world.answer(
        "query("
        + " ".join(f"$v{n}: Int!" for n in range(9))
        + ") { "
        + " ".join(f"a{n}: task(id: $v{n}) {{ id }}" for n in range(9))
        + " }"
    )
    assert len(answer["errors"]) == 5


CYCLES = [
    "{ ...A } fragment A on Query { ...A }",
    "{ ...A } fragment A on Query { live { capacity } ...B } fragment B on Query { ...A }",
    "{ ...A } fragment A on Query { history { runs { nodes { ...R } } } } fragment R on RunRecord { children { nodes { ...R } } }",
]


@pytest.mark.parametrize("query", CYCLES)
def test_a_cycle_of_fragments_is_a_mistake_of_the_client(world: World, query: str) -> None:
    error = world.answer(query)["errors"][0]
    assert "itself" in error["message"]
    assert error["extensions"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("brackets", ["{a", "[", "(", "{ a(x: [["])
def test_endless_nesting_is_refused(world: World, brackets: str) -> None:
    answer = world.answer(brackets * 600)
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] in {"LIMIT_EXCEEDED", "VALIDATION_ERROR"}


def test_introspection_fits(world: World) -> None:
    data = world.ask(get_introspection_query(descriptions=True, input_value_deprecation=True))
    assert {"RunRecord", "History"} <= {kind["name"] for kind in data["__schema"]["types"]}


def test_introspection_that_turns_in_circles_is_refused(world: World) -> None:
    inner = "name"
    for _ in range(5):
        inner = f"fields {{ type {{ {inner} }} }}"
    answer = world.answer(f"{{ __schema {{ types {{ {inner} }} }} }}")
    assert "data" not in answer


OVERVIEW = """query Overview($last: Int = 10) {
  tasks { id meta { title description } filePath dependsOn middleware inputSchemaReadable }
  hooks { id meta { title description } filePath dependsOn middleware events inputSchemaReadable }
  resources { id meta { title description } filePath dependsOn middleware configSchemaReadable }
  middlewares { id meta { title description } filePath configSchemaReadable }
  taskMiddlewares { id meta { title } filePath }
  resourceMiddlewares { id meta { title } filePath }
  events(filter: { hideSystem: true }) { id meta { title description } filePath payloadSchemaReadable emittedBy listenedToBy }
  diagnostics { severity code message nodeId nodeKind }
  live {
    logs(last: $last) { timestampMs level message correlationId }
    emissions(last: $last) { timestampMs eventId emitterId correlationId }
    errors(last: $last) { timestampMs sourceKind message correlationId }
    runs(last: $last) { timestampMs nodeId nodeKind ok correlationId }
  }
}"""


def test_the_overview_of_compatible_clients_fits(world: World) -> None:
    world.log()
    world.run()
    data = world.ask(OVERVIEW)
    assert data["tasks"]
    assert data["live"]["runs"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.graphql")), ids=lambda path: path.stem)
def test_the_examples_on_the_page_run(world: World, path: Path) -> None:
    world.log()
    world.run()
    text = path.read_text(encoding="utf-8")
    if text.lstrip("# \n").find("subscription") >= 0 and "subscription " in text:
        assert "needs a stream" in world.error(text)["message"]
    else:
        world.ask(text)
