"""Generators and other hard cases: whose run it is while their code runs, and whose between two values."""

import asyncio
import contextlib
import contextvars
import gc
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.introspection.instrumentation import instrument
from devtools.records import Error, NodeKind, Run, RunStatus
from devtools.telemetry import active, context
from devtools.telemetry.recorder import Recorder


def recorded(function: Any, identifier: str = "x") -> Any:
    return instrument(function, identifier, NodeKind.TASK)


def runs(recorder: Recorder) -> list[Run]:
    return recorder.rings.of(Run).snapshot()


def current() -> str | None:
    run = context.current.get()
    return run.node_id if run is not None else None


def count(seen: list[str | None]) -> Iterator[int]:
    for number in range(3):
        seen.append(current())
        yield number


async def count_async(seen: list[str | None]) -> AsyncIterator[int]:
    for number in range(3):
        seen.append(current())
        await asyncio.sleep(0)
        seen.append(current())
        yield number


def test_a_generator_does_not_leave_its_run_to_its_caller_between_values(recorder: Recorder) -> None:
    inside: list[str | None] = []

    outside = [current() for _ in recorded(count, "generator")(inside)]

    assert set(inside) == {"generator"}
    assert outside == [None, None, None]
    assert current() is None
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


async def test_an_async_generator_does_not_leave_its_run_to_its_caller_between_values(
    recorder: Recorder,
) -> None:
    inside: list[str | None] = []

    outside = [current() async for _ in recorded(count_async, "generator")(inside)]

    assert set(inside) == {"generator"}
    assert outside == [None, None, None]
    assert current() is None
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


def test_what_the_caller_does_between_values_is_not_below_the_generator(recorder: Recorder) -> None:
    work = recorded(lambda: None, "work")

    for _ in recorded(count, "generator")([]):
        work()

    by_node = {run.node_id: run for run in runs(recorder)}
    assert by_node["work"].parent_run_id is None
    assert by_node["work"].correlation_id != by_node["generator"].correlation_id


def test_two_generators_taken_in_turn_do_not_mix(recorder: Recorder) -> None:
    first: list[str | None] = []
    second: list[str | None] = []

    pairs = zip(recorded(count, "first")(first), recorded(count, "second")(second), strict=True)

    assert list(pairs) == [(0, 0), (1, 1), (2, 2)]
    assert (set(first), set(second), current()) == ({"first"}, {"second"}, None)
    assert {run.parent_run_id for run in runs(recorder)} == {None}


def test_a_generator_that_is_left_early_ends_cancelled_and_without_error(recorder: Recorder) -> None:
    closed: list[str | None] = []

    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(current())

    generator = recorded(numbers, "numbers")()
    assert next(generator) == 1
    generator.close()

    assert closed == ["numbers"]
    assert [run.status for run in runs(recorder)] == [RunStatus.cancelled]
    assert recorder.rings.of(Error).snapshot() == []
    assert current() is None


async def test_an_async_generator_that_is_left_early_ends_cancelled(recorder: Recorder) -> None:
    closed: list[str | None] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(current())

    async with contextlib.aclosing(recorded(numbers, "numbers")()) as generator:
        assert await anext(generator) == 1

    assert closed == ["numbers"]
    assert [run.status for run in runs(recorder)] == [RunStatus.cancelled]
    assert current() is None


def test_a_forgotten_generator_ends_its_run(recorder: Recorder) -> None:
    generator = recorded(count)([])
    next(generator)
    del generator
    gc.collect()

    assert [run.status for run in runs(recorder)] == [RunStatus.cancelled]
    assert recorder.running == {}


def echo() -> Generator[Any, Any, str]:
    received = []
    value = yield "start"
    while value != "stop":
        try:
            received.append(value)
            value = yield value
        except LookupError as error:
            value = f"caught {error}"
    return ",".join(map(str, received))


def drive(generator: Generator[Any, Any, str], script: list[Any]) -> list[Any]:
    """What a generator answers to a list of values sent and exceptions thrown."""
    answers: list[Any] = []
    try:
        answers.append(next(generator))
        for step in script:
            thrown = isinstance(step, Exception)
            answers.append(generator.throw(step) if thrown else generator.send(step))
    except StopIteration as stop:
        answers.append(("returned", stop.value))
    except Exception as error:
        answers.append(repr(error))
    generator.close()
    return answers


STEPS = st.one_of(
    st.integers(0, 3),
    st.none(),
    st.just("stop"),
    st.builds(LookupError, st.just("x")),
    st.builds(ValueError, st.just("y")),
)


