"""Counts what killed processes had stored and not counted any more. Called by housekeeping, and by the store before it prunes.

Any number of processes may do it at once, beside the process itself where it lives after all: who finds the note changed stops.
"""

from peewee import Database

from devtools.records import Run, RunStatus
from devtools.storage import processes
from devtools.storage.rollups import COUNTED, HOUR_NS, UNKNOWN_VERSION, Rollups, note_counted
from devtools.storage.sqlite import Sqlite
from devtools.storage.tables import MODELS, Counter

Row = tuple[int, int, str, int | None, str, int, str]

CHUNK = 10_000
"""Runs counted in one transaction."""

_RUN = MODELS[Run]
_COLUMNS = [
    getattr(_RUN, name)
    for name in ("id", "time_ns", "node_id", "snapshot_version", "node_kind", "duration_ns", "status")
]


def of_ended(database: Sqlite, now_ns: int) -> int:
    """Count what processes that have ended left uncounted; answers how many runs those were."""
    with database.reading() as connection:
        noted = Counter.select(Counter.name, Counter.value).where(Counter.name.startswith(COUNTED))
        counted = {
            int(name[len(COUNTED) :]): last_id for name, last_id in connection.execute(noted).fetchall()
        }
    total = 0
    for process_id in sorted(processes.ended(database, counted, now_ns)):
        runs, last_id = _of_process(database, process_id, counted[process_id])
        total += runs
        with database.writing() as connection:
            if _is_noted(connection, process_id, last_id) and not _after(connection, process_id, last_id):
                note_counted(connection, process_id, last_id, is_all=True)
    return total


def _of_process(database: Sqlite, process_id: int, last_id: int) -> tuple[int, int]:
    """Count the runs that came after this id; answers how many they were, and the id of the last one."""
    total = 0
    while rows := _read_after(database, process_id, last_id):
        before, rollups = last_id, Rollups()
        for last_id, time_ns, node_id, version, node_kind, duration_ns, status in rows:
            key = (time_ns // HOUR_NS, node_id, version or UNKNOWN_VERSION, process_id)
            rollups.add(key, last_id, node_kind, duration_ns, is_error=status == RunStatus.error.value)
        with database.writing() as connection:
            if not _is_noted(connection, process_id, before):
                return total, before  # another process, or its own, has counted them meanwhile
            rollups.write(connection)
        total += len(rows)
    return total, last_id


def _is_noted(connection: Database, process_id: int, last_id: int) -> bool:
    """Whether its runs are counted up to this one, and no further."""
    noted = Counter.select().where(Counter.name == f"{COUNTED}{process_id}", Counter.value == last_id)
    return bool(connection.execute(noted).fetchall())


def _read_after(database: Sqlite, process_id: int, last_id: int) -> list[Row]:
    with database.reading() as connection:
        return _after(connection, process_id, last_id)


def _after(connection: Database, process_id: int, last_id: int) -> list[Row]:
    later = (_RUN.id > last_id) & (_RUN.process_id == process_id)
    return connection.execute(_RUN.select(*_COLUMNS).where(later).order_by(_RUN.id).limit(CHUNK)).fetchall()
