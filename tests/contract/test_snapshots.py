"""What every store of snapshots promises, over each of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from devtools.errors import ConflictError, NotFoundError
from devtools.records.snapshots import SnapshotRow
from devtools.storage import targets
from devtools.storage.lease import Lease
from devtools.storage.memory_snapshots import MemorySnapshots
from devtools.storage.snapshot_store import SnapshotStore
from devtools.storage.snapshots import DatabaseSnapshots

Open = Callable[[int], SnapshotStore]


def row(content: str, *, app: str = "shop", role: str = "main", at: int = 1) -> SnapshotRow:
    return SnapshotRow(
        app=app,
        role=role,
        created_ns=at,
        last_seen_ns=at,
        content_hash=content,
        python_version="3.13.0",
        element_count=1,
        content=f"{content} at {at}".encode(),
    )


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Makes an empty store that keeps so many versions."""
    with ExitStack() as opened:

        def make(max_snapshots: int = 10) -> SnapshotStore:
            if request.param == "memory":
                return MemorySnapshots(max_snapshots=max_snapshots)
            count = len(list(tmp_path.iterdir()))
            target = targets.parse(f"sqlite:///{tmp_path}/{count}/devtools.db")
            database = targets.driver(target)(target)
            lease = Lease(database.lock_path)
            database.open(lease, upgrade=True)
            opened.callback(database.close)
            opened.callback(lease.release)
            return DatabaseSnapshots(database, max_snapshots=max_snapshots)

        yield make


@pytest.fixture
def store(open_store: Open) -> SnapshotStore:
    return open_store(10)


def versions(store: SnapshotStore, app: str = "shop", role: str = "main") -> list[int]:
    return [kept.version for kept in store.list(app, role)]


def active_version(store: SnapshotStore) -> int | None:
    active = store.active("shop", "main")
    return None if active is None else active.version


def test_new_content_gets_the_next_version_and_is_active(store: SnapshotStore) -> None:
    assert [store.save(row(content)).version for content in "abc"] == [1, 2, 3]
    assert [(kept.version, kept.active) for kept in store.list("shop", "main")] == [
        (3, True),
        (2, False),
        (1, False),
    ]


def test_equal_content_activates_the_stored_version_and_moves_its_last_seen(store: SnapshotStore) -> None:
    store.save(row("a", at=1))
    store.label(1, "first")
    store.save(row("b", at=2))
    saved = store.save(row("a", at=3))
    assert (saved.version, saved.active, saved.created_ns, saved.last_seen_ns) == (1, True, 1, 3)
    assert (saved.label, saved.content) == ("first", b"a at 3")
    assert versions(store) == [2, 1]


def test_the_oldest_goes_beyond_the_limit_but_never_the_active_one(open_store: Open) -> None:
    store = open_store(3)
    for content in "abc":
        store.save(row(content))
    store.activate(1)
    store.save(row("d"))
    assert versions(store) == [4, 3, 2]
    store.activate(2)
    store.save(row("b"))
    store.save(row("e"))
    assert versions(store) == [5, 4, 3]


def test_a_listing_leaves_the_content_out(store: SnapshotStore) -> None:
    saved = store.save(row("a"))
    assert store.list("shop", "main") == [msgspec.structs.replace(saved, content=b"")]
    assert store.get(1, "shop", "main") == saved


@pytest.mark.parametrize("open_store", ["sqlite"], indirect=True)
def test_saving_reads_no_content_but_its_own(open_store: Open) -> None:
    """Others of megabytes would hold up every writer meanwhile. Memory has nothing to read."""
    store = open_store(3)
    assert isinstance(store, DatabaseSnapshots)
    for content in "abc":
        store.save(row(content))
    asked: list[str] = []
    with store.database.writing() as connection:
        connection.connection().set_trace_callback(asked.append)
    store.save(row("d"))
    reads = [sql for sql in asked if sql.startswith("SELECT") and '"content"' in sql]
    assert len(reads) == 1, reads
    assert reads[0].endswith("LIMIT 1")


def test_one_snapshot_kept_is_the_active_one(open_store: Open) -> None:
    store = open_store(1)
    for content in "abcab":
        saved = store.save(row(content))
        assert [kept.version for kept in store.list()] == [saved.version]
    assert active_version(store) == 5


def test_a_number_is_never_given_twice(open_store: Open) -> None:
    store = open_store(2)
    for content in "ab":
        store.save(row(content))
    store.activate(1)
    store.delete(2)
    assert store.save(row("c")).version == 3


def test_content_that_was_dropped_comes_back_as_a_new_version(open_store: Open) -> None:
    store = open_store(2)
    assert [store.save(row(content)).version for content in "abca"] == [1, 2, 3, 4]


def test_the_active_one_cannot_be_deleted(store: SnapshotStore) -> None:
    store.save(row("a"))
    with pytest.raises(ConflictError, match="active"):
        store.delete(1)
    assert versions(store) == [1]


@pytest.mark.parametrize("operation", ["delete", "activate", "label"])
def test_an_unknown_version_is_not_found(store: SnapshotStore, operation: str) -> None:
    store.save(row("a"))
    arguments = (7, "x") if operation == "label" else (7,)
    with pytest.raises(NotFoundError, match="7"):
        getattr(store, operation)(*arguments)
    assert active_version(store) == 1


def test_unknown_reads_are_none(store: SnapshotStore) -> None:
    assert (store.get(1), store.active(), list(store.list())) == (None, None, [])


