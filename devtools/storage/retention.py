"""Removes what a database need not keep, in small steps. Called by housekeeping under the lease, and by hand through the store."""

import logging
import time
from collections.abc import Mapping

from peewee import SQL, Database, fn

from devtools.records import Record
from devtools.settings import Retention
from devtools.storage.queries import EVICTED
from devtools.storage.rollups import HOUR_NS, Key
from devtools.storage.sqlite import Sqlite
from devtools.storage.tables import MODELS, Counter, RunRollup

CHUNK = 2_000
"""Rows removed in one transaction. Another process's writer waits no longer than for one of these."""
BREATH_SECONDS = 0.005
"""Between two steps, so that the writer comes in between."""
LARGEST_SHARE_BY_AGE = 10
"""An automatic pass by age removes at most one in so many rows: a clock that jumped must not empty the history."""
NANOSECONDS_PER_DAY = 86_400_000_000_000

ALL_ROWS = fn.COUNT(SQL("*"))
"""SQLite counts these through the smallest index; of a named column it reads every row."""

logger = logging.getLogger("devtools")


def by_rows(
    database: Sqlite, limits: Mapping[type[Record], Retention], *, most: int | None = None
) -> dict[type[Record], int]:
    """Keep the newest `max_rows` of every kind; answers how many rows went. At most `most` of a kind go now."""
    return {
        record_type: _by_rows(database, record_type, retention.max_rows, most)
        for record_type, retention in limits.items()
    }


def by_age(
    database: Sqlite, limits: Mapping[type[Record], Retention], now_ns: int, *, automatic: bool = True
) -> dict[type[Record], int]:
    """Remove what is older than `max_age_days`, when automatic a tenth of a kind at most; answers how many rows went."""
    return {
        record_type: _by_age(database, record_type, retention.max_age_days, now_ns, automatic)
        for record_type, retention in limits.items()
    }


def older_than(database: Sqlite, record_type: type[Record], limit_ns: int) -> int:
    """Remove every row of a kind that is strictly older; answers how many."""
    return _remove_older(database, record_type, limit_ns, None, counted=False)


def everything(database: Sqlite, record_type: type[Record]) -> int:
    """Remove every row of a kind; answers how many."""
    model = MODELS[record_type]
    with database.reading() as connection:
        (last,) = connection.execute(model.select(fn.MAX(model.id))).fetchone()
    total = 0
    while last is not None:
        with database.writing() as connection:
            gone = _delete(connection, record_type, CHUNK, until_id=last)
        total += gone
        if gone < CHUNK:
            break
        time.sleep(BREATH_SECONDS)
    return total


def rollups_by_age(database: Sqlite, limits: Retention, now_ns: int) -> int:
    """Remove the counts of hours older than `max_age_days`, a tenth of them at most; answers how many rows went."""
    if limits.max_age_days is None:
        return 0
    oldest = (now_ns - int(limits.max_age_days * NANOSECONDS_PER_DAY)) // HOUR_NS
    with database.reading() as connection:
        (old,) = connection.execute(RunRollup.select(ALL_ROWS).where(RunRollup.hour < oldest)).fetchone()
        (count,) = connection.execute(RunRollup.select(ALL_ROWS)).fetchone() if old else (0,)
    return _remove_rollups(database, min(old, max(1, count // LARGEST_SHARE_BY_AGE)))


def all_rollups(database: Sqlite) -> int:
    """Remove every count; answers how many rows went."""
    return _remove_rollups(database, None)


def _remove_rollups(database: Sqlite, most: int | None) -> int:
    """Remove the counts of the oldest hours."""
    removed = 0
    keys = [getattr(RunRollup, name) for name in Key._fields]
    while most is None or removed < most:
        chunk = CHUNK if most is None else min(CHUNK, most - removed)
        with database.writing() as connection:
            oldest = connection.execute(RunRollup.select(*keys).order_by(*keys).limit(chunk)).fetchall()
            for row in oldest:
                same = [key == value for key, value in zip(keys, row, strict=True)]
                connection.execute(RunRollup.delete().where(*same))
        removed += len(oldest)
        if len(oldest) < chunk:
            break
        time.sleep(BREATH_SECONDS)
    return removed


def _by_rows(database: Sqlite, record_type: type[Record], keep: int | None, most: int | None) -> int:
    if keep is None:
        return 0
    model = MODELS[record_type]
    with database.reading() as connection:
        (count,) = connection.execute(model.select(ALL_ROWS)).fetchone()
    excess = count - keep if most is None else min(count - keep, most)
    removed = 0
    while removed < excess:
        with database.writing() as connection:
            gone = _delete(connection, record_type, min(CHUNK, excess - removed))
            _count_evicted(connection, record_type, gone)
        removed += gone
        if not gone:
            break
        time.sleep(BREATH_SECONDS)
    return removed


def _by_age(
    database: Sqlite, record_type: type[Record], days: float | None, now_ns: int, automatic: bool
) -> int:
    if days is None:
        return 0
    limit_ns = now_ns - int(days * NANOSECONDS_PER_DAY)
    if not automatic:
        return _remove_older(database, record_type, limit_ns, None, counted=True)
    model = MODELS[record_type]
    with database.reading() as connection:
        (old,) = connection.execute(model.select(ALL_ROWS).where(model.time_ns < limit_ns)).fetchone()
        if not old:
            return 0
        (count,) = connection.execute(model.select(ALL_ROWS)).fetchone()
    most = max(1, count // LARGEST_SHARE_BY_AGE)
    if old > most:
        logger.warning(
            "%d of %d %ss are older than %g days; removing the %d oldest now and the rest later, in case the clock is wrong.",
            old,
            count,
            record_type.kind,
            days,
            most,
        )
    return _remove_older(database, record_type, limit_ns, most, counted=True)


def _remove_older(
    database: Sqlite, record_type: type[Record], limit_ns: int, most: int | None, *, counted: bool
) -> int:
    removed = 0
    while most is None or removed < most:
        chunk = CHUNK if most is None else min(CHUNK, most - removed)
        with database.writing() as connection:
            gone = _delete(connection, record_type, chunk, before_ns=limit_ns)
            if counted:
                _count_evicted(connection, record_type, gone)
        removed += gone
        if gone < chunk:
            break
        time.sleep(BREATH_SECONDS)
    return removed


def _delete(
    connection: Database,
    record_type: type[Record],
    limit: int,
    *,
    until_id: int | None = None,
    before_ns: int | None = None,
) -> int:
    """Delete the oldest rows: up to an id, or before a time."""
    model = MODELS[record_type]
    oldest = model.select(model.id)
    if before_ns is not None:
        oldest = oldest.where(model.time_ns < before_ns).order_by(model.time_ns)
    elif until_id is not None:
        oldest = oldest.where(model.id <= until_id).order_by(model.id)
    else:
        oldest = oldest.order_by(model.id)
    oldest = oldest.limit(limit)
    return connection.execute(model.delete().where(model.id.in_(oldest))).rowcount


def _count_evicted(connection: Database, record_type: type[Record], gone: int) -> None:
    if not gone:
        return
    name = EVICTED + record_type.kind
    insert = Counter.insert(name=name, value=gone)
    connection.execute(
        insert.on_conflict(conflict_target=[Counter.name], update={Counter.value: Counter.value + gone})
    )
