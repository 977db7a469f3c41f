"""Migrations: exactly the derived tables, each step once, and clear words where it cannot go on."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database, SqliteDatabase

from devtools.errors import MigrationError
from devtools.storage.migrate import HISTORY_TABLES, Migrations, directory
from devtools.storage.store import DatabaseStore
from devtools.storage.tables import TABLES
from tests.storage.conftest import Running, resolved

FIRST, SECOND = STEPS = ("0001_initial", "0002_run_rollups")
CREATE_HALF = "def up(migrator, db):\n    db.execute_sql('CREATE TABLE half (x)')\n"


@pytest.fixture
def database() -> Iterator[SqliteDatabase]:
    made = SqliteDatabase(":memory:", pragmas={"foreign_keys": 1})
    made.connect()
    yield made
    made.close()


def schema_of(database: Database) -> set[str]:
    rows = database.execute_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    kept = [
        sql
        for name, sql in rows
        if not any(table in sql for table in HISTORY_TABLES) and "sqlite_" not in name
    ]
    return {re.sub(r"\s+", " ", sql).replace("IF NOT EXISTS ", "") for sql in kept}


def with_migrations(folder: Path, **bodies: str) -> Path:
    """A copy of the migrations with more of them."""
    folder.mkdir()
    for path in directory().glob("0*.py"):
        (folder / path.name).write_bytes(path.read_bytes())
    for name, body in bodies.items():
        (folder / f"{name.removeprefix('m')}.py").write_text(body)
    return folder


def test_migrations_make_exactly_the_derived_tables(database: SqliteDatabase) -> None:
    """Columns, types, checks and indexes: a declaration without its migration fails here."""
    derived = SqliteDatabase(":memory:")
    for model in TABLES:
        with model.bind_ctx(derived):
            model.create_table()
    Migrations(database, "sqlite:///x.db").upgrade()
    assert schema_of(database) == schema_of(derived)
    derived.close()


def test_up_and_down_leave_nothing(database: SqliteDatabase) -> None:
    """And up again."""
    migrations = Migrations(database, "sqlite:///x.db")
    assert migrations.upgrade() == list(STEPS)
    assert migrations.downgrade(FIRST) == [SECOND, FIRST]
    assert schema_of(database) == set()
    assert migrations.pending() == STEPS
    assert migrations.upgrade() == list(STEPS)
    assert migrations.upgrade() == []


def test_a_dry_run_names_the_statements_and_changes_nothing(database: SqliteDatabase) -> None:
    """What `devtools db sql` prints."""
    migrations = Migrations(database, "sqlite:///x.db")
    statements = migrations.sql()
    assert any(text.startswith("CREATE TABLE") and '"runs"' in text for text in statements)
    assert database.get_tables() == []
    migrations.upgrade()
    assert [text for text in migrations.sql() if "CREATE TABLE" in text] == []


def test_a_newer_schema_is_refused_and_left_alone(file: Path) -> None:
    """A file of a later version is never changed."""
    Running(file).store.close()
    database = SqliteDatabase(file)
    database.execute_sql("INSERT INTO schema_migration (name, applied) VALUES ('0099_future', '2030-01-01')")
    database.close()
    content = file.read_bytes()
    for read_only in (False, True):
        with pytest.raises(
            MigrationError, match=r"newer than this version.*0099_future.*Update devtools-server"
        ):
            DatabaseStore.open(resolved(file), read_only=read_only)
    assert file.read_bytes() == content


def test_behind_with_upgrading_off_names_the_command(file: Path) -> None:
    """Nothing is applied."""
    with pytest.raises(MigrationError, match=f"devtools db upgrade --database sqlite:///{file}"):
        DatabaseStore.open(resolved(file, upgrade=False))
    Running(file).store.close()
    DatabaseStore.open(resolved(file, upgrade=False)).close()


def test_a_changed_migration_is_noticed(database: SqliteDatabase, tmp_path: Path) -> None:
    """Frozen means frozen."""
    Migrations(database, "sqlite:///x.db").upgrade()
    folder = with_migrations(tmp_path / "m")
    (folder / f"{FIRST}.py").write_text((folder / f"{FIRST}.py").read_text() + "\n# changed\n")
    with pytest.raises(MigrationError, match="another form of migration 0001_initial"):
        Migrations(database, "sqlite:///x.db", folder).upgrade()


def test_a_failing_step_is_rolled_back_whole(database: SqliteDatabase, tmp_path: Path) -> None:
    """And finishes once it is mended."""
    folder = with_migrations(tmp_path / "m", m0099_more=CREATE_HALF + "    db.execute_sql('nonsense')\n")
    migrations = Migrations(database, "sqlite:///x.db", folder)
    with pytest.raises(MigrationError, match=r"upgrade of sqlite:///x\.db failed.*nonsense"):
        migrations.upgrade()
    assert "half" not in database.get_tables()
    assert migrations.pending() == ("0099_more",)
    (folder / "0099_more.py").write_text(CREATE_HALF)
    assert migrations.upgrade() == ["0099_more"]


def test_a_checksum_lost_in_a_crash_is_filled_in(database: SqliteDatabase) -> None:
    """The step and its checksum are two transactions."""
    migrations = Migrations(database, "sqlite:///x.db")
    migrations.upgrade()
    database.execute_sql("DROP TABLE schema_checksum")
    assert migrations.upgrade() == []
    assert database.execute_sql("SELECT name FROM schema_checksum").fetchall() == [(step,) for step in STEPS]


OPEN_AND_RECORD = """
import sys
from tests.storage.conftest import Running
running = Running(sys.argv[1])
running.log("from " + sys.argv[2])
assert running.flush()
assert running.store.close() == 0
"""


def spawn(source: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process of this suite's own code."""
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


@pytest.mark.slow
def test_eight_processes_starting_at_once_migrate_once(file: Path) -> None:
    """Every one of them starts, records, and finds each migration applied exactly once."""
    for child in [spawn(OPEN_AND_RECORD, file, number) for number in range(8)]:
        assert child.wait(120) == 0
    running = Running(file)
    assert sorted(running.messages()) == [f"from {number}" for number in range(8)]
    assert len({process.id for process in running.store.processes()}) == 9
    running.store.close()
    database = SqliteDatabase(file)
    assert database.execute_sql("SELECT name FROM schema_migration").fetchall() == [(step,) for step in STEPS]
    database.close()
