"""Stores on real files, and a deadline in place of sleeping."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools import settings
from devtools.records import Level, Log
from devtools.storage.store import DatabaseStore
from devtools.storage.tables import Process
from devtools.telemetry.filters import EVERYTHING
from devtools.telemetry.pages import Order, PageRequest
from devtools.telemetry.recorder import Recorder


def resolved(database: object, **options: Any) -> settings.Resolved:
    return settings.load({"database": database, **options}, environment={})


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Poll until it holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def log(recorder: Recorder, message: str = "hello", **fields: Any) -> Log:
    """Record one line."""
    made = recorder.record(Log, level=Level.info, message=message, **fields)
    assert made is not None
    return made


class Running:
    """A store that writes what its recorder records."""

    def __init__(self, database: object, *, role: str = "main", capacity: int = 100, **options: Any) -> None:
        self.recorder = Recorder(capacity=capacity)
        self.store = DatabaseStore.open(resolved(database, **options))
        self.store.start(self.recorder, "shop", role, "1.0")

    def log(self, message: str = "hello", **fields: Any) -> Log:
        return log(self.recorder, message, **fields)

    def flush(self) -> bool:
        """Whether everything recorded was stored within the deadline of tests."""
        return self.store.flush(30)

    def messages(self, first: int = 1_000) -> list[str]:
        return messages(self.store, first)


def end(running: Running, key: int, **values: object) -> None:
    """Let the row of a process say that it was seen ten minutes ago."""
    values = {"last_seen_ns": time.time_ns() - 600_000_000_000, **values}
    with running.store.database.writing() as connection:
        connection.execute(Process.update(values).where(Process.id == key))


def messages(store: DatabaseStore, first: int = 1_000) -> list[str]:
    """The stored lines, oldest first."""

    page = store.history.page(Log, EVERYTHING, PageRequest(first, order=Order.OLDEST))
    return [record.message for record in page.records]


@pytest.fixture
def ended_pid() -> int:
    """The number of a process that is no more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(30)
    return child.pid


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "devtools.db"


@pytest.fixture
def run(file: Path) -> Iterator[Callable[..., Running]]:
    """Start a store on the test's file; all are closed at the end."""
    made: list[Running] = []

    def start(**options: Any) -> Running:
        made.append(Running(options.pop("database", file), **options))
        return made[-1]

    yield start
    for each in made:
        each.store.close()
