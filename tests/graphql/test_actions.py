"""Running tasks and emitting events from GraphQL: off by default, checked against the declaration, written down."""

import asyncio
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from devtools import event, hook, task
from devtools.introspection import actions
from devtools.records import Audit, Emission, NodeKind, Run
from devtools.telemetry import active

from .conftest import World

INVOKE = """mutation($id: ID!, $input: String, $pure: Boolean) {
    invokeTask(taskId: $id, inputJson: $input, pure: $pure) { success error taskId result executionTimeMs invocationId }
}"""
EMIT = """mutation($id: ID!, $input: String) {
    invokeEvent(eventId: $id, inputJson: $input) { success error executionTimeMs invocationId }
}"""


class Order(BaseModel):
    sku: str
    count: int = 1


placed = event("actions.placed", payload=Order)
anything = event("actions.anything")


@task(id="actions.price")
def price(sku: str, on: date, count: int = 1) -> dict[str, Any]:
    return {"sku": sku, "on": on.isoformat(), "total": count * 5, "thread": threading.current_thread().name}


@task(id="actions.order")
async def take_order(order: Order) -> int:
    await placed.emit(order)
    return order.count


@task(id="actions.endless")
async def endless() -> None:
    await asyncio.Event().wait()


ENDINGS: dict[str, type[BaseException]] = {
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "GeneratorExit": GeneratorExit,
}


@task(id="actions.fails_now")
def fails_now(how: str) -> None:
    raise ENDINGS[how]


gate = threading.Event()


@task(id="actions.hangs")
def hangs() -> None:
    gate.wait(120)


