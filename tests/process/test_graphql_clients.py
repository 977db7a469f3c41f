"""Clients of other projects, unmodified, on a real server: the audits of GraphQL over HTTP, `graphql-ws`, `graphql-sse`."""

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import node_client
from tests.promises import SHUTDOWN_SECONDS
from tests.servers import TOKEN, Server, toy

pytestmark = pytest.mark.slow
RECORDS = """subscription ($since: String, $q: String = "greeting") {
    records(kinds: [LOG], since: $since, q: $q) { position records { ... on LogEntry { message } } }
}"""
SUBSCRIBERS = "{ system { subscribers } }"
PROTOCOLS = ["ws", "ws-header", "sse"]
SECONDS = 30.0


class Client:
    """A running client and what its sink was told."""

    def __init__(self, server: Server, protocol: str, **asked: Any) -> None:
        operation: dict[str, Any] = {
            "protocol": protocol,
            "url": f"{server.base}{server.mount}/graphql",
            "token": TOKEN,
            "query": RECORDS,
            "variables": {},
        }
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.process = subprocess.Popen(
            [*node_client("subscribe.mjs"), json.dumps({**operation, **asked})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.reading = threading.Thread(target=self._read)
        self.reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                told = json.loads(line)
                self.events.put((told["event"], told["payload"]))

    def next(self, event: str) -> Any:
        """What is told next, which is this event."""
        told, payload = self.events.get(timeout=SECONDS)
        assert told == event, payload
        return payload

    def batch(self) -> Any:
        """The next batch of records."""
        found = self.next("next")
        assert "errors" not in found, found
        return found["data"]["records"]

    def unsubscribe(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(SECONDS) == 0

    def close(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        self.reading.join(SECONDS)
        assert self.process.stdin is not None
        self.process.stdin.close()


@contextlib.contextmanager
def following(server: Server, protocol: str, **asked: Any) -> Iterator[Client]:
    """A client that follows: what is recorded from now on comes."""
    before = server.query(SUBSCRIBERS)["system"]["subscribers"]
    client = Client(server, protocol, **asked)
    try:
        client.next("connected")
        server.await_that(SUBSCRIBERS, lambda data: data["system"]["subscribers"] == before + 1)
        yield client
    finally:
        client.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with toy(tmp_path_factory.mktemp("clients")) as server:
        yield server


def messages(batch: Any) -> list[str]:
    return [record["message"] for record in batch["records"]]


@pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
def test_every_audit_of_graphql_over_http_is_met(server: Server, path: str) -> None:
    """All 61 audits of the package `graphql-http`, the optional ones among them."""
    command = [*node_client("audit.mjs"), f"{server.base}{server.mount}{path}", TOKEN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS * 2)
    assert done.returncode == 0, done.stderr
    audits = json.loads(done.stdout)
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == 61


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_records_come_and_a_position_goes_on(server: Server, protocol: str) -> None:
    """What came while nobody followed comes first, once."""
    with following(server, protocol) as client:
        server.get("/hello/one")
        first = client.batch()
        assert messages(first) == ["greeting one"]
        client.unsubscribe()
    server.await_that(SUBSCRIBERS, lambda data: data["system"]["subscribers"] == 0)
    server.get("/hello/two")
    with following(server, protocol, variables={"since": first["position"]}) as client:
        assert messages(client.batch()) == ["greeting two"]
        server.get("/hello/three")
        assert messages(client.batch()) == ["greeting three"]
    server.await_that(SUBSCRIBERS, lambda data: data["system"]["subscribers"] == 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
def test_a_query_is_one_result_and_complete(server: Server, protocol: str, path: str) -> None:
    """On both spellings of the address, without a redirect."""
    url = f"{server.base}{server.mount}{path}"
    client = Client(server, protocol, url=url, query="{ system { recording } }")
    client.next("connected")
    assert client.next("next") == {"data": {"system": {"recording": True}}}
    client.next("complete")
    client.close()


MISTAKES = [
    ({"query": "subscription { records { nothing } }"}, "Cannot query field 'nothing'"),
    ({"query": "subscription {"}, "Syntax Error"),
    ({"variables": {"since": 7}}, "$since"),
    ({"variables": {"since": "nonsense"}}, "is not a position"),
    ({"variables": {"q": "level>="}}, "level"),
]


@pytest.mark.parametrize("protocol", ["ws", "sse"])
@pytest.mark.parametrize(("asked", "message"), MISTAKES)
def test_a_mistake_is_an_error_with_a_code(
    server: Server, protocol: str, asked: dict[str, Any], message: str
) -> None:
    """The socket has a message for it; a stream has one result without data."""
    client = Client(server, protocol, **asked)
    client.next("connected")
    errors = client.next("error") if protocol == "ws" else client.next("next")["errors"]
    assert message in errors[0]["message"]
    assert errors[0]["extensions"]["code"] == "VALIDATION_ERROR"
    client.close()


REFUSALS = [("ws", "code", 4401), ("ws-header", "code", 1006), ("sse", "status", 401)]


@pytest.mark.parametrize(("protocol", "name", "number"), REFUSALS)
def test_a_wrong_token_is_told(server: Server, protocol: str, name: str, number: int) -> None:
    """A token in `connection_init` closes the socket, one in a header opens none; the stream is a 401."""
    client = Client(server, protocol, token="x" * 43)
    told, payload = client.events.get(timeout=SECONDS)
    assert told == ("error" if protocol == "sse" else "closed")
    assert payload[name] == number
    client.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_clients_go_on_when_the_server_comes_back(tmp_path: Path, protocol: str) -> None:
    """A server that stops does not complete a subscription, so the client connects again by itself."""
    with toy(tmp_path) as server, following(server, protocol, retries=1_000) as client:
        assert server.stop() <= SHUTDOWN_SECONDS
        if protocol != "sse":
            # Ours, "going away"; or, where its own look at the signal came first, uvicorn's, "service restart".
            assert client.next("closed")["code"] in {1001, 1012}
        with toy(tmp_path, port=server.port) as again:
            while client.events.get(timeout=SECONDS)[0] != "connected":
                pass
            again.await_that(SUBSCRIBERS, lambda data: data["system"]["subscribers"] == 1)
            again.get("/hello/again")
            assert messages(client.batch()) == ["greeting again"]
