"""Decorators: what they declare, that they leave a function as it was, and the runs they leave."""

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from devtools.errors import ValidationError
from devtools.introspection.declarations import (
    Handle,
    async_context,
    error,
    event,
    hook,
    resource,
    tag,
    task,
)
from devtools.introspection.elements import Element, ElementKind, MiddlewareUse, TagUse
from devtools.introspection.registry import declared_elements, id_of, registry
from devtools.records import Emission, Error, NodeKind, Run, RunStatus
from devtools.telemetry import context
from devtools.telemetry.recorder import Recorder


def found(identifier: str) -> Element:
    return {element.id: element for element in declared_elements()}[identifier]


def runs(recorder: Recorder) -> list[Run]:
    return recorder.rings.of(Run).snapshot()


def errors(recorder: Recorder) -> list[Error]:
    return recorder.rings.of(Error).snapshot()


# What is declared


def test_a_bare_task_is_named_after_its_function() -> None:
    @task
    def buy(item: str, count: int = 1) -> None:
        """Buy an item.

        Charges the card.
        """

    element = found(id_of(buy))
    assert element.kind is ElementKind.task
    assert element.id.startswith(f"{__name__}.")
    assert ".buy" in element.id
    assert (element.title, element.description) == ("Buy an item.", "Charges the card.")
    assert element.schema is not None
    assert '"required": ["item"]' in element.schema
    assert element.file_path == __file__
    assert element.line is not None


def test_a_task_says_everything_about_itself() -> None:
    placed = event("shop.placed")
    slow = tag("shop.slow")
    user = async_context("shop.user", ContextVar("user"))

    @resource(id="shop.database")
    class Database: ...

    @error
    class Declined(Exception): ...

    @task(
        id="shop.buy",
        title="Buy",
        description="Buys.",
        tags=[slow],
        emits=[placed],
        depends_on=[Database, "shop.other"],
        throws=[Declined],
        middleware=["shop.timing"],
        contexts=[user],
    )
    def buy() -> None: ...

    element = found("shop.buy")
    assert (element.title, element.description) == ("Buy", "Buys.")
    assert element.tags == (TagUse("shop.slow"),)
    assert element.emits == ("shop.placed",)
    assert element.depends_on == ("shop.database", "shop.other")
    assert element.throws == (id_of(Declined),)
    assert element.middleware == (MiddlewareUse("shop.timing", origin="declared"),)
    assert element.contexts == ("shop.user",)


def test_a_resource_is_declared_by_name_by_class_or_by_function() -> None:
    handle = resource("shop.config", config={"path": "a.db", "password": "hunter2"})

    @resource
    class Database:
        """The database."""

        def __init__(self, path: str) -> None: ...

    @resource(id="shop.cache", health=lambda: True, depends_on=[handle])
    def cache() -> dict[str, str]:
        return {}

    assert isinstance(handle, Handle)
    named = found("shop.config")
    assert named.file_path == __file__
    assert named.config is not None
    assert "hunter2" not in named.config
    declared = found(id_of(Database))
    assert (declared.title, declared.has_init) == ("The database.", True)
    made = found("shop.cache")
    assert (made.has_health_check, made.depends_on) == (True, ("shop.config",))
    assert registry.health_checks()["shop.cache"]() is True
    assert cache() == {}


def test_an_error_is_declared_by_class_or_by_name() -> None:
    @error
    class Declined(Exception):
        """The card was declined."""

    @error(id="shop.Gone", data=dict[str, int])
    class Gone(Exception): ...

    handle = error("shop.Lost", title="Lost")

    assert found(id_of(Declined)).title == "The card was declined."
    assert found("shop.Gone").schema is not None
    assert found(handle.id).title == "Lost"
    assert {found(name).kind for name in ("shop.Gone", "shop.Lost")} == {ElementKind.error}


def test_events_tags_and_contexts_know_where_they_are_declared() -> None:
    event("shop.placed", dict[str, int], title="Placed", tags=["shop.slow"])
    tag("shop.slow", {"ms": 50}, description="Slow things")
    async_context("shop.user", ContextVar("user"))

    placed, slow, user = found("shop.placed"), found("shop.slow"), found("shop.user")
    assert placed.schema is not None
    assert placed.tags == (TagUse("shop.slow"),)
    assert slow.config == '{"ms":50}'
    assert user.title == "user"
    assert {placed.file_path, slow.file_path, user.file_path} == {__file__}
    assert None not in {placed.line, slow.line, user.line}


def test_a_subclass_of_a_declared_class_is_not_that_element() -> None:
    @error(id="shop.Declined")
    class Declined(Exception): ...

    class Refused(Declined): ...

    assert id_of(Refused) != "shop.Declined"


