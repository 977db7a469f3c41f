"""Brings a database to the schema of this version: playhouse's runner with a check of what was applied, a dry run and clear errors.

The caller holds the lease: the runner itself has no lock.
"""

import hashlib
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peewee import Database, Model, SqliteDatabase, TextField
from playhouse.migrations import MigrationError as RunnerError
from playhouse.migrations import Runner

from devtools.errors import DevToolsError, MigrationError
from devtools.storage.faults import DATABASE_ERRORS, is_logic_error, root_message
from devtools.telemetry.context import mark_own

HISTORY_TABLES = ("schema_migration", "schema_checksum")


class Checksum(Model):
    """What a migration looked like when it was applied."""

    name = TextField(primary_key=True)
    checksum = TextField()

    class Meta:  # noqa: D106 - Peewee's own place for options
        table_name = "schema_checksum"
        legacy_table_names = False


@dataclass(frozen=True)
class Step:
    """One migration and whether this database has it."""

    name: str
    applied: bool
    known: bool
    """Whether this version of the code has it."""


def directory() -> Path:
    """Where the migrations are: inside the package in the wheel, beside it in the repository."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


class Migrations:
    """The migrations of one open database. `where` names it in messages, `url` in commands."""

    def __init__(self, database: Database, url: str, folder: Path | None = None) -> None:
        self.database = database
        self.url = url
        self.folder = folder or directory()
        self._runner = Runner(database, str(self.folder))

    def steps(self) -> list[Step]:
        """Every migration that the code or the database knows, in order."""
        return [
            Step(migration.name, migration.applied is not None, migration.path is not None)
            for migration in self._runner.status()
        ]

    def pending(self) -> tuple[str, ...]:
        """Names of the migrations that are still to be applied."""
        return tuple(step.name for step in self.steps() if not step.applied)

    def version(self) -> str | None:
        """Name of the newest migration applied."""
        return next((step.name for step in reversed(self.steps()) if step.applied), None)

    def check(self) -> None:
        """Raise MigrationError when the database is newer than the code, or was made by other migrations."""
        unknown = [step.name for step in self.steps() if not step.known]
        if unknown:
            raise MigrationError(
                f"{self.url} is newer than this version of devtools-server: it has {', '.join(unknown)}. "
                "Update devtools-server, or use another file. Nothing was changed."
            )
        stored = self._checksums()
        for step in self.steps():
            if step.applied and stored.get(step.name, self._checksum(step.name)) != self._checksum(step.name):
                raise MigrationError(
                    f"{self.url} was made by another form of migration {step.name}. "
                    "Use another file, or the version of devtools-server that made it. Nothing was changed."
                )

    def require_current(self) -> None:
        """Raise MigrationError with the command to run when something is pending."""
        self.check()
        pending = self.pending()
        if pending:
            raise MigrationError(
                f"{self.url} lacks {', '.join(pending)} and upgrading is switched off. "
                f"Run: devtools db upgrade --database {self.url}"
            )

    def upgrade(self) -> list[str]:
        """Apply what is pending, in order; answers what was applied. Each step is one transaction with its history row."""
        self.check()
        with self._failing("upgrade"):
            applied = self._runner.up() if self.pending() else []
            self.database.execute_sql(
                'CREATE TABLE IF NOT EXISTS "schema_checksum" ("name" TEXT NOT NULL PRIMARY KEY, "checksum" TEXT NOT NULL)'
            )
            # A crash between the step and its checksum left the checksum out: fill in what is missing.
            stored = self._checksums()
            missing = [step.name for step in self.steps() if step.applied and step.name not in stored]
            for name in missing:
                self.database.execute(Checksum.insert(name=name, checksum=self._checksum(name)))
            return applied

    def downgrade(self, target: str | None = None) -> list[str]:
        """Revert the newest migration, or all back through `target`; answers what was reverted."""
        self.check()
        with self._failing("downgrade"):
            reverted = self._runner.down(target)
            for name in reverted:
                self.database.execute(Checksum.delete().where(Checksum.name == name))
            return reverted

    def sql(self) -> list[str]:
        """The statements that `upgrade` would run. Changes nothing: they run on an empty copy of the schema."""
        statements: list[str] = []
        copy = SqliteDatabase(":memory:")
        mark_own(copy)
        try:
            with self._failing("dry run"):
                for (ddl,) in self.database.execute_sql(
                    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
                ).fetchall():
                    copy.execute_sql(ddl)
                history = Runner(copy, str(self.folder))
                history.History.create_table()
                for name in self._runner.applied():
                    history.History.create(name=name)
                connection: sqlite3.Connection = copy.connection()
                connection.set_trace_callback(statements.append)
                history.up()
                connection.set_trace_callback(None)
        finally:
            copy.close()
        return [
            text
            for text in statements
            if text.split(None, 1)[0] in {"CREATE", "ALTER", "DROP", "UPDATE"}
            and HISTORY_TABLES[0] not in text
        ]

    def _checksums(self) -> dict[str, str]:
        if not self.database.table_exists("schema_checksum"):
            return {}
        return dict(self.database.execute(Checksum.select(Checksum.name, Checksum.checksum)).fetchall())

    def _checksum(self, name: str) -> str:
        return hashlib.sha256((self.folder / f"{name}.py").read_bytes()).hexdigest()

    @contextmanager
    def _failing(self, what: str) -> Generator[None]:
        try:
            yield
        except DevToolsError:
            raise
        except (RunnerError, *DATABASE_ERRORS) as error:
            if not isinstance(error, RunnerError) and not is_logic_error(error):
                raise
            raise MigrationError(
                f"The {what} of {self.url} failed: {root_message(error)}. The step was rolled back; run it again "
                f"with: devtools db {what} --database {self.url}"
            ) from error
