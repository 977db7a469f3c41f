"""CPU added to one request behind uvicorn, against what OpenTelemetry's ASGI instrumentation adds."""

import operator
import os
import re
import socket
import statistics
import subprocess
import sys
import time

from benchmarks.apps import VARIANTS
from benchmarks.measure import Figure, micro, ratio
from benchmarks.serving import one_core

REQUESTS = 500
ROUNDS = 9
"""In one generation of servers: the machine's speed drifts, and only what was measured within one round is compared."""
GENERATIONS = 5
"""Servers that do the same are not equally fast: where their memory lies is drawn anew at each start."""
LIMIT = 0.12
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Server:
    """One variant in a process of its own, and one keep-alive connection to it."""

    def __init__(self, variant: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "benchmarks.apps:app",
            "--port",
            str(self.port),
            "--no-access-log",
        ]
        environment = {**os.environ, "BENCHMARK_APP": variant}
        self.process = subprocess.Popen(
            [*command, "--loop", "uvloop", "--http", "httptools", "--log-level", "error"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.connection = self._connect()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=10)
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def get(self, path: str, count: int = 1) -> bytes:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\ntraceparent: {TRACEPARENT}\r\n\r\n"
        raw = request.encode()
        answer = b""
        for _ in range(count):
            self.connection.sendall(raw)
            answer = self._read()
        return answer

    def _read(self) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.connection.recv(65_536)
            if not part:
                raise ConnectionError("The server closed the connection.")
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head)
        assert found is not None
        while len(body) < int(found[1]):
            body += self.connection.recv(65_536)
        return body

    def cpu_per_request(self) -> float:
        before = int(self.get("/cpu"))
        self.get("/", REQUESTS)
        return (int(self.get("/cpu")) - before) / REQUESTS / 1e9

    def close(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait(10)


def measure() -> list[Figure]:
    with one_core():
        generations = [added_by_one_generation() for _ in range(GENERATIONS)]
    added = {
        variant: statistics.median(generation[variant] for generation in generations) for variant in VARIANTS
    }
    otel = added["otel"]
    figures: list[Figure] = []
    for variant, work in (
        ("recorded", "request recorded, the layer alone"),
        ("mounted", "request recorded, mount()"),
    ):
        ours = added[variant]
        figures.append(ratio(work, ours / otel, LIMIT, f"{micro(ours)} against {micro(otel)}"))
    return figures


def added_by_one_generation() -> dict[str, float]:
    """CPU seconds that each variant adds to a request of the bare app."""
    servers = {variant: Server(variant) for variant in VARIANTS}
    try:
        taken: dict[str, list[float]] = {variant: [] for variant in servers}
        for server in servers.values():
            server.get("/", 300)
        for _ in range(ROUNDS):
            for variant, server in servers.items():
                taken[variant].append(server.cpu_per_request())
    finally:
        for server in servers.values():
            server.close()
    return {
        variant: statistics.median(map(operator.sub, seconds, taken["bare"]))
        for variant, seconds in taken.items()
    }