def test_one_id_alone_stands_for_a_list_of_one() -> None:
    @task(id="shop.buy", depends_on="shop.database")
    def buy() -> None: ...

    assert found("shop.buy").depends_on == ("shop.database",)


def test_a_link_to_what_cannot_be_an_element_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ValidationError, match="Cannot link to 42"):
        task(depends_on=[42])(plain)


def test_a_hook_without_an_event_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs an event"):
        hook()


# Reload and override


def declare_in(module: str, identifier: str, title: str) -> None:
    def function() -> None: ...

    function.__module__ = module
    task(id=identifier, title=title)(function)


def test_a_hook_put_bare_on_a_function_is_refused_and_does_not_take_its_place() -> None:
    with pytest.raises(ValidationError, match=r"@hook\(event\)"):
        hook(lambda payload: payload)  # type: ignore[arg-type] # the mistake


def test_a_task_named_without_its_keyword_is_told_how() -> None:
    with pytest.raises(ValidationError, match=r"Write @task\(id='shop.pay'\)"):
        task("shop.pay")  # type: ignore[call-overload] # the mistake


def test_the_same_id_from_the_same_place_is_a_reload() -> None:
    declare_in("shop", "shop.buy", "first")
    declare_in("shop", "shop.buy", "second")

    [element] = declared_elements()
    assert (element.title, element.overrides) == ("second", ())


def test_the_same_id_from_another_place_is_an_override() -> None:
    declare_in("shop", "shop.buy", "first")
    declare_in("shop.testing", "shop.buy", "second")

    assert found("shop.buy").title == "second"
    assert found("shop.buy").overrides == ("shop.buy@shop",)
    assert found("shop.buy@shop").title == "first"


def test_reloading_both_places_does_not_pile_up_overrides() -> None:
    for _ in range(3):
        declare_in("shop", "shop.buy", "first")
        declare_in("shop.testing", "shop.buy", "second")

    identifiers = [element.id for element in declared_elements()]
    assert sorted(identifiers) == ["shop.buy", "shop.buy@shop"]
    assert found("shop.buy").overrides == ("shop.buy@shop",)


def test_an_event_of_the_same_name_from_another_file_is_an_override_named_without_its_folder() -> None:
    exec(compile('event("shop.placed")', "/home/ann/shop/events.py", "exec"), {"event": event})
    event("shop.placed")

    assert found("shop.placed").overrides == ("shop.placed@events",)


def test_every_declaration_moves_the_revision() -> None:
    before = registry.revision
    tag("shop.slow")
    assert registry.revision == before + 1


# A decorated function stays what it was


def plain(value: int, *, more: int = 0) -> int:
    """Add."""
    return value + more


async def coroutine(value: int, *, more: int = 0) -> int:
    """Add."""
    return value + more


def generator(value: int, *, more: int = 0) -> Iterator[int]:
    """Add."""
    yield value
    yield value + more


async def async_generator(value: int, *, more: int = 0) -> AsyncIterator[int]:
    """Add."""
    yield value
    yield value + more


FUNCTIONS = [plain, coroutine, generator, async_generator]
KINDS = [
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    inspect.isfunction,
]


