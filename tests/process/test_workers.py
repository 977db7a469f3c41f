"""Several processes of one app on one file: each of them, and `devtools serve`, has the records of all, once each."""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from devtools.storage.lease import Lease
from tests.promises import LEASE_SECONDS, in_time
from tests.servers import Server, free_port, running, toy

pytestmark = pytest.mark.slow
SECONDS = 30.0
FOLLOWED_SECONDS = 0.15
"""Within which a record is in `live`, history and streams of every process."""
SAMPLES = 5
LIVE = "{ live { runs(last: %d) { httpPath } } }"
HISTORY = "{ history { runs(first: %d) { nodes { httpPath } } } }"
RUNS = """{ history { runs(first: 1000, filter: {nodeIds: ["GET /pid"]}) { nodes { id processId } } }
            live { runs(last: 1000, filter: {nodeIds: ["GET /pid"]}) { id processId } } }"""
SYSTEM = """{ system { processes { id pid } schema { leaseHolder } store { kind why }
              structure { state snapshotVersion } kinds { kind stored dropped } } }"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/toy.db"


@contextmanager
def served(tmp_path: Path, database: str) -> Iterator[Server]:
    """`devtools serve` on the same file."""
    port = free_port()
    command = [sys.executable, "-m", "devtools", "serve", "--database", database, "--port", str(port)]
    with running(command, port=port, cwd=tmp_path, mount="") as server:
        yield server


@contextmanager
def two_and_a_reader(tmp_path: Path, database: str) -> Iterator[list[Server]]:
    """Two servers of one app, which is what two workers are but each can be asked alone, and `devtools serve`."""
    with ExitStack() as stack:
        servers = [stack.enter_context(toy(tmp_path, TOY_DATABASE=database)) for _ in range(2)]
        yield [*servers, stack.enter_context(served(tmp_path, database))]


@contextmanager
def gunicorn(tmp_path: Path, app: str, *more: str, **environment: str) -> Iterator[Server]:
    """A master that forks two workers; with `--preload` it imports the app before."""
    port = free_port()
    options = [*more, "--workers", "2", "--worker-class", "uvicorn_worker.UvicornWorker"]
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{port}", app]
    with running(command, port=port, cwd=tmp_path, HOME=str(tmp_path), **environment) as server:
        yield server
        server.stop()


def ask_until(server: Server, processes: int) -> Counter[int]:
    """Ask until so many processes have answered; how often each did."""
    deadline = time.monotonic() + SECONDS
    answered = Counter[int]()
    while len(answered) < processes:
        assert time.monotonic() < deadline, (answered, server.output)
        answered[int(server.get("/pid").text)] += 1
    return answered


def recorded(server: Server, field: str, count: int) -> Counter[int]:
    """How many of these requests each process recorded, as `history` and `live` say."""
    data = server.await_that(RUNS, lambda data: len(data["live"]["runs"]) >= count)
    runs = data["live"]["runs"] if field == "live" else data["history"]["runs"]["nodes"]
    assert len({run["id"] for run in runs}) == len(runs)
    pid_of = {process["id"]: process["pid"] for process in server.query(SYSTEM)["system"]["processes"]}
    return Counter(pid_of[run["processId"]] for run in runs)


class Stream:
    """A subscription to runs, over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        query = "subscription { records(kinds: [RUN]) { records { ... on RunRecord { id httpPath } } gap { from } } }"
        self._socket = socket
        self.seen: list[tuple[str, str]] = []
        self._send({"type": "connection_init"})
        assert self._receive()["type"] == "connection_ack"
        self._send({"type": "subscribe", "id": "1", "payload": {"query": query}})

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.send(json.dumps(message))

    def _receive(self) -> dict[str, Any]:
        return json.loads(self._socket.recv(timeout=SECONDS))

    def await_path(self, path: str) -> float:
        """When a request to this path had come."""
        self.await_ids(path, 1)
        return time.monotonic()

    def await_ids(self, path: str, count: int) -> set[str]:
        """The ids of the first requests to this path."""
        while len(found := [identifier for identifier, each in self.seen if each == path]) < count:
            self._read()
        return set(found)

    def await_paths(self, count: int) -> list[str]:
        """The paths of so many requests."""
        while len(self.seen) < count:
            self._read()
        return [path for _, path in self.seen]

    def _read(self) -> None:
        batch = self._receive()["payload"]["data"]["records"]
        assert batch["gap"] is None
        self.seen += [(run["id"], run["httpPath"]) for run in batch["records"]]


@contextmanager
def stream(server: Server) -> Iterator[Stream]:
    url = f"{server.base}{server.mount}/graphql".replace("http", "ws")
    protocols: Any = ["graphql-transport-ws"]  # Any: a plain name is one
    with connect(url, subprotocols=protocols, additional_headers=server.headers) as socket:
        yield Stream(socket)


