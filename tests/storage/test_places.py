"""Where a database may be, and what is said where it may not."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from devtools import settings
from devtools.errors import ValidationError
from devtools.storage import targets
from devtools.storage.store import DatabaseStore
from tests.storage.conftest import Running, resolved


@pytest.mark.parametrize(
    "database",
    [
        "sqlite:///data/shop.db",
        "sqlite:///./data/shop.db",
        "data/shop.db",
        "data/shop.anything",
        "data/no-suffix",
        Path("data/shop.db"),
        {"driver": "sqlite", "options": {"file_path": "data/shop.db"}},
        "sqlite:////{tmp}/absolute/shop.db",
        "{tmp}/absolute/ä b%20?.db",
    ],
    ids=str,
)
def test_every_form_makes_its_file(database: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """URLs, paths with any suffix, and the mapping; relative ones start at the working directory."""
    monkeypatch.chdir(tmp_path)
    if isinstance(database, str):
        database = database.replace("/{tmp}", str(tmp_path)).replace("{tmp}", str(tmp_path))
    running = Running(database)
    running.log()
    assert running.flush()
    path = running.store.database.path
    assert path is not None
    assert path.is_file()
    assert path.is_relative_to(tmp_path)
    assert running.messages() == ["hello"]
    assert running.store.close() == 0


@pytest.mark.parametrize("database", ["sqlite:///:memory:", ":memory:"])
def test_memory_makes_no_file(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`:memory:` is one database for one store, read from any thread, and leaves nothing."""
    monkeypatch.chdir(tmp_path)
    running = Running(database)
    running.log()
    assert running.flush()
    assert running.messages() == ["hello"]
    assert running.store.status().size_bytes is None
    running.store.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mariadb", "oracle"])
def test_an_unknown_driver_is_refused_by_name(scheme: str) -> None:
    """The error names the field, the value without its password, and what is supported."""
    with pytest.raises(ValidationError, match=f"{scheme!r}.*Supported: sqlite") as caught:
        targets.parse(f"{scheme}://me:hunter2@host/db")
    assert caught.value.field == "database"
    assert "hunter2" not in str(caught.value) + str(caught.value.extensions)


@pytest.mark.parametrize(
    "database",
    ["", "sqlite:///", "sqlite://host/file.db", "sqlite:///a.db?mode=ro", {"driver": "sqlite"}, {"path": "a.db"},
     {"driver": "sqlite", "options": {"file": "a.db"}}, {"driver": "sqlite", "options": "a.db"}],
    ids=str,
)  # fmt: skip
def test_a_missing_path_is_refused(database: object) -> None:
    """So is what SQLite has no use for."""
    with pytest.raises(ValidationError) as caught:
        targets.parse(database)  # type: ignore[arg-type] # the mistake under test
    assert caught.value.field == "database"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """With the way out."""
    with pytest.raises(ValidationError, match="is a directory"):
        DatabaseStore.open(resolved(tmp_path))


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """A parent that is no directory cannot be made one."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValidationError, match="cannot make the directory"):
        DatabaseStore.open(resolved(tmp_path / "file" / "a.db"))


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """Database, log, index of the log and lock file are 0600."""
    for umask in (0o000, 0o277):
        old = os.umask(umask)
        try:
            running = Running(tmp_path / f"umask-{umask}.db")
            running.log()
            assert running.flush()
            made = {
                path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"umask-{umask}.db*")
            }
        finally:
            os.umask(old)
        assert len(made) == 4
        assert set(made.values()) == {0o600}
        running.store.close()


def test_a_file_open_to_others_is_closed(tmp_path: Path) -> None:
    """A database that some tool made readable for all becomes private."""
    path = tmp_path / "a.db"
    path.touch(0o644)
    Running(path).store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_directory_of_ours_is_ignored_by_git(tmp_path: Path) -> None:
    """One that was there is left alone."""
    Running(tmp_path / ".devtools" / "a.db").store.close()
    Running(tmp_path / "a.db").store.close()
    assert (tmp_path / ".devtools" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / ".gitignore").exists()


def test_reading_only_makes_nothing(tmp_path: Path) -> None:
    """A missing file is an error, and there is still nothing."""
    with pytest.raises(ValidationError, match="no such file"):
        DatabaseStore.open(resolved(tmp_path / "sub" / "a.db"), read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_reading_only_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    """On a file that nobody writes."""
    running = Running(file)
    running.log()
    running.store.close()
    before = {path.name for path in tmp_path.iterdir()}
    content = file.read_bytes()
    reader = DatabaseStore.open(resolved(file), read_only=True)
    assert [kind.stored for kind in reader.kinds()] == [0, 1, 0, 0, 0]
    assert reader.schema().pending == ()
    assert reader.processes()[0].app == "shop"
    reader.close()
    assert {path.name for path in tmp_path.iterdir()} == before
    assert file.read_bytes() == content


def test_the_migrations_are_found_in_the_repository() -> None:
    """In the wheel they are inside the package; a test of the installation looks there."""
    from devtools.storage.migrate import directory

    assert (directory() / "0001_initial.py").is_file()


def test_the_url_is_shown_resolved(file: Path) -> None:
    """`status` says which file, whatever form the setting had."""
    store = DatabaseStore.open(settings.load({"database": str(file)}, environment={}))
    assert store.status().url == f"sqlite:///{file}"
    assert store.status().why == f"{store.status().url}, given by the option database"
    store.close()


@pytest.mark.parametrize(
    "content", [b"# my notes\n", b"SQLite format 3\0 but not really", None], ids=["text", "torn", "foreign"]
)
def test_a_file_of_somebody_else_is_left_as_it_is(tmp_path: Path, content: bytes | None) -> None:
    """A wrong path costs nobody a file: refused, with nothing moved, added or made private."""
    path = tmp_path / "notes.md"
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE runs (id INTEGER)")
            connection.commit()
    else:
        path.write_bytes(content)
    path.chmod(0o644)
    before = path.read_bytes()

    with pytest.raises(ValidationError, match="not a database of devtools"):
        DatabaseStore.open(settings.load({"database": str(path)}, environment={}))

    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [found.name for found in tmp_path.iterdir()] == ["notes.md"]
