"""Servers in processes of their own, one keep-alive connection to each, and what they use of the processor (Linux)."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def one_core() -> Generator[None]:
    """Keep this process, and the servers it starts meanwhile, on one core, where that can be said (Linux).

    On several the scheduler has a fast server share the core of its client and gives a slow one another, whose every wake
    is charged to it: a third of a small request, and one that only some variants pay.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def uvicorn(module: str, variant: str, port: int) -> "Server":
    """An app of a module under uvicorn with its fast extras; `variant` is told by BENCHMARK_APP."""
    command = [sys.executable, "-m", "uvicorn", module, "--port", str(port), "--no-access-log"]
    options = ["--loop", "uvloop", "--http", "httptools", "--log-level", "error"]
    return Server([*command, *options], port, BENCHMARK_APP=variant)


class Server:
    """One server and one connection to it."""

    def __init__(self, command: list[str], port: int, **environment: str) -> None:
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.port = port
        self.connection = self._connect()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                found = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.close()
                    raise
                time.sleep(0.05)
            else:
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return found

    def post(self, path: str, body: bytes, **headers: str) -> bytes:
        """Send one JSON body; its answer's body."""
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode()
        try:
            self.connection.sendall(head + b"\r\n\r\n" + body)
            return self._read()
        except ConnectionError:  # it was idle for longer than the server keeps it
            self.connection = self._connect()
            self.connection.sendall(head + b"\r\n\r\n" + body)
            return self._read()

    def _read(self) -> bytes:
        data = self._receive()
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, start = data.partition(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert found is not None, head
        assert head.startswith(b"HTTP/1.1 200"), head + start
        parts, missing = [start], int(found[1]) - len(start)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return b"".join(parts)

    def _receive(self) -> bytes:
        part = self.connection.recv(1 << 20)
        if not part:
            raise ConnectionError("The server closed the connection.")
        return part

    def cpu_seconds(self) -> float:
        """Processor time of all threads that it has now."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def close(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
        self.process.terminate()
        self.process.wait(10)
