"""A line of a log as it comes in, before it is a record: what the hot path keeps, and nothing more."""

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from devtools.records import Level, Log

if TYPE_CHECKING:
    from devtools.telemetry.runs import ActiveRun


LineFields: TypeAlias = "tuple[int, Level, str, str | None, ActiveRun | None, str | None, str | None]"
"""A line as the hot path keeps it: a bare tuple is made in a third of the time that an object with these names takes."""


class LogFact(NamedTuple):
    """One line of a log, its text guarded. Made from `LineFields` when somebody reads."""

    time_ns: int
    level: Level
    message: str
    source_id: str | None
    run: "ActiveRun | None"
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