def test_every_process_has_the_records_of_all(tmp_path: Path, database: str) -> None:
    """In history, in live, and in the streams, of both apps and of `devtools serve`: once each, without a gap."""
    with two_and_a_reader(tmp_path, database) as servers, ExitStack() as stack:
        streams = [stack.enter_context(stream(server)) for server in servers]
        for server in servers:
            server.await_that("{ system { subscribers } }", lambda data: data["system"]["subscribers"] == 1)
        answered = Counter(int(servers[number % 2].get("/pid").text) for number in range(40))
        for server in servers:
            assert recorded(server, "history", 40) == recorded(server, "live", 40) == answered
        for following in streams:
            assert len(following.await_ids("/pid", 40)) == 40


def test_a_reader_answers_from_the_newest_active_structure(tmp_path: Path, database: str) -> None:
    """Whoever saved or activated it; an app keeps to what it is itself."""
    structure = "{ system { structure { state snapshotVersion } } tasks { id } }"
    version = lambda wanted: lambda data: data["system"]["structure"]["snapshotVersion"] == wanted  # noqa: E731
    routes = lambda data: sum("/version/" in task["id"] for task in data["tasks"])  # noqa: E731
    with toy(tmp_path, TOY_DATABASE=database) as first:
        first.await_that(structure, version(1))
        with served(tmp_path, database) as reader:
            assert routes(reader.await_that(structure, version(1))) == 0
            with toy(tmp_path, TOY_DATABASE=database, TOY_VERSION="3") as second:
                second.await_that(structure, version(2))
                assert routes(reader.await_that(structure, version(2))) == 3
                kept = first.query(structure)
                assert (kept["system"]["structure"]["state"], routes(kept)) == ("live", 0)
                second.query('mutation { activateSnapshot(version: 1, app: "toy") { version } }')
                assert routes(reader.await_that(structure, version(1))) == 0
                assert routes(second.query(structure)) == 3


def test_workers_that_are_spawned(tmp_path: Path, database: str) -> None:
    """`uvicorn --workers 2`: each records its own once; when the one that keeps house is killed, another does.

    Within five seconds, at the best of a few kills; uvicorn starts a worker for each that was killed.
    """
    with toy(tmp_path, "--workers", "2", TOY_DATABASE=database) as server:
        answered = ask_until(server, 2)
        for field in ("history", "live"):
            assert recorded(server, field, answered.total()) == answered
        before = server.query(SYSTEM)["system"]
        assert len(before["processes"]) == 2
        holder = int(before["schema"]["leaseHolder"].split(":")[1])
        assert holder in {process["pid"] for process in before["processes"]}
        lease = Lease(tmp_path / "toy.db.lock")
        in_time(LEASE_SECONDS, lambda: seconds_until_another_holds(lease))


def seconds_until_another_holds(lease: Lease) -> float:
    """Kill the one that holds it, and see at the lock itself when another does."""
    holder = await_holder(lease, besides=None)
    began = time.monotonic()
    os.kill(int(holder.split(":")[1]), signal.SIGKILL)
    await_holder(lease, besides=holder)
    return time.monotonic() - began


def await_holder(lease: Lease, *, besides: str | None) -> str:
    """`host:pid` of who holds it, another than this one."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = lease.holder()
        if found is not None and found != besides:
            return found
        time.sleep(0.1)  # who looks has the lock for a moment
    raise AssertionError(f"Nobody else holds {lease.path}.")


MADE = """
import os

