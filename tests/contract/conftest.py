"""The stores that must all give the same answers. Another database is one more entry in `FACTORIES`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devtools import settings
from devtools.records import ALL, Audit, Record
from devtools.storage.insert import Insertions
from devtools.storage.store import DatabaseStore
from devtools.storage.tables import MODELS
from devtools.telemetry.pages import History
from devtools.telemetry.ring import Rings


@dataclass
class Subject:
    """A history and a way to give it content."""

    history: History
    fill: Callable[[Sequence[Record]], None]
    """Replace what is there by these records."""


@contextmanager
def ring(_: Path) -> Iterator[Subject]:
    rings = Rings(10_000)

    def fill(records: Sequence[Record]) -> None:
        for record_type in ALL:
            rings.of(record_type).clear()
        for record in records:
            rings.of(type(record)).append(record)

    yield Subject(rings, fill)


@contextmanager
def sqlite(folder: Path) -> Iterator[Subject]:
    with database(f"sqlite:///{folder}/contract.db") as subject:
        yield subject


@contextmanager
def sqlite_in_memory(_: Path) -> Iterator[Subject]:
    with database("sqlite:///:memory:") as subject:
        yield subject


@contextmanager
def database(url: str) -> Iterator[Subject]:
    store = DatabaseStore.open(settings.load({"database": url}, environment={}))
    insertions = Insertions(store.database.conflict_clause, store.database.max_parameters)

    def fill(records: Sequence[Record]) -> None:
        store.clear(None)
        with store.database.writing() as connection:
            connection.execute(MODELS[Audit].delete())  # which `clear` leaves alone
            assert insertions.store(connection, records, None) == len(records)

    yield Subject(store.history, fill)
    store.close()


Factory = Callable[[Path], AbstractContextManager[Subject]]
FACTORIES: dict[str, Factory] = {"ring": ring, "sqlite": sqlite, "sqlite in memory": sqlite_in_memory}


@pytest.fixture(scope="module", params=FACTORIES)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    with FACTORIES[request.param](tmp_path_factory.mktemp("contract")) as made:
        yield made
