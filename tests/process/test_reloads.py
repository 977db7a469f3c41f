"""Fifty real reloads on one file: what serves at the end holds what the fifth held, and the file knows of no process too many."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from devtools import settings
from devtools.storage import processes
from devtools.storage.store import DatabaseStore
from tests.servers import Server, free_port, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/fd").exists(), reason="Threads and descriptors are read from /proc."
    ),
]

RELOADS = 50
EARLY = 5
SECONDS = 60.0
APP = """
import os

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{NUMBER} {os.getpid()}".encode()})

NUMBER = 0
"""
LISTED = "{ system { processes { id pid } store { healthy } structure { state } } }"
NANOSECONDS_PER_DAY = 86_400_000_000_000


class Held(NamedTuple):
    """What a process holds of the operating system."""

    threads: int
    descriptors: list[str]
    children: int


def held(pid: int) -> Held:
    """As /proc tells. Pipes, sockets and the like are told by their kind: their numbers differ."""
    proc = Path(f"/proc/{pid}")
    names = sorted(str(entry.readlink()).partition(":[")[0] for entry in (proc / "fd").iterdir())
    children = sum(len(each.read_text().split()) for each in proc.glob("task/*/children"))
    return Held(len(list((proc / "task").iterdir())), names, children)


def settled(pids: list[int], wanted: list[Held] | None = None) -> list[Held]:
    """What the processes hold once it no longer changes; where something is wanted, once it is that, or time is over."""
    deadline = time.monotonic() + SECONDS / 4
    before: list[Held] = []
    while True:
        try:
            now = [held(pid) for pid in pids]
        except FileNotFoundError:  # a thread or descriptor that has just ended
            continue
        if now == (before if wanted is None else wanted) or time.monotonic() > deadline:
            return now
        before = now
        time.sleep(0.5)


def answered(server: Server, start: str) -> int:
    """The pid of the process whose answer begins like this, once there is one."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        text = server._text("/")
        if text.startswith(start):
            return int(text.removeprefix(start))
        time.sleep(0.02)
    raise AssertionError(server.output)


def listed(server: Server, holds: Callable[[set[int]], bool]) -> list[int]:
    """The pids in the list of processes, one a row, once it holds and the app has been looked at."""
    pids = lambda data: [process["pid"] for process in data["system"]["processes"]]  # noqa: E731
    live = lambda data: data["system"]["structure"]["state"] == "live"  # noqa: E731
    return pids(server.await_that(LISTED, lambda data: live(data) and holds(set(pids(data)))))


def test_fifty_reloads_leak_nothing(tmp_path: Path) -> None:
    """Neither threads nor descriptors nor children, in the reloader and in what it starts; one row for each that served."""
    source = tmp_path / "changing.py"
    source.write_text(APP)
    database = tmp_path / "kept.db"
    port = free_port()
    options = ["--reload", "--port", str(port), "--database", f"sqlite:///{database}"]
    command = [sys.executable, "-m", "devtools", "run", "changing:app", *options]
    with running(command, port=port, cwd=tmp_path) as server:
        pids = [answered(server, "0 ")]
        early: list[Held] = []
        for number in range(1, RELOADS + 1):
            source.write_text(APP.replace("NUMBER = 0", f"NUMBER = {number}"))
            pids.append(answered(server, f"{number} "))
            if number == EARLY:
                assert sorted(listed(server, set(pids).issubset)) == sorted(pids)
                early = settled([server.process.pid, pids[-1]])
        assert len(set(pids)) == len(pids)
        assert sorted(listed(server, set(pids).issubset)) == sorted(pids)
        assert settled([server.process.pid, pids[-1]], early) == early
        found = server.query("{ history { runs { totalCount } errors { totalCount } } }")["history"]
        assert (found["runs"]["totalCount"] >= len(pids), found["errors"]["totalCount"]) == (True, 0)
        server.query('mutation { clear(confirm: "clear") { kind removed } }')
        assert server.stop() < 5
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert rows_left(database) == [pids[-1]], (
        "a process is forgotten with the last record of it; the last one cleared the file"
    )


def rows_left(database: Path) -> list[int]:
    """The pids in the list of processes after the pass of housekeeping that comes a day later."""
    store = DatabaseStore.open(settings.load({"database": f"sqlite:///{database}"}, environment={}))
    try:
        processes.prune(store.database, time.time_ns() + NANOSECONDS_PER_DAY)
        return [process.pid for process in store.processes()]
    finally:
        store.close()