def test_apps_and_roles_do_not_see_each_other(store: SnapshotStore) -> None:
    for app, role in (("shop", "main"), ("shop", "worker"), ("mail", "main")):
        saved = store.save(row("a", app=app, role=role))
        assert (saved.version, saved.active) == (1, True)
    store.save(row("b", role="worker"))
    assert (versions(store), versions(store, role="worker"), versions(store, app="mail")) == (
        [1],
        [2, 1],
        [1],
    )


def test_without_an_app_the_one_seen_last_answers(store: SnapshotStore) -> None:
    store.save(row("a", app="shop", at=5))
    store.save(row("b", app="mail", at=9))
    active = store.active()
    assert active is not None
    assert active.app == "mail"


def test_a_label_is_given_and_taken_away(store: SnapshotStore) -> None:
    store.save(row("a"))
    assert store.label(1, "before the refactoring").label == "before the refactoring"
    assert store.label(1, None).label is None


def test_what_was_saved_is_read_back_field_for_field(store: SnapshotStore) -> None:
    given = SnapshotRow(
        app="shop",
        role="main",
        created_ns=1_790_000_000_000_000_001,
        last_seen_ns=1_790_000_000_000_000_002,
        label="ä",
        content_hash="f" * 64,
        app_version="1.2",
        git_revision="abc",
        git_dirty=True,
        python_version="3.14.0",
        element_count=3,
        content=b'{"x":"\xc3\xa4"}' * 10_000,
    )
    saved = store.save(given)
    read = store.get(saved.version, "shop", "main")
    assert read == saved
    unlike = {name for name in SnapshotRow.__struct_fields__ if getattr(read, name) != getattr(given, name)}
    assert unlike == {"version", "active"}


def test_threads_that_save_at_once_end_with_one_active_and_no_more_than_allowed(open_store: Open) -> None:
    store = open_store(3)
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda number: store.save(row(f"content {number}")).version, range(24)))
    assert sorted(saved) == list(range(1, 25))
    kept = store.list("shop", "main")
    assert len(kept) == 3
    assert sum(one.active for one in kept) == 1


def test_one_from_elsewhere_is_the_next_version_and_not_active(store: SnapshotStore) -> None:
    store.save(row("a"))
    added = store.add(row("a", at=5))
    assert (added.version, added.active, added.created_ns) == (2, False, 5)
    assert active_version(store) == 1
    assert store.save(row("a", at=9)).version == 1


def test_ones_from_elsewhere_push_out_none(open_store: Open) -> None:
    store = open_store(3)
    store.save(row("a"))
    assert [store.add(row(content)).version for content in "bc"] == [2, 3]
    with pytest.raises(ConflictError, match="Delete one"):
        store.add(row("d"))
    assert (versions(store), active_version(store)) == ([3, 2, 1], 1)
    store.delete(2)
    assert store.add(row("d")).version == 4


def test_what_has_a_label_goes_after_what_has_none(open_store: Open) -> None:
    store = open_store(3)
    for content in "abc":
        store.save(row(content))
    store.label(1, "released")
    store.save(row("d"))
    assert versions(store) == [4, 3, 1]
    store.label(3, "released too")
    store.label(4, "released last")
    store.save(row("e"))
    assert versions(store) == [5, 4, 3]


class SnapshotMachine(RuleBasedStateMachine):
    """Any sequence of calls, against the simplest model of the promise."""

    make: Callable[[], SnapshotStore]
    LIMIT = 3

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make()
        self.contents: dict[int, str] = {}
        self.active: int | None = None
        self.last = 0
        self.labelled: set[int] = set()

    @rule(content=st.sampled_from("abcdef"))
    def save(self, content: str) -> None:
        version = next((number for number, kept in self.contents.items() if kept == content), None)
        if version is None:
            self.last += 1
            version = self.last
            self.contents[version] = content
        self.active = version
        while len(self.contents) > self.LIMIT:
            others = [number for number in self.contents if number != version]
            del self.contents[min(others, key=lambda number: (number in self.labelled, number))]
        assert self.store.save(row(content)).version == version

    @rule(content=st.sampled_from(["x", "y"]))
    def add(self, content: str) -> None:
        if len(self.contents) >= self.LIMIT:
            with pytest.raises(ConflictError):
                self.store.add(row(f"{content}{self.last}"))
            return
        self.last += 1
        self.contents[self.last] = f"{content}{self.last}"
        assert self.store.add(row(f"{content}{self.last}")).version == self.last

    @precondition(lambda self: self.contents)
    @rule(data=st.data(), label=st.sampled_from(["kept", None]))
    def label(self, data: st.DataObject, label: str | None) -> None:
        version = data.draw(st.sampled_from(sorted(self.contents)))
        assert self.store.label(version, label, "shop", "main").label == label
        (self.labelled.add if label else self.labelled.discard)(version)

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        self.active = data.draw(st.sampled_from(sorted(self.contents)))
        assert self.store.activate(self.active).active

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(sorted(self.contents)))
        if version == self.active:
            with pytest.raises(ConflictError):
                self.store.delete(version)
        else:
            self.store.delete(version)
            del self.contents[version]

    @invariant()
    def agrees(self) -> None:
        kept = self.store.list("shop", "main")
        assert [(one.version, one.content_hash) for one in kept] == sorted(
            self.contents.items(), reverse=True
        )
        assert [one.version for one in kept if one.active] == ([] if self.active is None else [self.active])
        assert active_version(self.store) == self.active


def test_any_sequence_of_calls_keeps_the_promise(open_store: Open) -> None:
    machine = type(
        "Machine", (SnapshotMachine,), {"make": staticmethod(lambda: open_store(SnapshotMachine.LIMIT))}
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
