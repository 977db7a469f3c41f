"""Statements of SQL as runs, whatever library sends them. Called by the source of each, which says when one begins and ends."""

from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from devtools.records import NodeKind, Run, RunStatus
from devtools.settings import Settings
from devtools.sources import sampler
from devtools.sources.statements import MAX_TEXT, read
from devtools.telemetry import runs
from devtools.telemetry.context import internal
from devtools.telemetry.errors import record_exception, source_kind_of
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.runs import ActiveRun, Details, describe, leave, status_of

MAX_KNOWN = 512
"""Texts whose meaning is kept."""


class Known(NamedTuple):
    """What is recorded of every run of one text."""

    name: str
    details: Details


class Queries:
    """Records the statements of one library. Nothing that goes wrong here comes to the app: it is counted."""

    def __init__(self, recorder: Recorder, settings: Settings, source: str) -> None:
        self.is_active = True
        self._recorder = recorder
        self._keeps: Callable[[], bool] | None = sampler(settings, source)
        self._known: dict[tuple[str, str], Known] = {}

    def begin(self, text: object, system: str) -> ActiveRun | None:
        """The run of a statement that is sent now; None where it is not recorded. `system` is OpenTelemetry's `db.system.name`."""
        if not self.is_active or self._recorder.paused or internal.get():
            return None
        try:
            if self._keeps is not None and not self._keeps():
                return None
            known = self._meaning(text[:MAX_TEXT] if isinstance(text, str) else "", system)
            run = runs.start(known.name, NodeKind.QUERY, known.name)
            if run is not None:
                run.details = known.details
        except Exception:
            self.lost()
            return None
        return run

    def end(
        self,
        run: ActiveRun,
        exception: BaseException | None = None,
        *,
        raised: BaseException | None = None,
        caller: FrameType | None = None,
    ) -> None:
        """The statement has ended, with this exception where it failed.

        `raised` is what the app gets to see for it, `caller` the frame that it is on its way to.
        """
        try:
            status = status_of(exception)
            if status is RunStatus.error and exception is not None:
                self._record(run, raised or exception, caller)
                text = run.recorder.guard.text(describe(exception))
                run.details = Details(text, None, run.details and run.details.attributes)
            leave(run)
            run.outer = None
            run.recorder.end(run, status)
        except Exception:
            self.lost()

    def lost(self) -> None:
        """Count a run that could not be recorded."""
        self._recorder.dropped[Run.kind] += 1

    def _record(self, run: ActiveRun, exception: BaseException, caller: FrameType | None) -> None:
        """One error, of the element that sent the statement where one did."""
        if isinstance(exception, Exception):
            element = run.parent or run
            kind = source_kind_of(element.node_kind)
            record_exception(run.recorder, exception, element.node_id, kind, caller=caller)

    def _meaning(self, text: str, system: str) -> Known:
        known = self._known.get((system, text))
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[system, text] = self._read(text, system)
        return known

    def _read(self, text: str, system: str) -> Known:
        statement = read(text, system)
        tables = statement.tables
        attributes: dict[str, Any] = {  # Any: of a run these may be anything
            "db.system.name": system,
            "db.operation.name": statement.operation,
            "db.collection.name": tables[0] if len(tables) == 1 else None,
            "db.collections": list(tables) if len(tables) > 1 else None,
            "db.query.text": statement.text or None,
        }
        told = {name: value for name, value in attributes.items() if value is not None}
        return Known(statement.name(system), Details(None, None, self._recorder.guard.json(told)))
