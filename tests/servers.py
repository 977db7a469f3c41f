"""Real server processes for tests: started on a free port, asked over HTTP, ended."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

TOKEN = "t" * 43
ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0
DEADLINE = 30.0

_reserved: dict[int, socket.socket] = {}


def free_port() -> int:
    """A port of this test's own.

    On Linux it stays bound until `running` has ended: nobody else is given it, and a server, which binds with SO_REUSEADDR, may
    still listen on it.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    if sys.platform == "linux":
        _reserved[port] = probe
    else:
        probe.close()
    return port


def release_port(port: int) -> None:
    """Let go of a port that `free_port` keeps."""
    kept = _reserved.pop(port, None)
    if kept is not None:
        kept.close()


class Server:
    """One running process and how to ask it."""

    def __init__(
        self, command: list[str], port: int, mount: str, environment: dict[str, str], cwd: Path
    ) -> None:
        self.command = command
        self.port = port
        self.base = f"http://127.0.0.1:{port}"
        self.mount = mount
        self.ready = f"{mount}/health"
        self.log = cwd / f"server-{port}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": str(ROOT), "DEVTOOLS_TOKEN": TOKEN, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    def await_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.output}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.base}{self.ready}", timeout=DEADLINE).status_code == 200:
                    return
            time.sleep(0.02)
        raise AssertionError(f"the server does not answer:\n{self.output}")

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.base}{path}", timeout=DEADLINE, **options)

    def query(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask in GraphQL; the data, without errors."""
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        url = f"{self.base}{self.mount}/graphql"
        return httpx.post(url, json=body, headers=self.headers, timeout=DEADLINE).json()

    def await_that(self, query: str, holds: Any, **variables: Any) -> dict[str, Any]:
        """Ask until the answer is as wanted."""
        deadline = time.monotonic() + DEADLINE
        while True:
            data = self.query(query, **variables)
            if holds(data):
                return data
            assert time.monotonic() < deadline, data
            time.sleep(0.05)

    def end(self) -> None:
        """Leave nothing behind: neither it nor its workers."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)
        release_port(self.port)

    def await_output(self, text: str) -> None:
        """Wait until it has printed this."""
        self._await(lambda: text in self.output, text)

    def await_text(self, path: str, start: str) -> None:
        """Wait until the answer begins like this. A server that is being exchanged may refuse meanwhile."""
        self._await(lambda: self._text(path).startswith(start), start)

    def await_texts(self, path: str, count: int) -> set[str]:
        """Ask until there were so many different answers: every worker has answered."""
        found: set[str] = set()

        def ask() -> bool:
            found.add(self._text(path))
            return len(found - {""}) >= count

        self._await(ask, f"{count} answers")
        return found

    def _text(self, path: str) -> str:
        with contextlib.suppress(httpx.HTTPError):
            return self.get(path).text
        return ""

    def _await(self, holds: Any, wanted: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"{wanted!r} did not come:\n{self.output}"
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it by a signal; answers how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(DEADLINE)
        return time.monotonic() - began


@contextlib.contextmanager
def running(
    command: list[str],
    *,
    port: int,
    cwd: Path,
    mount: str = "/devtools",
    ready: str | None = None,
    **environment: str,
) -> Iterator[Server]:
    """A server that answers, ended at the end."""
    server = Server(command, port, mount, environment, cwd)
    try:
        if ready is not None:
            server.ready = ready
        server.await_ready()
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def toy(cwd: Path, *extra: str, port: int | None = None, **environment: str) -> Iterator[Server]:
    """The toy app under uvicorn."""
    port = port or free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.apps.toy:app", "--port", str(port), *extra]
    with running(command, port=port, cwd=cwd, **environment) as server:
        yield server


def our_threads() -> set[threading.Thread]:
    """The threads of devtools that run. Others come and go with what other tests let go of."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("devtools")}


def line_with(stream: httpx.Response, text: str) -> str:
    """The next line of a stream that has this in it. Its signs of life must not keep a test from ending."""
    until = time.monotonic() + DEADLINE
    for line in stream.iter_lines():
        if text in line:
            return line
        assert time.monotonic() < until, f"no {text!r} came"
    raise AssertionError(f"the stream ended without {text!r}")
