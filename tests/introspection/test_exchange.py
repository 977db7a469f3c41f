"""One snapshot as a file: the same elsewhere, and nothing in it trusted."""

import json

import msgspec
import pytest

from devtools.errors import LimitExceededError, ValidationError
from devtools.introspection import exchange
from devtools.introspection.elements import AppInfo, Element, ElementKind, Structure, sort_elements
from devtools.introspection.exchange import exported, exported_structure, imported
from devtools.introspection.snapshots import decode, to_row


def structure(**paths: str) -> Structure:
    elements = {
        name: Element(id=name, kind=ElementKind.task, file_path=path, line=3) for name, path in paths.items()
    }
    return Structure(
        app=AppInfo(name="shop", python_version="3.11", git_revision="abc"),
        elements=sort_elements(elements),
        sdl="type Query { a: Int }",
        openapi='{"openapi": "3.1.0"}',
    )


ROW = msgspec.structs.replace(
    to_row(structure(buy="shop/buy.py"), "shop", "web", 7), version=3, label="before"
)


def test_what_was_exported_is_imported_field_for_field() -> None:
    row = imported(exported(ROW))
    assert decode(row) == decode(ROW)
    assert (row.app, row.role, row.label, row.created_ns, row.content_hash) == (
        ("shop", "web", "before", 7, ROW.content_hash)
    )
    assert (row.version, row.active) == (0, False)


def test_the_running_app_is_exported_without_a_version() -> None:
    text = exported_structure(structure(), "shop", "main", 9)
    assert json.loads(text)["version"] is None
    assert imported(text.encode()).created_ns == 9


def test_it_may_be_imported_under_another_app() -> None:
    row = imported(exported(ROW), "mail", "worker")
    assert (row.app, row.role) == ("mail", "worker")


def test_a_file_is_lines_that_can_be_compared() -> None:
    assert len(exported(ROW).splitlines()) > 20


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.py", "a/../../b.py", "C:\\x.py", "..\\x.py"])
def test_paths_of_another_machine_are_left_out(path: str) -> None:
    """Neither told to others nor believed."""
    assert path not in exported_structure(structure(buy=path), "shop", "main", 1)
    text = exported(ROW).replace("shop/buy.py", path.replace("\\", "\\\\"))
    (element,) = decode(imported(text)).elements
    assert (element.file_path, element.line) == (None, None)


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="16,000,000"):
        imported(b" " * (exchange.LARGEST_BYTES + 1))


def changed(**fields: object) -> str:
    return json.dumps({**json.loads(exported(ROW)), **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "[]",
        "{}",
        "\ud800",
        "[" * 100_000,
        changed(devtools_snapshot=99),
        changed(app=""),
        changed(role="x" * 201),
        changed(label="x" * 201),
        changed(created_ns=-1),
        changed(structure={"elements": [{"id": 3}]}),
        changed(
            structure={
                "app": {"name": "x", "python_version": "3"},
                "elements": [{"id": "x", "kind": "task"}] * 2,
            }
        ),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValidationError, match="Cannot import snapshot"):
        imported(text)


def test_the_hash_in_the_file_is_not_believed() -> None:
    assert imported(changed(content_hash="f" * 64)).content_hash == ROW.content_hash
