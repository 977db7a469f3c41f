"""Links from records to elements, and on from there: however long the list, the database is asked as often."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devtools import settings as options
from devtools.graphql.executor import execute
from devtools.graphql.services import Request
from devtools.records import Emission, Error, NodeKind, Record, Run, RunStatus, SourceKind
from devtools.runtime import Runtime
from devtools.server.credentials import Credentials
from devtools.storage.insert import Insertions
from devtools.storage.store import DatabaseStore

QUERY = """query ($n: Int) { history {
    runs(first: $n) { nodes { app role nodeResolved { id tags { id } ... on Task { dependsOnResolved { resources { id } } } } } }
    emissions(first: $n) { nodes { eventResolved { id listenedToByResolved { id } } emitterResolved { id filePath } } }
    errors(first: $n) { nodes { sourceResolved { id ... on Task { emitsResolved { id emittedByResolved { id } } } } } }
} }"""


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    given = {"database": f"sqlite:///{tmp_path}/links.db", "token": "t" * 43}
    resolved = options.load(given, environment={}, directory=Path("/"))
    made = Runtime(resolved, Credentials.load(resolved.settings, persist=False))
    yield made
    made.close()


def records(number: int) -> list[Record]:
    node, ids = f"shop.task_{number}", {"id": number + 1, "time_ns": 10**18 + number}
    return [
        Run(
            **ids,
            run_id=number,
            node_id=node,
            node_kind=NodeKind.TASK,
            name=node,
            status=RunStatus.ok,
            ok=True,
            duration_ns=1,
        ),
        Emission(**ids, event_id=f"shop.event_{number}", emitter_id=node),
        Error(
            **ids, source_id=node, source_kind=SourceKind.TASK, type="shop.No", message="no", fingerprint="f"
        ),
    ]


def test_links_ask_the_database_no_more_often_for_more_records(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    store = runtime.store
    assert isinstance(store, DatabaseStore)
    insertions = Insertions(store.database.conflict_clause, store.database.max_parameters)
    with store.database.writing() as connection:
        insertions.store(connection, [record for number in range(60) for record in records(number)], None)

    def statements(first: int) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "peewee"):
            answer = msgspec.json.decode(execute(Request(runtime.services, "read"), QUERY, {"n": first}).body)
        assert "errors" not in answer
        assert len(answer["data"]["history"]["errors"]["nodes"]) == first
        asked = [record.msg for record in caplog.records if record.name == "peewee"]
        return [str(message[0]) for message in asked if "SELECT" in str(message[0])]

    statements(1)
    few, many = statements(2), statements(60)
    assert 0 < len(few) <= 4
    assert len(many) == len(few)