@given(script=st.lists(STEPS, max_size=6))
def test_send_throw_and_return_reach_a_generator_as_if_it_were_not_decorated(script: list[Any]) -> None:
    active.recorder = Recorder(capacity=10)
    try:
        assert drive(recorded(echo)(), script) == drive(echo(), script)
        assert context.current.get() is None
    finally:
        active.recorder = None


async def echo_async() -> Any:
    value = yield "start"
    while value != "stop":
        try:
            value = yield value
        except LookupError as error:
            value = f"caught {error}"


async def drive_async(generator: Any, script: list[Any]) -> list[Any]:
    answers: list[Any] = []
    try:
        answers.append(await anext(generator))
        for step in script:
            thrown = isinstance(step, Exception)
            answers.append(await (generator.athrow(step) if thrown else generator.asend(step)))
    except StopAsyncIteration:
        answers.append("returned")
    except Exception as error:
        answers.append(repr(error))
    await generator.aclose()
    return answers


@given(script=st.lists(STEPS, max_size=6))
def test_asend_and_athrow_reach_an_async_generator_as_if_it_were_not_decorated(script: list[Any]) -> None:
    async def compare() -> None:
        assert await drive_async(recorded(echo_async)(), script) == await drive_async(echo_async(), script)
        assert context.current.get() is None

    active.recorder = Recorder(capacity=10)
    try:
        asyncio.run(compare())
    finally:
        active.recorder = None


def test_an_exception_thrown_into_a_context_manager_is_an_error_of_it_once(recorder: Recorder) -> None:
    @contextlib.contextmanager
    def connection() -> Iterator[None]:
        yield

    def inside() -> Iterator[None]:
        with connection():
            yield

    opened = contextlib.contextmanager(recorded(inside, "connection"))
    with pytest.raises(LookupError), opened():
        raise LookupError("gone")

    assert [run.status for run in runs(recorder)] == [RunStatus.error]
    assert [error.source_id for error in recorder.rings.of(Error).snapshot()] == ["connection"]


def test_a_generator_may_end_in_another_context_than_it_began_in(recorder: Recorder) -> None:
    generator = recorded(count)([])
    contextvars.copy_context().run(next, generator)

    assert contextvars.copy_context().run(list, generator) == [1, 2]
    assert current() is None
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


def test_a_generator_begun_without_devtools_goes_on_without(recorder: Recorder) -> None:
    active.recorder = None
    generator = recorded(count)([])
    next(generator)
    active.recorder = recorder

    assert list(generator) == [1, 2]
    assert runs(recorder) == []


def test_a_run_begun_with_devtools_ends_well_after_it_stopped(recorder: Recorder) -> None:
    def stop() -> str:
        active.recorder = None
        return "done"

    assert recorded(stop)() == "done"
    assert current() is None
    assert recorder.running == {}


def test_arguments_are_recorded_by_name_by_value_and_without_secrets(recorder: Recorder) -> None:
    def pay(card: dict[str, int], password: str, *more: int, note: str = "") -> None:
        card.clear()

    recorded(pay)({"cents": 3}, "hunter2", 4, note="hi")

    [run] = runs(recorder)
    assert run.input is not None
    assert '"card":{"cents":3}' in run.input
    assert '"note":"hi"' in run.input
    assert "hunter2" not in run.input


class Hostile:
    def __repr__(self) -> str:
        raise SystemExit("no")

    __str__ = __repr__


def test_arguments_and_results_that_cannot_be_shown_disturb_nobody(recorder: Recorder) -> None:
    hostile = Hostile()

    assert recorded(lambda value: value)(hostile) is hostile
    assert [run.status for run in runs(recorder)] == [RunStatus.ok]


def test_system_exit_passes_and_its_run_ends(recorder: Recorder) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        recorded(leave)()

    assert current() is None
    assert recorder.running == {}
    assert [run.ok for run in runs(recorder)] == [False]


def test_wrong_arguments_are_the_type_error_of_the_function_itself(recorder: Recorder) -> None:
    def pay(card: str) -> None: ...

    with pytest.raises(TypeError, match="pay"):
        recorded(pay)()

    assert [run.status for run in runs(recorder)] == [RunStatus.error]


async def test_a_sync_function_that_answers_a_coroutine_still_does(recorder: Recorder) -> None:
    async def inner() -> int:
        return 7

    def outer() -> Any:
        return inner()

    wrapped = recorded(outer)
    assert not inspect.iscoroutinefunction(wrapped)
    assert await wrapped() == 7


async def test_runs_reach_threads_of_the_executor(recorder: Recorder) -> None:
    work = recorded(lambda: None, "work")

    async def outer() -> None:
        await asyncio.to_thread(work)

    await recorded(outer, "outer")()

    inner, around = runs(recorder)
    assert (inner.node_id, inner.parent_run_id) == ("work", around.run_id)
