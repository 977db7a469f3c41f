"""Behaviour under a version, over every store: the same answer as a scan of the runs."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from devtools import settings
from devtools.records import NodeKind, Run, RunStatus
from devtools.storage.behaviour import Behaviour
from devtools.storage.memory import MemoryStore
from devtools.storage.memory_snapshots import MemorySnapshots
from devtools.storage.store import DatabaseStore
from devtools.telemetry.recorder import Recorder

Ran = Callable[..., None]


class Subject:
    """A store of the app `shop` and a way to run something under a version."""

    def __init__(self, store: MemoryStore | DatabaseStore, recorder: Recorder) -> None:
        self.store, self.recorder = store, recorder
        self.version: int | None = 1
        store.snapshot_version = lambda: self.version

    def ran(self, node_id: str, *milliseconds: int, failed: bool = False, **fields: Any) -> None:
        for duration in milliseconds:
            self.recorder.record(
                Run,
                run_id=1,
                node_id=node_id,
                node_kind=NodeKind.TASK,
                name=node_id,
                duration_ns=duration * 1_000_000,
                status=RunStatus.error if failed else RunStatus.ok,
                ok=not failed,
                **fields,
            )

    def behaviour(self, version: int, *key: str | None) -> Mapping[str, Behaviour]:
        """Once all is stored, however slow the machine is."""
        if isinstance(self.store, DatabaseStore) and self.store.writer is not None:
            assert self.store.writer.flush(20, counts=True)
        return self.store.behaviour(version, *key)


@pytest.fixture(params=["memory", "sqlite", "sqlite in memory"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    recorder = Recorder(capacity=10_000)
    if request.param == "memory":
        yield Subject(MemoryStore(recorder, MemorySnapshots(), app="shop"), recorder)
        return
    url = "sqlite:///:memory:" if "memory" in request.param else f"sqlite:///{tmp_path}/behaviour.db"
    store = DatabaseStore.open(settings.load({"database": url}, environment={}))
    made = Subject(store, recorder)
    store.start(recorder, "shop", "main")
    yield made
    store.close()


def test_counts_errors_and_percentiles_of_every_element(subject: Subject) -> None:
    subject.ran("shop.buy", *range(1, 101))
    subject.ran("shop.buy", 200, failed=True)
    subject.ran("shop.sell", 5)
    found = subject.behaviour(1, "shop", "main")
    buy = found["shop.buy"]
    assert (buy.count, buy.errors, buy.p50_ms, buy.p95_ms, buy.exact) == (101, 1, 51.0, 96.0, True)
    assert buy.error_rate == pytest.approx(1 / 101)
    assert found["shop.sell"].count == 1


def test_what_was_cancelled_is_no_error(subject: Subject) -> None:
    subject.recorder.record(
        Run, run_id=1, node_id="x", node_kind=NodeKind.TASK, name="x", duration_ns=1, status=RunStatus.cancelled, ok=False
    )  # fmt: skip
    assert (
        subject.behaviour(1, "shop")["x"].count,
        subject.behaviour(1, "shop")["x"].errors,
    ) == (1, 0)


def test_versions_do_not_mix(subject: Subject) -> None:
    subject.ran("shop.buy", 1, 2, snapshot_version=1)
    subject.ran("shop.buy", 9, snapshot_version=2)
    assert subject.behaviour(1, "shop")["shop.buy"].count == 2
    assert subject.behaviour(2, "shop")["shop.buy"].p50_ms == 9.0
    assert subject.behaviour(3, "shop") == {}


def test_another_app_or_role_did_not_run_it(subject: Subject) -> None:
    subject.ran("shop.buy", 1)
    assert subject.behaviour(1, "mail") == {}
    assert subject.behaviour(1, "shop", "worker") == {}
    assert "shop.buy" in subject.behaviour(1, "shop", None)


def test_what_ran_before_the_app_was_described_belongs_to_no_version(subject: Subject) -> None:
    subject.version = None
    subject.ran("shop.buy", 1)
    assert subject.behaviour(1, "shop") == {}


def test_traffic_is_counted_from_the_beginning_of_an_hour(subject: Subject) -> None:
    """Of one app and role, over every version; what ran before is left out."""
    hour = 3_600_000_000_000
    for number, version in enumerate([1, 2, None]):
        subject.ran("shop.buy", 5, time_ns=(10 + number) * hour + 7, snapshot_version=version)
    subject.ran("shop.buy", 5, time_ns=11 * hour, failed=True)
    subject.ran("shop.old", 5, time_ns=11 * hour - 1)
    subject.behaviour(1)
    found = subject.store.traffic(11 * hour + 123, "shop", "main")
    assert {node_id: (traffic.runs, traffic.errors) for node_id, traffic in found.items()} == {
        "shop.buy": (3, 1)
    }
    assert subject.store.traffic(11 * hour, "other", "main") == {}