async def application(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

def create_app():
    return application
"""


@pytest.mark.parametrize("entry", ["made:create_app()", "made:application"])
def test_workers_of_our_own_command(tmp_path: Path, database: str, entry: str) -> None:
    """`devtools run --workers 2 --app-dir`: a stream, `live` and `history` have the records of both, in time and once each."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "made.py").write_text(MADE)
    port = free_port()
    options = ["--app-dir", "src", "--workers", "2", "--database", database, "--port", str(port)]
    command = [sys.executable, "-m", "devtools", "run", entry, *options]
    with running(command, port=port, cwd=tmp_path) as server, stream(server) as following:
        server.await_that("{ system { subscribers } }", lambda data: data["system"]["subscribers"] == 1)
        answered = ask_until(server, 2)
        late = {
            "stream": lateness(server, "/stream", following.await_path),
            "live": lateness(server, "/live", lambda path: await_path(server, LIVE % 5, path)),
            "history": lateness(server, "/history", lambda path: await_path(server, HISTORY % 5, path)),
        }
        pids = {process["pid"] for process in server.query(SYSTEM)["system"]["processes"]}
        in_history = paths_of(server.query(HISTORY % 1000))
        assert Counter(in_history).most_common(2)[1][1] == 1, "all but /pid are asked for once"
        assert sorted(paths_of(server.query(LIVE % 1000))) == sorted(in_history)
        assert sorted(following.await_paths(len(in_history))) == sorted(in_history)
    assert pids == answered.keys()
    assert all(times.keys() == pids for times in late.values())
    # The middle one of several: a machine that does other work as well makes some of them late.
    assert max(median(each) for times in late.values() for each in times.values()) < FOLLOWED_SECONDS, late


def lateness(server: Server, prefix: str, await_record: Callable[[str], float]) -> dict[int, list[float]]:
    """Seconds from an answer until its record is there, by the process that answered, until each of two has answered often."""
    times: dict[int, list[float]] = {}
    deadline = time.monotonic() + 2 * SECONDS
    while len(times) < 2 or min(map(len, times.values())) < SAMPLES:
        path = f"{prefix}/{sum(map(len, times.values()))}"
        pid = int(server.get(path).text)
        answered = time.monotonic()
        times.setdefault(pid, []).append(await_record(path) - answered)
        assert answered < deadline, times
    return times


def await_path(server: Server, query: str, path: str) -> float:
    """When the question was asked to which a worker, whichever it was, knew of a request to this path."""
    deadline = time.monotonic() + SECONDS
    while (asked := time.monotonic()) < deadline:
        if path in paths_of(server.query(query)):
            return asked
    raise AssertionError(server.output)


def paths_of(data: dict[str, Any]) -> list[str]:
    """The paths of the requests in an answer."""
    runs = data["live"]["runs"] if "live" in data else data["history"]["runs"]["nodes"]
    return [run["httpPath"] for run in runs]


@pytest.mark.parametrize(
    "app", ["tests.apps.toy:app", "tests.apps.opened:app"], ids=["imported", "recording"]
)
def test_workers_that_are_forked(tmp_path: Path, database: str, app: str) -> None:
    """`gunicorn --preload`: each records its own once, also where the master records already; nothing hangs at the end."""
    with gunicorn(tmp_path, app, "--preload", TOY_DATABASE=database) as server:
        answered = ask_until(server, 2)
        for field in ("history", "live"):
            assert recorded(server, field, answered.total()) == answered
        system = server.query(SYSTEM)["system"]
        pids = [process["pid"] for process in system["processes"]]
        assert len(pids) == len(set(pids)) == (3 if "opened" in app else 2)
        assert sum(kind["dropped"] for kind in system["kinds"]) == 0
        logs = server.query('{ history { logs(q: "\\"in the master\\"") { totalCount } } }')
        assert logs["history"]["logs"]["totalCount"] == (1 if "opened" in app else 0)
    assert "could not be stored" not in server.output
    assert "WORKER TIMEOUT" not in server.output


def test_reloads_leave_no_process_behind(tmp_path: Path, database: str) -> None:
    """After each change one process serves; the ones before have ended, and what they recorded is there."""
    source = tmp_path / "changing.py"
    source.write_text("from tests.apps.toy import app\n")
    port = free_port()
    options = ["--reload", "--port", str(port), "--app-dir", str(tmp_path)]
    command = [sys.executable, "-m", "devtools", "run", "changing:app", *options]
    answered = Counter[int]()
    with running(command, port=port, cwd=tmp_path, TOY_DATABASE=database) as server:
        for number in range(4):
            answered[await_other_process(server, answered)] += 1
            source.write_text(f"from tests.apps.toy import app\nnumber = {number}\n")
        last = await_other_process(server, answered)
        assert recorded(server, "history", 5) == recorded(server, "live", 5) == answered + Counter([last])
        assert len(server.query(SYSTEM)["system"]["processes"]) == 5
        assert [pid for pid in answered if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_without_a_database_say_that_each_is_alone(tmp_path: Path) -> None:
    """The reason tells how many there are and what to set; one process says nothing of it."""
    with toy(tmp_path, "--workers", "2") as server:
        ask_until(server, 2)
        why = server.query(SYSTEM)["system"]["store"]["why"]
    assert why.startswith("no database is configured; 2 workers run")
    assert "set database" in why


def await_other_process(server: Server, known: Counter[int]) -> int:
    """The process that serves now, once it is none of these, from one more answer of it. Answers of the others are counted."""
    deadline = time.monotonic() + 2 * SECONDS
    while time.monotonic() < deadline:
        try:
            pid = int(server.get("/pid").text)
        except (httpx.HTTPError, ValueError):
            continue
        if pid not in known:
            return pid
        known[pid] += 1
    raise AssertionError(server.output)
