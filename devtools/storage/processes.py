"""Which processes record into a database. Called by the store when it starts, and by housekeeping."""

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass

from peewee import Database, fn

from devtools.records import NANOSECONDS_PER_MILLISECOND
from devtools.storage.rollups import note_counted, notes_of
from devtools.storage.sqlite import Sqlite
from devtools.storage.status import ProcessStatus
from devtools.storage.tables import MODELS, Counter, Process, RunRollup
from devtools.telemetry.identifiers import SLOTS, first_id

LAST_PROCESS = "last.process"
"""Counter of the keys given to processes, so that none is given twice."""
FORGOTTEN_NS = 3_600_000_000_000
"""A process that was not seen for so long has given up its slot."""
SETTLED_NS = 60_000_000_000
"""A process that was seen within this time is taken to live. Its records are no further from the times of its row than this."""
ENDED_NS = 86_400_000_000_000
"""A process of this machine that was not seen for so long has ended, whoever has its number now."""

_own: set[tuple[str, int]] = set()
"""Databases, and the keys that this process has in them now. Who else has its number there was another process, as the one that a
container ran before."""


@dataclass(frozen=True)
class Registration:
    """What a process gets from a database: its key, and the greatest record id there is."""

    process_id: int
    greatest_id: int


def register(
    database: Sqlite, app: str, role: str, version: str | None, now_ns: int, waiting_id: int | None = None
) -> Registration:
    """Reserve a key whose slot no living process has. `waiting_id` is that of the oldest record which waits for the key."""
    with database.writing() as connection:
        key = _free_key(connection, now_ns)
        _own.add((database.url, key))
        store_counter = Counter.insert(name=LAST_PROCESS, value=key).on_conflict(
            conflict_target=[Counter.name], update={Counter.value: key}
        )
        connection.execute(store_counter)
        _note(connection, key, app, role, version, now_ns)
        greatest = _greatest_id(connection)
        # None of its own is counted yet. Where nothing waits, something may have ended just now.
        own = first_id(now_ns - SETTLED_NS) if waiting_id is None else waiting_id
        note_counted(connection, key, min(greatest, own - SLOTS))
        return Registration(key, greatest)


def seen(database: Sqlite, process_id: int, app: str, role: str, version: str | None, now_ns: int) -> None:
    """Note that the process lives, also where it was forgotten meanwhile: its machine may have slept for days."""
    with database.writing() as connection:
        _note(connection, process_id, app, role, version, now_ns)


def withdraw(database: Sqlite, process_id: int) -> None:
    """This process records under that key no more."""
    _own.discard((database.url, process_id))


def _note(connection: Database, key: int, app: str, role: str, version: str | None, now_ns: int) -> None:
    row = Process.insert(
        id=key,
        app=app,
        role=role,
        host=socket.gethostname(),
        pid=os.getpid(),
        started_ns=now_ns,
        last_seen_ns=now_ns,
        version=version,
    )
    connection.execute(row.on_conflict(conflict_target=[Process.id], update={Process.last_seen_ns: now_ns}))


def prune(database: Sqlite, now_ns: int) -> int:
    """Forget processes that have ended and of which no record and no count is left; answers how many."""
    with database.reading() as connection:
        if _greatest_id(connection) > first_id(now_ns + SETTLED_NS):
            return 0  # the clock went back: ids do not say when a record was made
        columns = (Process.id, Process.host, Process.pid, Process.started_ns, Process.last_seen_ns)
        idle = Process.select(*columns).where(Process.last_seen_ns < now_ns - SETTLED_NS)
        rows = connection.execute(idle).fetchall()
        queries = _queries_of_records(connection)
        # Counts outlive the runs, and the process says whose they are.
        counted = {
            key for (key,) in connection.execute(RunRollup.select(RunRollup.process_id).distinct()).fetchall()
        }
        ended = [
            key
            for key, host, pid, started, seen_ns in rows
            if key not in counted
            and _has_ended(database.url, key, host, pid, now_ns - seen_ns)
            and not _has_records(connection, queries, key, started, seen_ns)
        ]
    for start in range(0, len(ended), 1_000):
        with database.writing() as connection:
            gone = ended[start : start + 1_000]
            connection.execute(Process.delete().where(Process.id.in_(gone)))
            connection.execute(Counter.delete().where(Counter.name.in_(notes_of(gone))))
    return len(ended)


def ended(database: Sqlite, keys: Collection[int], now_ns: int) -> set[int]:
    """Those of these processes that have ended, forgotten ones among them."""
    columns = (Process.id, Process.host, Process.pid, Process.last_seen_ns)
    with database.reading() as connection:
        rows = connection.execute(Process.select(*columns).where(Process.id.in_(list(keys)))).fetchall()
    return set(keys) - {
        key
        for key, host, pid, seen_ns in rows
        if not _has_ended(database.url, key, host, pid, now_ns - seen_ns)
    }


def _has_ended(url: str, key: int, host: str, pid: int, unseen_ns: int) -> bool:
    if host != socket.gethostname():
        return unseen_ns > FORGOTTEN_NS
    if pid == os.getpid():
        return (url, key) not in _own
    return unseen_ns > ENDED_NS or not _is_running(pid)


def _queries_of_records(connection: Database) -> list[str]:
    """A query per kind for a record of a process between two ids, compiled once."""
    found: list[str] = []
    for model in MODELS.values():
        select = model.select(model.id).where((model.id >= 0) & (model.id <= 0) & (model.process_id == 0))
        sql, _ = connection.get_sql_context().sql(select).query()
        found.append(f"{sql} LIMIT 1")
    return found


def _has_records(connection: Database, queries: list[str], key: int, started_ns: int, seen_ns: int) -> bool:
    within = first_id(started_ns - SETTLED_NS), first_id(seen_ns + SETTLED_NS)
    return any(connection.execute_sql(sql, (*within, key)).fetchone() is not None for sql in queries)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def listed(database: Sqlite) -> list[ProcessStatus]:
    """Every process, newest first."""
    columns = [Process.id, Process.app, Process.role, Process.host, Process.pid]
    columns += [Process.started_ns, Process.last_seen_ns, Process.version]
    with database.reading() as connection:
        rows = connection.execute(Process.select(*columns).order_by(Process.id.desc())).fetchall()
    return [
        ProcessStatus(
            id=key,
            app=app,
            role=role,
            host=host,
            pid=pid,
            started_ms=started / NANOSECONDS_PER_MILLISECOND,
            last_seen_ms=last_seen / NANOSECONDS_PER_MILLISECOND,
            version=version,
        )
        for key, app, role, host, pid, started, last_seen, version in rows
    ]


def _free_key(connection: Database, now_ns: int) -> int:
    last = connection.execute(Counter.select(Counter.value).where(Counter.name == LAST_PROCESS)).fetchone()
    living = connection.execute(
        Process.select(Process.id).where(Process.last_seen_ns > now_ns - FORGOTTEN_NS)
    )
    # Slot 0 belongs to processes that have no key yet.
    taken = {0, *(key % SLOTS for (key,) in living.fetchall())}
    start = (last[0] if last else 0) + 1
    # With every slot taken, sharing one is the smaller evil: equal ids are counted as conflicts.
    return next((key for key in range(start, start + SLOTS) if key % SLOTS not in taken), start)


def _greatest_id(connection: Database) -> int:
    found = [connection.execute(model.select(fn.MAX(model.id))).fetchone()[0] for model in MODELS.values()]
    return max((identifier for identifier in found if identifier is not None), default=0)
