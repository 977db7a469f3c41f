"""Structures as stored versions: what counts as content, encoding, and what is restored at start."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.errors import DevToolsError
from devtools.introspection import snapshots
from devtools.introspection.declarations import task
from devtools.introspection.elements import (
    AppInfo,
    Element,
    ElementKind,
    MiddlewareUse,
    Route,
    Structure,
    TagUse,
    sort_elements,
)
from devtools.introspection.introspector import inspect_app
from devtools.introspection.snapshots import (
    DamagedSnapshotError,
    Snapshot,
    content_hash,
    decode,
    encode,
    restore,
    to_row,
)
from devtools.records.snapshots import SnapshotRow
from devtools.storage.memory_snapshots import MemorySnapshots

APP = AppInfo(name="shop", version="1.0", python_version="3.11.7", git_revision="a" * 40, git_dirty=False)
BARE = Element(id="GET /", kind=ElementKind.task)
STRUCTURE = Structure(app=APP, root_id="shop", elements=(BARE,), sdl="type Query { a: Int }", openapi="{}")


def with_element(**fields: Any) -> Structure:
    return msgspec.structs.replace(STRUCTURE, elements=(msgspec.structs.replace(BARE, **fields),))


# What counts as content

NO_CONTENT: dict[str, Any] = {"file_path": "shop/orders.py", "line": 7}

CONTENT: dict[str, Any] = {
    "id": "POST /",
    "kind": ElementKind.hook,
    "title": "A",
    "description": "A",
    "tags": (TagUse("slow", "1"),),
    "is_private": True,
    "visibility_reason": "A",
    "framework": True,
    "registered_by": "A",
    "overrides": ("A",),
    "depends_on": ("A",),
    "emits": ("A",),
    "throws": ("A",),
    "middleware": (MiddlewareUse("A"),),
    "contexts": ("A",),
    "provides": ("A",),
    "schema": "{}",
    "result_schema": "{}",
    "has_untyped_result": True,
    "scopes": ("A",),
    "deprecated": True,
    "config": "{}",
    "route": Route("GET", "/"),
    "shadowed_by": "A",
    "events": ("A",),
    "order": 1,
    "applies_to": ElementKind.task,
    "handled": True,
    "handlers": ("A",),
    "auto_apply": True,
    "has_init": True,
    "has_dispose": True,
    "has_ready": True,
    "has_health_check": True,
}


def test_of_every_field_of_an_element_it_is_decided_whether_it_is_content() -> None:
    assert {field.name for field in msgspec.structs.fields(Element)} == NO_CONTENT.keys() | CONTENT.keys()


@pytest.mark.parametrize("field", CONTENT)
def test_a_change_of_content_changes_the_hash(field: str) -> None:
    assert content_hash(with_element(**{field: CONTENT[field]})) != content_hash(STRUCTURE)


@pytest.mark.parametrize("field", NO_CONTENT)
def test_where_an_element_stands_does_not_change_the_hash(field: str) -> None:
    assert content_hash(with_element(**{field: NO_CONTENT[field]})) == content_hash(STRUCTURE)


def test_the_app_and_its_revision_do_not_change_the_hash() -> None:
    other = AppInfo(
        name="copy", version="2.0", python_version="3.14.0", git_revision="b" * 40, git_dirty=True
    )

    assert content_hash(msgspec.structs.replace(STRUCTURE, app=other)) == content_hash(STRUCTURE)


def test_lines_in_ids_and_addresses_of_objects_do_not_change_the_hash() -> None:
    def structure(first: int, second: int, address: str) -> Structure:
        tasks = {
            f"shop.make.inner:L{line}": Element(
                id=f"shop.make.inner:L{line}",
                kind=ElementKind.task,
                title=title,
                config=f"<object at {address}>",
                depends_on=(f"shop.make.other:L{line + 1}",),
            )
            for line, title in ((first, "first"), (second, "second"))
        }
        return Structure(app=STRUCTURE.app, elements=sort_elements(tasks))

    assert content_hash(structure(5, 9, "0x7f00aa")) == content_hash(structure(8, 12, "0x7f11bb"))
    assert content_hash(structure(5, 9, "0x7f00aa")) != content_hash(Structure(app=STRUCTURE.app))


@pytest.mark.parametrize("field", ["sdl", "openapi", "root_id"])
def test_schema_documents_and_root_are_content(field: str) -> None:
    changed = msgspec.structs.replace(STRUCTURE, **{field: "other"})

    assert content_hash(changed) != content_hash(STRUCTURE)


def test_the_order_of_middleware_is_content() -> None:
    first, second = MiddlewareUse("a"), MiddlewareUse("b")

    assert content_hash(with_element(middleware=(first, second))) != content_hash(
        with_element(middleware=(second, first))
    )


# Encoding

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
MAYBE = st.none() | TEXT
NAMES = st.lists(TEXT, max_size=3).map(tuple)

ELEMENTS = st.builds(
    Element,
    id=TEXT,
    kind=st.sampled_from(ElementKind),
    title=MAYBE,
    description=MAYBE,
    tags=st.lists(st.builds(TagUse, TEXT, MAYBE), max_size=2).map(tuple),
    file_path=MAYBE,
    line=st.none() | st.integers(0, 10**6),
    registered_by=MAYBE,
    depends_on=NAMES,
    emits=NAMES,
    middleware=st.lists(st.builds(MiddlewareUse, TEXT, MAYBE, MAYBE), max_size=2).map(tuple),
    schema=MAYBE,
    route=st.none() | st.builds(Route, TEXT, TEXT),
    order=st.none() | st.integers(-5, 5),
    applies_to=st.none() | st.sampled_from(ElementKind),
    has_init=st.booleans(),
)
STRUCTURES = st.builds(
    Structure,
    app=st.builds(
        AppInfo,
        name=TEXT,
        version=MAYBE,
        python_version=TEXT,
        git_revision=MAYBE,
        git_dirty=st.none() | st.booleans(),
    ),
    root_id=MAYBE,
    elements=st.lists(ELEMENTS, max_size=4).map(tuple),
    sdl=MAYBE,
    openapi=MAYBE,
)


@given(structure=STRUCTURES)
def test_what_is_decoded_equals_what_was_encoded(structure: Structure) -> None:
    row = to_row(structure, "shop", "main", 7)

    assert decode(row) == structure
    assert content_hash(decode(row)) == row.content_hash


def test_a_row_says_what_it_holds() -> None:
    row = to_row(STRUCTURE, "shop", "worker", 7)

    assert (row.app, row.role, row.version, row.created_ns, row.last_seen_ns) == ("shop", "worker", 0, 7, 7)
    assert (row.app_version, row.python_version, row.element_count) == ("1.0", "3.11.7", 1)
    assert (row.git_revision, row.git_dirty) == ("a" * 40, False)
    assert len(row.content_hash) == 64


def test_the_structure_of_a_real_app_comes_back_field_for_field() -> None:
    task(id="shop.buy", tags=["slow"], emits=["placed"])(lambda item: None)
    structure = inspect_app(None, name="shop", project_root=Path(__file__).parent)

    assert decode(to_row(structure, "shop", "main", 0)) == structure


def test_content_of_an_older_and_of_a_newer_minor_version_can_be_read() -> None:
    stored = json.loads(encode(STRUCTURE))
    for element in stored["structure"]["elements"]:
        del element["handled"]
        element["not_known_yet"] = [1]

    assert decode(row_with(json.dumps(stored).encode())) == STRUCTURE


def row_with(content: bytes) -> SnapshotRow:
    return msgspec.structs.replace(to_row(STRUCTURE, "shop", "main", 0), version=3, content=content)


GOOD = encode(STRUCTURE)
DAMAGED = [
    b"",
    b"\x00\xff",
    b"{}",
    b"null",
    GOOD[:-5],
    GOOD.replace(b'"task"', b'"tusk"'),
    GOOD.replace(b'"elements":[', b'"elements":{'),
    b"[" * 200_000,
    b'{"format":1,"unknown":' + b"[" * 200_000,
    b'{"format":1,"structure":{"app":{"name":"\xff"}}}',
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_content_is_an_error_that_says_which_and_what_to_do(content: bytes) -> None:
    with pytest.raises(DamagedSnapshotError, match=r"snapshot 3 of shop.*Delete it") as raised:
        decode(row_with(content))

    assert isinstance(raised.value, DevToolsError)


@given(content=st.binary(max_size=40) | st.integers(0, len(GOOD) - 1).map(lambda cut: GOOD[:cut]))
def test_no_damage_raises_anything_else(content: bytes) -> None:
    with pytest.raises(DamagedSnapshotError):
        decode(row_with(content))


def test_content_of_a_newer_format_is_refused_and_not_guessed_at() -> None:
    newer = GOOD.replace(b'"format":1', b'"format":%d' % (snapshots.FORMAT + 1))

    with pytest.raises(DamagedSnapshotError, match="Upgrade devtools-server"):
        decode(row_with(newer))


# Restore


def store_with(*structures: Structure) -> MemorySnapshots:
    store = MemorySnapshots()
    for number, structure in enumerate(structures):
        store.save(to_row(structure, "shop", "main", number))
    return store


def version(snapshot: Snapshot | None) -> int | None:
    return None if snapshot is None else snapshot.row.version


ONE, TWO, THREE = (with_element(title=title) for title in "abc")


def test_the_active_snapshot_is_restored() -> None:
    store = store_with(ONE, TWO, THREE)
    store.activate(2, "shop", "main")

    restored = restore(store, "shop", "main")

    assert restored is not None
    assert (restored.row.version, restored.structure) == (2, TWO)


class Unlisted(MemorySnapshots):
    """A store whose versions are dear to list."""

    def list(self, app: str | None = None, role: str | None = None) -> list[SnapshotRow]:
        raise AssertionError(f"listed {app} {role}")


def test_the_others_are_not_read_where_the_active_one_is_sound() -> None:
    store = Unlisted()
    store.save(to_row(ONE, "shop", "main", 1))

    assert version(restore(store, "shop", "main")) == 1


def test_without_any_snapshot_there_is_nothing_to_restore() -> None:
    assert restore(MemorySnapshots(), "shop", "main") is None


def damage(store: MemorySnapshots, *titles: str) -> MemorySnapshots:
    """A store in which the rows with these titles cannot be read."""
    damaged = MemorySnapshots()
    for listed in reversed(store.list("shop", "main")):
        row = store.get(listed.version, "shop", "main")
        assert row is not None
        is_damaged = decode(row).elements[0].title in titles
        damaged.save(msgspec.structs.replace(row, content=b"x" if is_damaged else row.content))
    return damaged


def test_a_damaged_snapshot_is_skipped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    store = damage(store_with(ONE, TWO, THREE), "c")

    assert version(restore(store, "shop", "main")) == 2
    assert "Cannot read snapshot 3 of shop" in caplog.text


def test_where_every_snapshot_is_damaged_nothing_is_restored(caplog: pytest.LogCaptureFixture) -> None:
    assert restore(damage(store_with(ONE, TWO), "a", "b"), "shop", "main") is None
    assert caplog.text.count("Cannot read snapshot") == 2