@pytest.mark.parametrize("decorate", [task, task(id="x"), resource], ids=["bare", "named", "resource"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_decorated_function_keeps_its_kind_name_and_signature(function: Any, decorate: Any) -> None:
    wrapped = decorate(function)

    assert [kind(wrapped) for kind in KINDS] == [kind(function) for kind in KINDS]
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert (wrapped.__name__, wrapped.__doc__, wrapped.__module__) == (
        function.__name__,
        "Add.",
        __name__,
    )


async def call(function: Any) -> Any:
    answer = function(1, more=2)
    if inspect.isawaitable(answer):
        return await answer
    if inspect.isasyncgen(answer):
        return [value async for value in answer]
    return list(answer) if inspect.isgenerator(answer) else answer


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
async def test_without_devtools_a_decorated_function_does_what_it_did(function: Any) -> None:
    assert await call(task(function)) == await call(function)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
async def test_with_devtools_it_answers_the_same_and_leaves_one_run(
    function: Any, recorder: Recorder
) -> None:
    assert await call(task(id="shop.add")(function)) == await call(function)

    [run] = runs(recorder)
    assert (run.node_id, run.node_kind, run.name) == ("shop.add", NodeKind.TASK, function.__name__)
    assert (run.status, run.ok, run.input) == (RunStatus.ok, True, '{"value":1,"more":2}')
    assert context.current.get() is None
    assert recorder.running == {}


class Shop:
    @task(id="shop.buy")
    def buy(self, item: str) -> str:
        return item

    @task(id="shop.make")
    @classmethod
    def make(cls, item: str) -> type["Shop"]:
        return cls

    @task(id="shop.check")
    @staticmethod
    def check(item: str) -> bool:
        return True

    @classmethod
    @task(id="shop.inner")
    def inner(cls, item: str) -> type["Shop"]:
        return cls


def test_methods_keep_their_kind_and_leave_self_out_of_the_input(recorder: Recorder) -> None:
    assert Shop().buy("tea") == "tea"
    assert Shop.make("tea") is Shop
    assert Shop.check("tea") is True
    assert Shop.inner("tea") is Shop

    assert [(run.node_id, run.input) for run in runs(recorder)] == [
        (identifier, '{"item":"tea"}') for identifier in ("shop.buy", "shop.make", "shop.check", "shop.inner")
    ]


def test_a_decorated_context_manager_is_still_one(recorder: Recorder) -> None:
    @contextlib.contextmanager
    @resource(id="shop.connection")
    def connection() -> Iterator[str]:
        yield "open"

    with connection() as opened:
        assert opened == "open"
        assert context.current.get() is None

    assert [(run.node_id, run.status) for run in runs(recorder)] == [("shop.connection", RunStatus.ok)]


def test_what_is_no_plain_function_is_declared_and_left_alone() -> None:
    add_one = functools.partial(plain, more=1)

    assert task(id="shop.add")(add_one) is add_one
    assert found("shop.add").title == "Add."


# Runs


async def test_runs_nest_as_calls_do(recorder: Recorder) -> None:
    @task(id="shop.charge")
    def charge() -> None: ...

    @task(id="shop.buy")
    async def buy() -> None:
        await asyncio.sleep(0)
        charge()

    await buy()

    inner, outer = runs(recorder)
    assert (inner.node_id, inner.parent_id, inner.root_id) == ("shop.charge", "shop.buy", "shop.buy")
    assert (inner.parent_run_id, inner.root_run_id) == (outer.run_id, outer.run_id)
    assert (outer.parent_run_id, outer.parent_id, outer.root_run_id) == (None, None, outer.run_id)
    assert inner.correlation_id == outer.correlation_id


async def test_tasks_started_together_do_not_mix(recorder: Recorder) -> None:
    @task(id="shop.step")
    async def step(name: str) -> None:
        await asyncio.sleep(0)

    @task(id="shop.chain")
    async def chain(name: str) -> None:
        await step(name)
        await asyncio.gather(step(name), step(name))

    await asyncio.gather(*(chain(str(number)) for number in range(20)))

    finished = runs(recorder)
    chains = {run.run_id: run for run in finished if run.node_id == "shop.chain"}
    assert len(chains) == len({run.correlation_id for run in chains.values()}) == 20
    for run in finished:
        if run.node_id == "shop.step":
            assert run.parent_run_id is not None
            parent = chains[run.parent_run_id]
            assert (parent.input, parent.correlation_id) == (run.input, run.correlation_id)


def test_an_exception_passes_through_and_is_one_error_however_many_runs_it_passes(
    recorder: Recorder,
) -> None:
    @task(id="shop.charge")
    def charge() -> None:
        raise LookupError("no card")

    @task(id="shop.buy")
    def buy() -> None:
        charge()

    @resource(id="shop.till")
    def till() -> None:
        buy()

    with pytest.raises(LookupError, match="no card"):
        till()

    assert [(run.node_id, run.status, run.ok, run.error) for run in runs(recorder)] == [
        (identifier, RunStatus.error, False, "no card")
        for identifier in ("shop.charge", "shop.buy", "shop.till")
    ]
    [recorded] = errors(recorder)
    assert (recorded.source_id, recorded.message, recorded.run_id) == (
        "shop.charge",
        "no card",
        runs(recorder)[0].run_id,
    )


async def test_an_exception_in_every_kind_of_function_is_recorded(recorder: Recorder) -> None:
    @task(id="a")
    async def one() -> None:
        raise LookupError("a")

    @task(id="b")
    def two() -> Iterator[int]:
        yield 1
        raise LookupError("b")

    @task(id="c")
    async def three() -> AsyncIterator[int]:
        yield 1
        raise LookupError("c")

    with pytest.raises(LookupError):
        await one()
    with pytest.raises(LookupError):
        list(two())
    with pytest.raises(LookupError):
        [value async for value in three()]

    assert [(run.node_id, run.status) for run in runs(recorder)] == [
        (name, RunStatus.error) for name in "abc"
    ]
    assert [(recorded.source_id, recorded.message) for recorded in errors(recorder)] == [
        (name, name) for name in "abc"
    ]


async def test_cancellation_ends_a_run_and_is_no_error(recorder: Recorder) -> None:
    entered = asyncio.Event()

    @task(id="shop.wait")
    async def wait() -> None:
        entered.set()
        await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await entered.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    [run] = runs(recorder)
    assert (run.status, run.ok) == (RunStatus.cancelled, False)
    assert errors(recorder) == []


def test_our_own_work_leaves_no_runs(recorder: Recorder) -> None:
    with context.own_work():
        assert task(plain)(1) == 1

    assert runs(recorder) == []


def test_the_result_is_kept_as_output(recorder: Recorder) -> None:
    task(plain)(1, more=1)
    assert runs(recorder)[0].output == "2"


# Events


async def test_hooks_run_by_order_then_id_and_those_of_every_event_among_them(recorder: Recorder) -> None:
    placed = event("shop.placed")
    seen: list[tuple[str, object]] = []

    @hook("*", id="audit", order=1)
    def audit(payload: object) -> None:
        seen.append(("audit", payload))

    @hook(placed, id="b")
    async def second(payload: object) -> None:
        await asyncio.sleep(0)
        seen.append(("b", payload))

    @hook("shop.placed", "shop.other", id="a")
    def first(payload: object) -> None:
        seen.append(("a", payload))

    @hook("shop.other", id="other", order=-1)
    def other(payload: object) -> None:
        seen.append(("other", payload))

    await placed.emit({"id": 7})

    assert seen == [("a", {"id": 7}), ("b", {"id": 7}), ("audit", {"id": 7})]
    assert [(run.node_id, run.node_kind) for run in runs(recorder)] == [
        (name, NodeKind.HOOK) for name in ("a", "b", "audit")
    ]
    [emission] = recorder.rings.of(Emission).snapshot()
    assert (emission.event_id, emission.emitter_id, emission.payload) == ("shop.placed", None, '{"id":7}')


async def test_an_emission_names_the_run_that_emits_and_hooks_stand_below_it(recorder: Recorder) -> None:
    placed = event("shop.placed")

    @hook(placed, id="mail")
    def mail(payload: object) -> None: ...

    @task(id="shop.buy")
    async def buy() -> None:
        await placed.emit()

    await buy()

    mailed, bought = runs(recorder)
    [emission] = recorder.rings.of(Emission).snapshot()
    assert (emission.emitter_id, emission.run_id) == ("shop.buy", bought.run_id)
    assert emission.correlation_id == bought.correlation_id == mailed.correlation_id
    assert mailed.parent_run_id == bought.run_id


async def test_events_work_without_devtools() -> None:
    placed = event("shop.placed")
    seen: list[object] = []
    hook(placed)(seen.append)

    await placed.emit(1)
    placed.emit_sync(2)

    assert seen == [1, 2]


def test_emitting_from_sync_code_refuses_async_hooks_by_name_before_any_runs(recorder: Recorder) -> None:
    placed = event("shop.placed")
    seen: list[object] = []

    @hook(placed, id="first")
    def first(payload: object) -> None:
        seen.append(payload)

    @hook(placed, id="mail")
    async def mail(payload: object) -> None: ...

    with pytest.raises(ValidationError, match="mail must be awaited"):
        placed.emit_sync(1)

    assert seen == []
    assert recorder.rings.of(Emission).snapshot() == []


async def test_an_exception_in_a_hook_ends_the_emission_and_reaches_the_emitter(recorder: Recorder) -> None:
    placed = event("shop.placed")
    seen: list[object] = []

    @hook(placed, id="a")
    def first(payload: object) -> None:
        raise LookupError("no mail")

    hook(placed, id="b")(seen.append)

    with pytest.raises(LookupError, match="no mail"):
        await placed.emit()

    assert seen == []
    assert [(recorded.source_id, recorded.source_kind.name) for recorded in errors(recorder)] == [
        ("a", "HOOK")
    ]


def test_a_static_method_can_be_a_hook() -> None:
    placed = event("shop.placed")
    seen: list[object] = []

    class Mail:
        @hook(placed)
        @staticmethod
        def send(payload: object) -> None:
            seen.append(payload)

    placed.emit_sync(1)
    assert seen == [1]


def nothing() -> None: ...


def two(first: object, second: object) -> None: ...


def method(self: object, payload: object) -> None: ...


@pytest.mark.parametrize("function", [nothing, two, method, classmethod(plain)])
def test_what_an_emission_cannot_call_is_refused_where_it_is_declared(function: Any) -> None:
    with pytest.raises(ValidationError, match=r"Cannot hook .*the payload and nothing more"):
        hook("shop.placed")(function)


@pytest.mark.parametrize("function", [generator, async_generator], ids=lambda function: function.__name__)
def test_a_generator_cannot_be_a_hook_because_its_code_would_never_run(function: Any) -> None:
    with pytest.raises(ValidationError, match="would never run"):
        hook("shop.placed")(function)


def test_a_hook_that_turns_out_to_be_async_is_named_too() -> None:
    placed = event("shop.placed")

    async def later() -> None: ...

    hook(placed, id="mail")(lambda payload: later())

    with pytest.raises(ValidationError, match="mail must be awaited"):
        placed.emit_sync()
