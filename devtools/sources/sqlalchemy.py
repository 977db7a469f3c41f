"""Statements of SQLAlchemy as runs, by the events of its engines, of asyncio's too. An app without SQLAlchemy is left alone."""

import sys
from collections.abc import Callable
from contextlib import suppress
from inspect import currentframe
from typing import Any

from devtools.settings import Settings
from devtools.sources.queries import Queries
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.runs import ActiveRun

SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""Names of OpenTelemetry, where they are not those of SQLAlchemy's dialects."""
SKIPPED = "skip_user_error_events"
"""Option of a connection that would not tell us of an error."""


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Record what every engine sends, until the answer is called. Connections that are in use now may be left out."""
    module: Any = sys.modules.get("sqlalchemy.engine")  # Any: only there where the app imported it
    event: Any = sys.modules.get("sqlalchemy.event")
    if module is None or event is None:
        return lambda: None
    engine = module.Engine
    listeners = _listeners(queries := Queries(recorder, settings, "sqlalchemy"))
    flags = [(kind, kind._has_events) for kind in (engine, module.Dialect)]
    for name, listener in listeners.items():
        event.listen(engine, name, listener)

    def uninstall() -> None:
        queries.is_active = False
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
        for kind, had_events in flags:
            if not had_events and not _is_heard(kind):
                kind._has_events = False  # as it was: SQLAlchemy looks for listeners only where this is set

    return uninstall


def _listeners(queries: Queries) -> dict[str, Callable[..., None]]:
    running: dict[int, ActiveRun] = {}
    """By the cursor that is busy with it."""

    # Any: as SQLAlchemy has them; of another version, or with somebody else's in its place, they may be anything
    def before(connection: Any, cursor: Any, statement: Any, _: Any, context: Any, *__: Any) -> None:
        try:
            system = str(connection.dialect.name)
            if context is None or connection.get_execution_options().get(SKIPPED):
                return  # its failure could not be told
            run = queries.begin(statement, SYSTEMS.get(system, system))
            if run is not None:
                running[id(cursor)] = run
        except Exception:
            queries.lost()

    def after(_: Any, cursor: Any, *__: Any) -> None:
        run = running.pop(id(cursor), None)
        if run is not None:
            queries.end(run)

    def failed(failure: Any) -> None:
        try:
            run = (
                running.pop(id(failure.execution_context.cursor), None) if failure.execution_context else None
            )
            if run is not None:
                error, raised = failure.original_exception, failure.sqlalchemy_exception
                queries.end(run, error, raised=raised, caller=currentframe())
        except Exception:
            queries.lost()

    return {"before_cursor_execute": before, "after_cursor_execute": after, "handle_error": failed}


def _is_heard(kind: Any) -> bool:
    """Whether anybody listens to a class of SQLAlchemy's, or to something that cannot be told."""
    with suppress(Exception):
        return any(getattr(kind.dispatch, name)._clslevel.get(kind) for name in kind.dispatch._event_names)
    return True
