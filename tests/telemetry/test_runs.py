"""Runs: nesting, outcome, correlation."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devtools.records import NodeKind, Run, RunStatus
from devtools.telemetry import active, context, runs
from devtools.telemetry.recorder import Recorder


def finished(run: runs.ActiveRun, **outcome: object) -> Run:
    """End a run and read its record."""
    runs.finish(run, **outcome)
    return run.recorder.rings.of(Run).snapshot()[-1]


def test_a_run_has_its_length_from_the_monotonic_clock(recorder, clocks):
    """A wall clock that jumps does not change a duration."""
    run = runs.start("app.task", NodeKind.TASK, "task")
    clocks.advance(ms=5)
    clocks.now -= 10**12
    record = finished(run)
    assert record.duration_ms == 5
    assert record.status is RunStatus.ok
    assert record.ok is True


def test_the_outermost_run_is_its_own_root_and_has_no_parent(recorder):
    """As in the peer: root is the node itself."""
    record = finished(runs.start("app.task", NodeKind.TASK, "task"))
    assert (record.parent_id, record.root_id, record.parent_run_id) == (None, "app.task", None)
    assert record.root_run_id == record.run_id


def test_a_nested_run_knows_parent_root_and_correlation(recorder):
    """Three levels: the parent is the middle one, the root the outer one, the correlation id one."""
    outer = runs.start("a", NodeKind.TASK, "a")
    middle = runs.start("b", NodeKind.TASK, "b")
    inner = finished(runs.start("c", NodeKind.HOOK, "c"))
    runs.finish(middle)
    runs.finish(outer)
    assert (inner.parent_id, inner.root_id) == ("b", "a")
    assert (inner.parent_run_id, inner.root_run_id) == (middle.run_id, outer.run_id)
    assert inner.correlation_id == outer.correlation_id
    assert context.current.get() is None


def test_what_runs_now_is_listed_until_it_ends(recorder):
    """`running` holds a run between start and finish."""
    run = runs.start("a", NodeKind.TASK, "a")
    assert list(recorder.running.values()) == [run]
    runs.finish(run)
    assert recorder.running == {}


@pytest.mark.parametrize(
    ("exception", "status", "error"),
    [
        (None, RunStatus.ok, None),
        (ValueError("no stock"), RunStatus.error, "no stock"),
        (ValueError(), RunStatus.error, "ValueError"),
        (asyncio.CancelledError(), RunStatus.cancelled, "CancelledError"),
    ],
)
def test_the_exception_decides_the_outcome(recorder, exception, status, error):
    """Cancellation is no error."""
    record = finished(runs.start("a", NodeKind.TASK, "a"), exception=exception)
    assert (record.status, record.error, record.ok) == (status, error, status is RunStatus.ok)


def test_an_exception_whose_text_raises_system_exit_is_described(recorder):
    """`except Exception` would let this one through."""

    class Hostile(Exception):
        def __str__(self) -> str:
            raise SystemExit(3)

    record = finished(runs.start("a", NodeKind.TASK, "a"), exception=Hostile())
    assert record.error == "<Hostile whose text cannot be made>"


def test_without_a_devtools_nothing_starts():
    """Decorated functions cost one look and make nothing."""
    assert active.recorder is None
    assert runs.start("a", NodeKind.TASK, "a") is None


def test_a_run_that_ends_in_another_context_harms_nobody(recorder):
    """A generator may be closed by code that runs elsewhere."""
    run = contextvars.copy_context().run(runs.start, "a", NodeKind.TASK, "a")
    record = finished(run)
    assert record.node_id == "a"
    assert context.current.get() is None


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=12))
def test_parallel_chains_never_mix(depths):
    """Every chain of nested runs, through gather and executor threads, keeps one correlation id of its own."""
    recorder = Recorder(capacity=1_000)
    active.recorder = recorder
    try:
        asyncio.run(_chains(depths))
    finally:
        active.recorder = None
    records = recorder.rings.of(Run).snapshot()
    by_chain: dict[str, set[str]] = {}
    for record in records:
        by_chain.setdefault(record.root_id, set()).add(record.correlation_id)
    assert all(len(ids) == 1 for ids in by_chain.values())
    assert len({next(iter(ids)) for ids in by_chain.values()}) == len(depths)


async def _chains(depths: list[int]) -> None:
    with ThreadPoolExecutor(2) as pool:
        await asyncio.gather(*(_chain(f"chain-{index}", depth, pool) for index, depth in enumerate(depths)))


async def _chain(name: str, depth: int, pool: ThreadPoolExecutor) -> None:
    run = runs.start(name, NodeKind.TASK, name)
    await asyncio.sleep(0)
    if depth % 2:
        carried = contextvars.copy_context()
        await asyncio.get_running_loop().run_in_executor(
            pool, lambda: carried.run(lambda: runs.finish(runs.start(f"{name}.thread", NodeKind.TASK, name)))
        )
    if depth:
        await _chain(f"{name}.{depth}", depth - 1, pool)
    runs.finish(run)
