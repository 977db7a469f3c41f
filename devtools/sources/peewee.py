"""Statements of Peewee as runs, by what every database of it sends them through. Our own databases are left out."""

import sys
from collections.abc import Callable
from inspect import currentframe
from typing import Any

from devtools.introspection.naming import kind_of
from devtools.settings import Settings
from devtools.sources.patching import replace
from devtools.sources.queries import Queries
from devtools.telemetry.context import is_own
from devtools.telemetry.recorder import Recorder

SYSTEMS = {
    "CockroachDatabase": "cockroachdb",
    "PostgresqlDatabase": "postgresql",
    "MySQLDatabase": "mysql",
    "SqliteDatabase": "sqlite",
}
"""The name of OpenTelemetry by the class that a database is of, the first that is in its ancestors."""
OTHER = "other_sql"


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Record what every database sends until the answer is called."""
    queries = Queries(recorder, settings, "peewee")
    plain: Any = getattr(sys.modules.get("peewee"), "Database", None)  # Any: the class, where it is imported
    asynchronous: Any = getattr(sys.modules.get("playhouse.pwasyncio"), "AsyncDatabaseMixin", None)
    restores = [
        replace(owner, name, make(queries))
        for owner, name, make in (
            (plain, "execute_sql", _plain),
            (asynchronous, "aexecute_sql", _asynchronous),
        )
        if hasattr(owner, name)
    ]

    def uninstall() -> None:
        queries.is_active = False
        for restore in restores:
            restore()

    return uninstall


# Any, below: as Peewee has them


def _plain(queries: Queries) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def execute_sql(self: Any, sql: Any, *arguments: Any, **named: Any) -> Any:
            run = None if is_own(self) else queries.begin(sql, system_of(self))
            if run is None:
                return original(self, sql, *arguments, **named)
            try:
                cursor = original(self, sql, *arguments, **named)
            except BaseException as error:
                queries.end(run, error, caller=currentframe())
                raise
            queries.end(run)
            return cursor

        return execute_sql

    return make


def _asynchronous(queries: Queries) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        async def aexecute_sql(self: Any, sql: Any, *arguments: Any, **named: Any) -> Any:
            run = queries.begin(sql, system_of(self))
            if run is None:
                return await original(self, sql, *arguments, **named)
            try:
                cursor = await original(self, sql, *arguments, **named)
            except BaseException as error:
                queries.end(run, error, caller=currentframe())
                raise
            queries.end(run)
            return cursor

        return aexecute_sql

    return make


def system_of(database: Any) -> str:
    """`sqlite`, `postgresql`, … for a database."""
    names = {ancestor.__name__ for ancestor in kind_of(database).__mro__}
    return next((system for name, system in SYSTEMS.items() if name in names), OTHER)