@task(id="actions.sleeps")
def sleeps(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@task(id="actions.fails")
async def fails(how: str) -> None:
    if how in ENDINGS:
        raise ENDINGS[how]
    raise LookupError(f"no {how}")


@task(id="actions.steps")
def steps() -> Iterator[int]:
    yield 1


class Shop:
    @task(id="actions.method")
    def method(self) -> None: ...


@hook(placed, id="actions.on_placed")
async def on_placed(order: Order) -> None:
    assert isinstance(order, Order)


@pytest.fixture
def app(world: World) -> Iterator[World]:
    """A world whose app runs here, with both switches on."""
    world.settings = dataclasses.replace(world.settings, invoke_tasks=True, invoke_events=True)
    active.recorder = world.recorder
    yield world
    active.recorder = None


@pytest.fixture
def loop(app: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.AbstractEventLoop]:
    """The app's own event loop, in a thread of its own."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, name="the app's loop")
    thread.start()
    monkeypatch.setattr(app, "loop", running)
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join(10)
    running.close()


def invoke(world: World, identifier: str, pure: bool = False, **arguments: Any) -> dict[str, Any]:
    return world.ask(INVOKE, id=identifier, input=json.dumps(arguments), pure=pure)["invokeTask"]


@pytest.mark.parametrize(("query", "switch"), [(INVOKE, "invoke_tasks"), (EMIT, "invoke_events")])
def test_actions_are_off_until_their_own_switch_is_on(world: World, query: str, switch: str) -> None:
    """Each has its own switch, and the refusal names it."""
    error = world.error(query, id="actions.price")
    assert error["extensions"]["code"] == "FEATURE_DISABLED"
    assert switch in error["message"]
    other = {"invoke_tasks": "invoke_events", "invoke_events": "invoke_tasks"}[switch]
    world.settings = dataclasses.replace(world.settings, **{other: True})
    assert world.error(query, id="actions.price")["extensions"]["code"] == "FEATURE_DISABLED"


def test_a_reader_may_run_nothing(app: World) -> None:
    error = app.error(INVOKE, "read", id="actions.price")
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert app.recorder.rings.of(Audit).snapshot() == []


def test_without_the_app_an_action_is_unavailable(app: World) -> None:
    active.recorder = None
    assert app.error(INVOKE, id="actions.price")["extensions"]["code"] == "UNAVAILABLE"


def test_a_task_gets_its_arguments_as_its_hints_say(app: World) -> None:
    found = invoke(app, "actions.price", sku="tea", on="2026-01-31", count=3)
    assert (found["success"], found["error"], found["taskId"]) == (True, None, "actions.price")
    assert json.loads(found["result"]) | {"thread": ""} == {
        "sku": "tea",
        "on": "2026-01-31",
        "total": 15,
        "thread": "",
    }
    assert found["executionTimeMs"] >= 0


def test_what_a_task_did_is_found_by_the_invocation_id(app: World, loop: object) -> None:
    """The invocation id is the correlation id: of the run, the emission, the hook, and the audit entry."""
    found = invoke(app, "actions.order", order={"sku": "tea", "count": 2})
    assert found["result"] == "2"
    app.recorder.settle()
    runs = [
        run for run in app.recorder.rings.of(Run).snapshot() if run.correlation_id == found["invocationId"]
    ]
    assert [(run.node_id, run.node_kind) for run in runs] == [
        ("actions.on_placed", NodeKind.HOOK),
        ("actions.order", NodeKind.TASK),
        ("invokeTask actions.order", NodeKind.CALL),
    ]
    (emission,) = app.recorder.rings.of(Emission).snapshot()
    (entry,) = app.recorder.rings.of(Audit).snapshot()
    assert emission.correlation_id == entry.correlation_id == found["invocationId"]


def test_async_tasks_run_on_the_loop_of_the_app(app: World, loop: asyncio.AbstractEventLoop) -> None:
    seen: list[object] = []

    @task(id="actions.where")
    async def where() -> None:
        seen.append(asyncio.get_running_loop())

    assert invoke(app, "actions.where")["success"]
    assert seen == [loop]


def test_a_pure_call_leaves_no_run_of_the_task(app: World) -> None:
    invoke(app, "actions.price", pure=True, sku="tea", on="2026-01-31")
    app.recorder.settle()
    assert [run.node_id for run in app.recorder.rings.of(Run).snapshot()] == ["invokeTask actions.price"]


def test_what_a_task_raises_is_the_answer(app: World, loop: object) -> None:
    found = invoke(app, "actions.fails", how="stock")
    assert (found["success"], found["result"]) == (False, None)
    assert "no stock" in found["error"]


@pytest.mark.parametrize("with_loop", [True, False])
@pytest.mark.parametrize("identifier", ["actions.fails", "actions.fails_now"])
@pytest.mark.parametrize("how", ENDINGS)
def test_what_ends_a_process_ends_only_the_call(
    app: World, loop: asyncio.AbstractEventLoop, how: str, identifier: str, with_loop: bool
) -> None:
    """Sync and async, on the app's loop and without one: the app goes on, and no run is left open."""
    app.loop = loop if with_loop else None
    found = invoke(app, identifier, how=how)
    assert found["success"] is False
    assert how in found["error"]
    assert loop.is_running()
    assert app.recorder.running == {}


def test_sync_tasks_that_hang_leave_room_for_questions(app: World) -> None:
    """Each is waited for as long as there is time, in a thread of its own; too many are refused."""
    app.limit(deadline=0.1)
    gate.clear()
    with ThreadPoolExecutor(actions.INVOKED_AT_ONCE) as callers:
        calls = [
            callers.submit(app.error, INVOKE, id="actions.hangs") for _ in range(actions.INVOKED_AT_ONCE)
        ]
    for error in [call.result() for call in calls]:
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert "goes on in its thread" in error["message"]
    assert "run already" in app.error(INVOKE, id="actions.sleeps", input='{"seconds": 0}')["message"]
    gate.set()
    deadline = time.monotonic() + 60
    while app.answer(INVOKE, id="actions.sleeps", input='{"seconds": 0}').get("errors"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_task_that_was_done_late_is_answered_as_done(app: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within what a cancellation may take: nobody runs it twice because the answer was lost."""
    monkeypatch.setattr(actions, "CANCELLING_SECONDS", 60)
    app.limit(deadline=0.1)
    assert invoke(app, "actions.sleeps", seconds=0.2)["result"] == "slept"


def test_a_task_that_never_ends_is_cancelled_at_the_deadline(
    app: World, loop: asyncio.AbstractEventLoop
) -> None:
    app.limit(deadline=0.2)
    error = app.error(INVOKE, id="actions.endless")
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    deadline = time.monotonic() + 10
    while asyncio.all_tasks(loop) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert asyncio.all_tasks(loop) == set()


@pytest.mark.parametrize(
    ("identifier", "given", "code", "field"),
    [
        ("actions.nothing", "{}", "NOT_FOUND", None),
        ("actions.placed", "{}", "NOT_FOUND", None),
        ("actions.steps", "{}", "VALIDATION_ERROR", "taskId"),
        ("actions.method", "{}", "VALIDATION_ERROR", "taskId"),
        ("actions.price", "[1]", "VALIDATION_ERROR", "inputJson"),
        ("actions.price", "{", "VALIDATION_ERROR", "inputJson"),
        ("actions.price", '{"sku": "tea"}', "VALIDATION_ERROR", "inputJson"),
        ("actions.price", '{"sku": "tea", "on": "2026-01-31", "no": 1}', "VALIDATION_ERROR", "inputJson"),
        ("actions.price", '{"sku": 1, "on": "2026-01-31"}', "VALIDATION_ERROR", "inputJson.sku"),
        ("actions.price", '{"sku": "tea", "on": "soon"}', "VALIDATION_ERROR", "inputJson.on"),
        ("actions.order", '{"order": {"count": 1}}', "VALIDATION_ERROR", "inputJson.order"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(
    app: World, identifier: str, given: str, code: str, field: str | None
) -> None:
    error = app.error(INVOKE, id=identifier, input=given)
    assert error["extensions"]["code"] == code
    assert error["extensions"].get("field") == field
    app.recorder.settle()
    assert app.recorder.rings.of(Run).snapshot() == []


def test_an_event_is_emitted_with_its_payload(app: World, loop: object) -> None:
    found = app.ask(EMIT, id="actions.placed", input='{"sku": "tea"}')["invokeEvent"]
    assert found["success"], found["error"]
    app.recorder.settle()
    assert [run.node_id for run in app.recorder.rings.of(Run).snapshot()] == [
        "actions.on_placed",
        "invokeEvent actions.placed",
    ]
    error = app.error(EMIT, id="actions.placed", input='{"count": 1}')
    assert error["extensions"]["field"] == "inputJson"
    assert app.ask(EMIT, id="actions.anything")["invokeEvent"]["success"]


def test_code_is_never_evaluated(app: World) -> None:
    error = app.error('mutation { invokeTask(taskId: "actions.price", evalInput: true) { success } }')
    assert error["extensions"]["code"] == "FEATURE_DISABLED"


def test_every_mutation_leaves_an_entry_with_its_secrets_masked(app: World) -> None:
    """Who asked for what, newest first, also for what is refused for good."""
    app.ask("mutation { recording(paused: true) { recording } }")
    app.error('mutation { eval(code: "1") { success } }')
    app.error(INVOKE, id="actions.price", input='{"sku": "tea", "password": "hunter2"}')
    nodes = app.ask("{ audit { totalCount nodes { action actor target details client correlationId } } }")[
        "audit"
    ]["nodes"]
    assert [node["action"] for node in nodes] == ["invokeTask", "eval", "recording"]
    assert nodes[0]["target"] == "actions.price"
    assert "hunter2" not in json.dumps(nodes)
    assert json.loads(nodes[2]["details"]) == {"paused": True}
    found = app.ask('{ audit(filter: {actions: ["eval"]}) { totalCount } }')
    assert found["audit"]["totalCount"] == 1


def test_the_audit_is_not_cleared(app: World) -> None:
    app.ask("mutation { recording(paused: false) { recording } }")
    app.ask('mutation { clear(confirm: "clear") { kind } }')
    error = app.error('mutation { clear(kind: AUDIT, confirm: "clear") { kind } }')
    assert error["extensions"]["field"] == "kind"
    assert app.ask("{ audit { totalCount } }")["audit"]["totalCount"] == 3
