"""Housekeeping goes on whatever happens, and says so once."""

import logging
import resource
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.storage import housekeeping
from tests.storage.conftest import Running, wait_until

Start = Callable[..., Running]


@contextmanager
def no_more_files() -> Generator[None]:
    """Nothing can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_thread_lives_on_when_no_file_can_be_opened(run: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is shortened as soon as it can be, and the state is shown."""
    monkeypatch.setattr(housekeeping, "TICK_SECONDS", 0.05)
    running = run()
    keeping = running.store.housekeeping
    assert keeping is not None
    wait_until(lambda: running.store.lease.held)
    with no_more_files():
        for number in range(housekeeping.ROWS_PER_CHECKPOINT):
            running.log(str(number))
        wait_until(lambda: not running.store.status().healthy)
    assert "unable to open database file" in str(running.store.status().last_error)
    wait_until(lambda: keeping.checkpoints and running.store.status().healthy)


@contextmanager
def locked(file: Path) -> Generator[None]:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_what_is_put_off_again_and_again_is_said_once(
    run: Start, file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while other work succeeds in between; and once more when it goes on."""
    monkeypatch.setattr(housekeeping, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(housekeeping, "SEEN_SECONDS", 0.02)
    running = run()
    keeping = running.store.housekeeping
    assert keeping is not None
    with running.store.database.writing() as connection:
        connection.execute_sql("PRAGMA busy_timeout=10")
    with caplog.at_level(logging.WARNING, "devtools"), locked(file):
        errors: set[object] = set()
        wait_until(lambda: errors.add(keeping.failure) or len(errors) > 5)
    wait_until(lambda: running.store.status().healthy)
    assert sum("was put off" in line for line in caplog.messages) == 1
    assert sum("goes on again" in line for line in caplog.messages) == 1
