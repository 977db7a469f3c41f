"""Health checks: what each answer means, and that none disturbs another."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from devtools.introspection.declarations import resource, task
from devtools.introspection.health import HealthEntry, check_health
from devtools.records import Run
from devtools.telemetry.recorder import Recorder


def health_of(check: Callable[[], Any], seconds: float = 30.0) -> HealthEntry:
    resource("shop.thing", health=check)
    [entry] = check_health(seconds)
    return entry


def raising() -> bool:
    raise ConnectionError("refused")


def leaving() -> bool:
    raise SystemExit(1)


async def well() -> bool:
    await asyncio.sleep(0)
    return True


async def ill() -> bool:
    await asyncio.sleep(0)
    raise ConnectionError("refused")


@pytest.mark.parametrize(
    ("check", "status", "message"),
    [
        (lambda: None, "healthy", None),
        (lambda: True, "healthy", None),
        (lambda: False, "unhealthy", "The check answered False."),
        (lambda: ("degraded", "slow"), "degraded", "slow"),
        (lambda: ("unhealthy", "gone"), "unhealthy", "gone"),
        (
            lambda: ("odd", "gone"),
            "unhealthy",
            "The check answered tuple, not True, False or (status, message).",
        ),
        (lambda: 7, "unhealthy", "The check answered int, not True, False or (status, message)."),
        (raising, "unhealthy", "refused"),
        (leaving, "unhealthy", "1"),
        (well, "healthy", None),
        (ill, "unhealthy", "refused"),
    ],
)
def test_what_an_answer_means(check: Callable[[], Any], status: str, message: str | None) -> None:
    assert health_of(check) == HealthEntry("shop.thing", status, message)  # type: ignore[arg-type] # from the table


def test_resources_without_a_check_are_not_in_the_report_and_the_others_stand_by_id() -> None:
    resource("shop.b", health=lambda: True)
    resource("shop.a", health=lambda: False)
    resource("shop.c")

    assert [(entry.id, entry.status) for entry in check_health()] == [
        ("shop.a", "unhealthy"),
        ("shop.b", "healthy"),
    ]


def test_a_check_that_does_not_answer_is_unhealthy_and_delays_no_other() -> None:
    release = threading.Event()
    resource("shop.stuck", health=lambda: release.wait(30))
    resource("shop.well", health=lambda: True)

    # On a machine with other work a check may start late; not every time.
    asked = (check_health(0.2) for _ in range(100))
    try:
        stuck, well = next(found for found in asked if found[1].status == "healthy")
    finally:
        release.set()

    assert (well.id, well.status) == ("shop.well", "healthy")
    assert (stuck.id, stuck.status) == ("shop.stuck", "unhealthy")
    assert stuck.message == "The check did not answer within 0.2 s."


def test_an_async_check_that_does_not_answer_is_cancelled() -> None:
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert health_of(forever, 0.1).status == "unhealthy"
    assert cancelled.wait(10)


async def test_checks_run_beside_the_loop_of_the_app() -> None:
    threads: list[threading.Thread] = []

    async def check() -> None:
        threads.append(threading.current_thread())

    assert health_of(check).status == "healthy"
    assert threads != [threading.current_thread()]


def test_what_a_check_does_is_our_own_work_and_leaves_no_runs(recorder: Recorder) -> None:
    ping = task(id="shop.ping")(lambda: True)

    assert health_of(ping).status == "healthy"
    assert recorder.rings.of(Run).snapshot() == []


def test_a_check_that_hangs_is_not_started_again():
    """A page asks every second: one stuck thread must stay one."""
    release = threading.Event()
    resource("health.stuck", health=lambda: release.wait(30))
    before = threading.active_count()
    for _ in range(4):
        (entry,) = check_health(0.01)
        assert entry.status == "unhealthy"
    assert threading.active_count() == before + 1
    release.set()
