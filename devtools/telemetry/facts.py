"""A line of a log as it comes in, before it is a record: what the hot path keeps, and nothing more."""

from typing import TYPE_CHECKING, Optional

import msgspec

from devtools.records import Level, Log

if TYPE_CHECKING:
    from devtools.telemetry.runs import ActiveRun


class LogFact(msgspec.Struct, gc=False):
    """One line of a log, its text guarded."""

    time_ns: int
    level: Level
    message: str
    source_id: str | None
    run: Optional["ActiveRun"]
    data: str | None
    location: str | None

    def to_record(self, identifier: int, process_id: int) -> Log:
        """The record of it."""
        run = self.run
        return Log(
            id=identifier,
            time_ns=self.time_ns,
            process_id=process_id,
            correlation_id=None if run is None else run.correlation_id,
            run_id=None if run is None else run.run_id,
            level=self.level,
            message=self.message,
            source_id=self.source_id,
            data=self.data,
            location=self.location,
        )
