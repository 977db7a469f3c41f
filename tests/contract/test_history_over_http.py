"""The same random questions, asked in GraphQL over HTTP of a whole server, answered from memory and from a database."""

import asyncio
import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools import settings as options
from devtools.records import ALL, Emission, Error, Log, Record, Run, fields_of
from devtools.runtime import Runtime
from devtools.server.credentials import Credentials
from devtools.storage.insert import Insertions
from devtools.storage.store import DatabaseStore
from devtools.telemetry.filters import arguments_of, from_arguments, resolve_ids
from devtools.telemetry.pages import Order
from tests.strategies import arguments, histories, orders, scan

TOKEN = "t" * 43
LISTS: dict[type[Record], str] = {Run: "runs", Log: "logs", Error: "errors", Emission: "emissions"}
INPUTS: dict[type[Record], str] = {record_type: f"{record_type.__name__}FilterInput" for record_type in ALL}
INT32 = 2**31


class Served:
    """A runtime asked over HTTP, and a way to give it content."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def fill(self, records: list[Record]) -> None:
        rings = self.runtime.recorder.rings
        for record_type in ALL:
            rings.of(record_type).clear()
        store = self.runtime.store
        if isinstance(store, DatabaseStore):
            store.clear(None)
            insertions = Insertions(store.database.conflict_clause, store.database.max_parameters)
            with store.database.writing() as connection:
                insertions.store(connection, records, None)
        for record in records:
            rings.of(type(record)).append(record)

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        return asyncio.run(self._ask(query, variables))

    async def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        transport = httpx.ASGITransport(self.runtime.served, client=("127.0.0.1", 1))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            return (await client.post("/graphql", json={"query": query, "variables": variables})).json()


@pytest.fixture(scope="module", params=["ring", "sqlite"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    given = {"database": f"sqlite:///{folder}/served.db"} if request.param == "sqlite" else {}
    resolved = options.load({**given, "token": TOKEN}, environment={}, directory=Path("/"))
    runtime = Runtime(resolved, Credentials.load(resolved.settings, persist=False))
    yield Served(runtime)
    runtime.close()


def as_variable(value: Any) -> Any:
    if isinstance(value, list):
        return [as_variable(item) for item in value]
    return value.name if isinstance(value, enum.Enum) else value


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def expressible(record_type: type[Record], asked: dict[str, Any]) -> bool:
    """GraphQL's Int has 32 bits; what it cannot say is refused, and tested elsewhere."""
    whole = [
        name
        for name, argument in arguments_of(record_type).items()
        if argument.field and argument.field.type is int
    ]
    values = [value for name in whole if not name.endswith("_ms") for value in asked.get(name) or ()]
    return all(-INT32 <= value < INT32 for value in values)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(data=st.data())
def test_a_filter_over_http_finds_what_a_scan_finds(served: Served, data: st.DataObject) -> None:
    """Random records and arguments: ids, order and count over HTTP equal looking at every record."""
    record_type = data.draw(st.sampled_from(list(LISTS)))
    kept = data.draw(histories(record_type))
    asked = data.draw(arguments(record_type).filter(lambda asked: expressible(record_type, asked)))
    order: Order = data.draw(orders)
    served.fill(kept)
    name = LISTS[record_type]
    answer = served.ask(
        f"query ($filter: {INPUTS[record_type]}, $order: Order) {{ history {{ "
        f"{name}(filter: $filter, order: $order, first: 1000) {{ totalCount nodes {{ id }} }} }} }}",
        {"filter": {camel(key): as_variable(value) for key, value in asked.items()}, "order": order.name},
    )
    names = [field.name for field in fields_of(record_type) if field.column.suffix]
    ids = {getattr(record, each) for record in kept for each in names} - {None}
    query = resolve_ids(
        record_type,
        from_arguments(record_type, asked),
        lambda text: [known for known in ids if known == text or known.endswith(f".{text}")],
    )
    expected = [str(record.id) for record in scan(kept, query, order)]
    assert answer == {
        "data": {
            "history": {name: {"totalCount": len(expected), "nodes": [{"id": each} for each in expected]}}
        }
    }
