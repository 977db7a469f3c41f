"""The executor reaches into graphql-core. Where that is another than it knows, the stock one answers, within the same limits."""

import gc
import logging
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import graphql
import pytest
from graphql.execution import Executor

from devtools.graphql import operation, resolving
from devtools.graphql.context import Context
from devtools.graphql.executor import execute, read
from devtools.records import Audit
from tests.graphql.conftest import World

QUERY = "{ live { runs { id name durationMs nodeResolved { id } } logs { message level } } history { runs { nodes { id } } } }"


@pytest.fixture
def world(world: World) -> World:
    for number in range(6):
        world.run(run_id=number + 1)
        world.log(f"log {number}")
    return world


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A later graphql-core."""
    monkeypatch.setattr(graphql, "version_info", (3, 4, 0, "final", 0))
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    operation.builder.cache_clear()
    read.cache_clear()


def test_this_version_is_known() -> None:
    assert operation.changed_internals() is None
    assert operation.builder()(*_arguments()).__class__ is operation.OperationExecutor


def _arguments() -> tuple[Any, ...]:
    return graphql.build_schema("type Query { a: Int }"), graphql.parse("{ a }")


def test_an_unknown_version_answers_the_same(
    world: World, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    known = execute(world.request(), QUERY).body
    request.getfixturevalue("unknown")
    with caplog.at_level(logging.WARNING, "devtools"):
        assert execute(world.request(), QUERY).body == known
        assert execute(world.request(), QUERY).body == known
    (line,) = caplog.records
    assert "is not known: lists in GraphQL answers take longer" in line.getMessage()
    assert operation.builder()(*_arguments()).__class__ is Executor


def test_an_operation_leaves_nothing_behind(world: World) -> None:
    """Neither garbage for the collector, nor anything that is kept with its document."""
    query = "{ live { runs { nodeId children(first: 1) { nodes { id } } } logs { message } } all { id ... on Task { emits } } }"
    for _ in range(3):
        execute(world.request(), query)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            execute(world.request(), query)
        assert gc.collect() < 50
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()


LISTS = " ".join(
    f"a{number}: logs {{ {name} b{number}: id }}"
    for number, name in enumerate(("message", "level", "sourceId", "data", "timestampMs", "correlationId"))
)
MANY_LISTS = f"{{ live {{ errors {{ type }} {LISTS} }} }}"


def test_threads_that_run_a_document_first_agree_on_what_it_selects(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is held between finding a selection and remembering it, until another has run the whole operation."""
    expected = execute(world.request(), f"{MANY_LISTS} # another document").body
    query, limits = MANY_LISTS, world.settings.limits
    read(query, limits).executor(Context(world.request()), {}, None)
    others_done, find = threading.Event(), operation.projection_of

    def held(kind: Any, selected: Any) -> Any:
        found = find(kind, selected)
        if threading.current_thread().name == "held":
            others_done.wait(20)
        return found

    monkeypatch.setattr(operation, "projection_of", held)
    bodies: list[bytes] = []
    run = partial(lambda: bodies.append(execute(world.request(), query).body))
    thread = threading.Thread(target=run, name="held")
    thread.start()
    run()
    others_done.set()
    thread.join(20)
    run()
    assert bodies == [expected] * 3


def test_threads_that_run_new_documents_together_answer_alike(world: World) -> None:
    """Many times, while the interpreter switches between them as often as it can."""
    expected = execute(world.request(), MANY_LISTS).body
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for number in range(60):
                asked = [f"{MANY_LISTS} # {number}"] * 4
                found = list(pool.map(lambda query: execute(world.request(), query).body, asked))
                assert found == [expected] * 4
    finally:
        sys.setswitchinterval(interval)


def test_an_operation_that_has_run_keeps_no_context(world: World) -> None:
    """Its document is remembered, and nothing of the request."""
    context = Context(world.request())
    left = weakref.ref(context)
    executor = read("{ history { runs { totalCount } } }", world.settings.limits).executor(context, {}, None)
    executor.execute_operation()
    del context, executor
    gc.collect()
    assert left() is None


@pytest.mark.usefixtures("unknown")
def test_an_unknown_version_keeps_the_limits(world: World) -> None:
    world.limit(cost=3)
    query = "{ tasks { id dependsOnResolved { resources { id } tasks { id } emitters { id } } } }"
    assert world.error(query)["extensions"]["code"] == "LIMIT_EXCEEDED"
    world.limit(deadline=0.0)
    assert "limits.deadline" in world.error("{ live { capacity } }")["message"]


@pytest.mark.parametrize("name", operation.INNER_METHODS)
def test_another_signature_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def another(self: Any, everything: Any) -> Any: ...

    monkeypatch.setattr(Executor, name, another)
    assert f"Executor.{name}" in str(operation.changed_internals())


def test_a_method_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Executor, "collect_subfields")
    assert "collect_subfields" in str(operation.changed_internals())


@pytest.mark.parametrize(
    ("owner", "name", "other"),
    [
        (resolving, "convert_arguments", lambda value: value),
        (resolving, "StrawberryResolver", object),
        (resolving.strawberry, "Info", type("Info", (), {})),
    ],
)
def test_another_strawberry_is_noticed(
    owner: Any, name: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, other)
    assert (operation.changed_internals() or "").endswith("of Strawberry is another")


@pytest.mark.usefixtures("unknown")
def test_an_unknown_version_writes_mutations_down(world: World) -> None:
    world.ask("mutation { recording(paused: false) { version } }")
    assert [entry.action for entry in world.recorder.rings.of(Audit).snapshot()] == ["recording"]
