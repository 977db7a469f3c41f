"""How long real servers take to start after a kill and to end: the seconds that are promised, in the best of a few tries."""

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.promises import SHUTDOWN_SECONDS, START_AFTER_KILL_SECONDS, STREAMS_END_SECONDS, in_time
from tests.servers import DEADLINE, Server, free_port, running, toy
from tests.storage.conftest import Running

pytestmark = pytest.mark.slow
TOY = "tests.apps.toy:app"
COMMANDS = {
    "uvicorn": ["-m", "uvicorn", TOY],
    "uvicorn, two workers": ["-m", "uvicorn", TOY, "--workers", "2"],
    "uvicorn, reload": ["-m", "uvicorn", TOY, "--reload"],
    "run": ["-m", "devtools", "run", TOY],
    "run, two workers": ["-m", "devtools", "run", TOY, "--workers", "2"],
    "run, reload": ["-m", "devtools", "run", TOY, "--reload"],
    "serve": ["-m", "devtools", "serve"],
}
STARTED = "{ activeSnapshot { version } system { processes { id } } }"
RECORDS = "subscription { records { position } }"
TELLS_OF_TROUBLE = ("Traceback", "Cancel", "ERROR", "exceeded")


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/toy.db"


@contextmanager
def served(command: str, folder: Path, database: str) -> Iterator[Server]:
    """A server, started in one of the ways there are."""
    if command == "serve":
        Running(database).store.close()
    port = free_port()
    line = [sys.executable, *COMMANDS[command], "--port", str(port)]
    mount = "" if command == "serve" else "/devtools"
    with running(
        line, port=port, cwd=folder, mount=mount, TOY_DATABASE=database, DEVTOOLS_DATABASE=database
    ) as server:
        yield server


@contextmanager
def open_streams(server: Server) -> Iterator[None]:
    """A subscription over a WebSocket and one as an event stream."""
    url = f"{server.base}{server.mount}/graphql"
    accept = {**server.headers, "Accept": "text/event-stream"}
    with (
        connect(
            url.replace("http", "ws"),
            subprotocols=["graphql-transport-ws"],
            additional_headers=server.headers,
        ) as socket,
        httpx.stream("POST", url, json={"query": RECORDS}, headers=accept, timeout=DEADLINE) as stream,
    ):
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(DEADLINE))["type"] == "connection_ack"
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": RECORDS}}))
        assert stream.status_code == 200
        if "workers" not in " ".join(server.command):
            server.await_that("{ system { subscribers } }", lambda data: data["system"]["subscribers"] == 2)
        yield


def has_started(data: dict[str, Any], count: int) -> bool:
    """As many processes as there are have opened the file, and the structure is stored."""
    return data["activeSnapshot"] is not None and len(data["system"]["processes"]) >= count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.parametrize("command", COMMANDS)
def test_open_streams_do_not_keep_a_server_from_ending(
    tmp_path: Path, database: str, command: str, number: signal.Signals
) -> None:
    """In two seconds, by one signal, cleanly. Ctrl-C reaches every process of the terminal."""

    def end() -> float:
        with served(command, tmp_path, database) as server, open_streams(server):
            if number is signal.SIGINT:
                began = time.monotonic()
                os.killpg(server.process.pid, number)
                server.process.wait(DEADLINE)
                seconds = time.monotonic() - began
            else:
                seconds = server.stop()
        assert server.process.returncode in {0, -number}, server.output
        assert not [line for line in server.output.splitlines() if any(map(line.count, TELLS_OF_TROUBLE))]
        return seconds

    in_time(STREAMS_END_SECONDS, end)


@pytest.mark.parametrize("command", ["uvicorn", "uvicorn, two workers", "run, reload"])
def test_a_server_ends_in_time_while_its_file_is_locked(tmp_path: Path, database: str, command: str) -> None:
    """In five seconds, streams open, and it says how many records it could not store."""

    def end() -> float:
        with served(command, tmp_path, database) as server, open_streams(server):
            server.await_that(STARTED, partial(has_started, count=2 if "workers" in command else 1))
            other = sqlite3.connect(tmp_path / "toy.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            for number in range(20):
                server.get(f"/hello/{number}")
            seconds = server.stop()
            other.execute("ROLLBACK")
            other.close()
        assert "records could not be stored before the end" in server.output
        return seconds

    in_time(SHUTDOWN_SECONDS, end)


def test_the_start_after_a_kill_is_quick(tmp_path: Path, database: str) -> None:
    """Until it answers, in a second more than the same server without devtools takes at its quickest."""

    def seconds_to_start(**environment: str) -> float:
        began = time.monotonic()
        with toy(tmp_path, TOY_DATABASE=database, **environment) as server:
            seconds = time.monotonic() - began
            for number in range(100):
                server.get(f"/hello/{number}")
            server.kill()
        return seconds

    plain = min(seconds_to_start_without_devtools(tmp_path) for _ in range(3))
    seconds_to_start()
    in_time(START_AFTER_KILL_SECONDS, lambda: seconds_to_start() - plain)


def seconds_to_start_without_devtools(folder: Path) -> float:
    began = time.monotonic()
    port = free_port()
    line = [sys.executable, *COMMANDS["uvicorn"], "--port", str(port)]
    with running(line, port=port, cwd=folder, ready="/pid", DEVTOOLS_ENABLED="false"):
        return time.monotonic() - began
