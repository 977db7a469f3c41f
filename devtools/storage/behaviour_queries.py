"""Behaviour under a version of the structure: from rollups, and from the runs where they are few. Called by the store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from peewee import Database, ModelSelect, fn

from devtools.records import NANOSECONDS_PER_MILLISECOND, Run
from devtools.storage import histogram
from devtools.storage.behaviour import Behaviour, Traffic
from devtools.storage.rollups import HOUR_NS
from devtools.storage.tables import MODELS, Process, RunRollup
from devtools.telemetry.identifiers import first_id

EXACT_BELOW = 500
"""With fewer runs of an element its durations are read one by one."""
MOST_READ = 50_000
"""So many runs are read for that in one answer, those of the elements with the fewest first."""

_RUNS: Any = MODELS[Run]  # Any: its columns are derived


@dataclass
class Total:
    """All cells of one element."""

    runs: int = 0
    errors: int = 0
    hours: set[int] = field(default_factory=set[int])
    histograms: list[histogram.Histogram] = field(default_factory=list[histogram.Histogram])

    def behaviour(self) -> Behaviour:
        """From the histogram, right within one bucket."""
        counts = histogram.merged(self.histograms)
        return of_percentiles(
            self.runs,
            self.errors,
            *(histogram.percentile(counts, share) for share in (0.5, 0.95)),
            exact=False,
        )


def of_durations(durations: list[int], errors: int) -> Behaviour:
    """Behaviour from every duration, in nanoseconds."""
    ordered = sorted(durations)
    percentiles = (histogram.exact_percentile(ordered, share) for share in (0.5, 0.95))
    return of_percentiles(len(ordered), errors, *percentiles, exact=True)


def of_percentiles(runs: int, errors: int, p50_ns: float, p95_ns: float, *, exact: bool) -> Behaviour:
    """Behaviour with its times in milliseconds."""
    return Behaviour(
        count=runs,
        errors=errors,
        p50_ms=p50_ns / NANOSECONDS_PER_MILLISECOND,
        p95_ms=p95_ns / NANOSECONDS_PER_MILLISECOND,
        exact=exact,
    )


def read(connection: Database, version: int, app: str, role: str) -> Mapping[str, Behaviour]:
    """By element id, every element of an app and role that ran under a version."""
    totals = _totals(connection, version, app, role)
    found = {node_id: total.behaviour() for node_id, total in totals.items()}
    left = MOST_READ
    for node_id, total in sorted(totals.items(), key=lambda item: item[1].runs):
        if total.runs >= EXACT_BELOW or total.runs > left:
            break
        left -= total.runs
        durations = list(_durations(connection, version, app, role, node_id, total))
        if len(durations) == total.runs:  # else retention has removed some of them
            found[node_id] = of_durations(durations, total.errors)
    return found


def traffic(connection: Database, since_ns: int, app: str, role: str) -> Mapping[str, Traffic]:
    """By element id, the runs of an app and role since the hour of a Unix time began."""
    select = (
        RunRollup.select(RunRollup.node_id, fn.SUM(RunRollup.runs), fn.SUM(RunRollup.errors))
        .where((RunRollup.hour >= since_ns // HOUR_NS) & RunRollup.process_id.in_(_processes(app, role)))
        .group_by(RunRollup.node_id)
    )
    return {
        node_id: Traffic(runs=int(runs), errors=int(errors))
        for node_id, runs, errors in connection.execute(select).fetchall()
    }


def _totals(connection: Database, version: int, app: str, role: str) -> dict[str, Total]:
    select = RunRollup.select(
        RunRollup.node_id, RunRollup.hour, RunRollup.runs, RunRollup.errors, RunRollup.histogram
    ).where((RunRollup.snapshot_version == version) & RunRollup.process_id.in_(_processes(app, role)))
    totals: dict[str, Total] = {}
    for node_id, hour, runs, errors, stored in connection.execute(select).fetchall():
        total = totals.setdefault(node_id, Total())
        total.runs += runs
        total.errors += errors
        total.hours.add(hour)
        total.histograms.append(histogram.decode(bytes(stored)))
    return totals


def _durations(
    connection: Database, version: int, app: str, role: str, node_id: str, total: Total
) -> Iterator[int]:
    """Durations of the runs that the cells count. Ids follow time, so the index on element and id finds them."""
    ends = first_id((min(total.hours) - 1) * HOUR_NS), first_id((max(total.hours) + 2) * HOUR_NS)
    select = _RUNS.select(_RUNS.duration_ns).where(
        (_RUNS.node_id == node_id)
        & _RUNS.id.between(*ends)
        & (_RUNS.snapshot_version == version)
        & _RUNS.process_id.in_(_processes(app, role))
    )
    return (duration for (duration,) in connection.execute(select.limit(EXACT_BELOW)).fetchall())


def _processes(app: str, role: str) -> "ModelSelect[Process]":
    return Process.select(Process.id).where((Process.app == app) & (Process.role == role))
