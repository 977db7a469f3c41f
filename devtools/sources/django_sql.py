"""Statements of Django as runs, by the wrappers that its connections have for that. An app without Django is left alone."""

import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from inspect import currentframe
from typing import Any

from devtools.settings import Settings
from devtools.sources.queries import Queries
from devtools.telemetry.recorder import Recorder

SYSTEMS = {"oracle": "oracle.db", "microsoft": "microsoft.sql_server"}
"""Names of OpenTelemetry, where they are not those of Django's vendors."""


# Any, below: as Django has them


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Record what every connection sends until the answer is called: those of this thread, and those that connect from now on."""
    signals: Any = sys.modules.get("django.db.backends.signals")  # Any: only there where the app imported it
    if signals is None:
        return lambda: None
    queries = Queries(recorder, settings, "django_sql")
    wrapper = _wrapper(queries)
    wrapped: weakref.WeakSet[Any] = weakref.WeakSet()

    def connected(connection: Any = None, **_: Any) -> None:
        try:
            # The outermost, at the start: `with execute_wrapper(…)` of the app takes the last one away again.
            if queries.is_active and wrapper not in connection.execute_wrappers:
                connection.execute_wrappers.insert(0, wrapper)
                wrapped.add(connection)
        except Exception:
            queries.lost()

    for connection in _open():
        connected(connection)
    signals.connection_created.connect(connected, weak=False)

    def uninstall() -> None:
        queries.is_active = False
        signals.connection_created.disconnect(connected)
        for connection in tuple(wrapped):
            with suppress(ValueError):  # the app has taken it away
                connection.execute_wrappers.remove(wrapper)

    return uninstall


def _open() -> list[Any]:
    """The connections that this thread has."""
    connections: Any = getattr(sys.modules.get("django.db"), "connections", None)
    with suppress(Exception):  # no settings yet: nothing is open then
        return list(connections.all(initialized_only=True))
    return []


def _wrapper(queries: Queries) -> Callable[..., Any]:
    def record(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        run = queries.begin(sql, _system(context))
        if run is None:
            return execute(sql, params, many, context)
        try:
            answer = execute(sql, params, many, context)
        except BaseException as error:
            queries.end(run, error, caller=currentframe())
            raise
        queries.end(run)
        return answer

    return record


def _system(context: Any) -> str:
    try:
        vendor = str(context["connection"].vendor)
    except Exception:  # somebody else calls the wrappers
        return "other_sql"
    return SYSTEMS.get(vendor, vendor)
