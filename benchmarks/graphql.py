"""Bars 10 and 11: a list of runs with nine fields over HTTP, against Apollo Server on Node and against Strawberry's defaults.

Each server is a process of its own with one keep-alive connection; what is compared is the processor time of the process per
request, all threads counted. The answers are equal: Apollo serves what ours answered.
"""

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from benchmarks.graphql_apps import FIELDS, RUNS, TOKEN
from benchmarks.measure import Figure, micro, ratio
from benchmarks.serving import Server, free_port, one_core, uvicorn

APOLLO_LIMITS = {1: 1.0, 100: 0.75, 1_000: 0.35, 10_000: 0.20}
"""By number of records."""
STOCK_LIMITS = {1_000: 1 / 8}
ROUNDS = 9
ROUND_SECONDS = 0.15
"""About how long one server is asked before the next one is."""
WARM_REQUESTS, WARM_SECONDS = 3_000, 5.0
"""How often each server is asked before, and how long at most: V8 compiles what is called often, again and again. After 300 small
requests one still costs Apollo twice what it costs after 2,000."""
PEERS = Path(__file__).parent / "peers"
NODE = PEERS / "node_modules" / ".bin" / "node"
"""The Node.js that the bar names, from npm."""
PATHS = {"ours": "/devtools/graphql", "apollo": "/", "stock": "/"}


def measure() -> list[Figure]:
    if shutil.which("npm") is None:
        return [Figure("GraphQL over HTTP", "not measured: npm is missing", "", None)]
    with one_core(), ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        servers = {name: running.enter_context(_python(name)) for name in ("ours", "stock")}
        data = Path(folder) / "runs.json"
        data.write_bytes(msgspec.json.encode(_runs(_ask(servers, "ours", RUNS))))
        servers["apollo"] = running.enter_context(_apollo(data))
        return [figure for size in APOLLO_LIMITS for figure in _figures(servers, size)]


@contextmanager
def _python(variant: str) -> Iterator[Server]:
    server = uvicorn("benchmarks.graphql_apps:app", variant, free_port())
    try:
        yield server
    finally:
        server.close()


@contextmanager
def _apollo(data: Path) -> Iterator[Server]:
    subprocess.run(["npm", "ci", "--prefix", PEERS, "--no-audit", "--no-fund", "--silent"], check=True)
    port = free_port()
    command = [str(NODE), str(PEERS / "apollo.mjs"), str(data), str(port)]
    server = Server(command, port, NODE_ENV="production")
    try:
        yield server
    finally:
        server.close()


def _ask(servers: dict[str, Server], name: str, size: int) -> bytes:
    query = f"{{ live {{ runs(last: {size}) {{ {FIELDS} }} }} }}"
    body = msgspec.json.encode({"query": query})
    return servers[name].post(PATHS[name], body, Authorization=f"Bearer {TOKEN}", Accept="application/json")


def _runs(answer: bytes) -> object:
    return msgspec.json.decode(answer)["data"]["live"]["runs"]


def _figures(servers: dict[str, Server], size: int) -> list[Figure]:
    expected = _runs(_ask(servers, "ours", size))
    compared = [name for name in servers if name != "stock" or size in STOCK_LIMITS]
    counts: dict[str, int] = {}
    for name in compared:
        assert _runs(_ask(servers, name, size)) == expected, f"{name} answers otherwise"
        began = time.perf_counter()
        for _ in range(10):
            _ask(servers, name, size)
        counts[name] = max(3, int(ROUND_SECONDS / (time.perf_counter() - began) * 10))
        for _ in range(min(WARM_REQUESTS, int(counts[name] / ROUND_SECONDS * WARM_SECONDS))):
            _ask(servers, name, size)
    cost = _cost(servers, counts, size)
    figures = [_ratio("Apollo", size, cost["ours"], cost["apollo"], APOLLO_LIMITS[size])]
    if size in STOCK_LIMITS:
        figures.append(_ratio("Strawberry", size, cost["ours"], cost["stock"], STOCK_LIMITS[size]))
    return figures


def _cost(servers: dict[str, Server], counts: dict[str, int], size: int) -> dict[str, float]:
    """Processor seconds of a request: the median over rounds in which the servers take turns."""
    taken: dict[str, list[float]] = {name: [] for name in counts}
    for _ in range(ROUNDS):
        for name, count in counts.items():
            before = servers[name].cpu_seconds()
            for _ in range(count):
                _ask(servers, name, size)
            taken[name].append((servers[name].cpu_seconds() - before) / count)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _ratio(peer: str, size: int, ours: float, theirs: float, limit: float) -> Figure:
    work = f"GraphQL over HTTP, {size:,} runs, against {peer}"
    return ratio(work, ours / theirs, limit, f"{micro(ours)} against {micro(theirs)}")
