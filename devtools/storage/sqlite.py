"""SQLite: the file, its permissions, and its connections: one that writes, a few that read. Called by the store."""

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from peewee import Database, SqliteDatabase
from playhouse.pool import PooledSqliteDatabase

from devtools.errors import BusyError, UnavailableError, ValidationError
from devtools.storage import functions
from devtools.storage.faults import DATABASE_ERRORS, VALUE_ERRORS, fault_of, translated, translating
from devtools.storage.gate import Gate
from devtools.storage.lease import PRIVATE, Lease
from devtools.storage.migrate import Migrations
from devtools.storage.targets import MEMORY, Target
from devtools.telemetry.context import own_work

MAX_READERS = 5
MAX_LIFETIME_SECONDS = 300
READ_SECONDS = 10.0
"""A query that takes longer is stopped."""
PRAGMAS: dict[str, object] = {
    "busy_timeout": 5_000,
    "journal_mode": "wal",
    "synchronous": "normal",
    "foreign_keys": 1,
    "mmap_size": 0,
    "cache_size": -65_536,
    "temp_store": "memory",
    # SQLite before 3.51.3 can corrupt a file when two connections checkpoint at once: the holder of the lease alone does.
    "wal_autocheckpoint": 0,
    "journal_size_limit": 4_000_000,
}
SHOWN_PRAGMAS = (
    "journal_mode",
    "synchronous",
    "busy_timeout",
    "foreign_keys",
    "cache_size",
    "mmap_size",
    "wal_autocheckpoint",
)

HEADER = b"SQLite format 3\0"
OWN_TABLES = frozenset({"schema_migration", "schema_checksum"})
"""What every database of ours has."""

_FOR_GOOD = {errno.EPERM, errno.EACCES, errno.EEXIST, errno.ENOTDIR, errno.EROFS}
"""Why a file cannot be made that waiting does not mend."""
_STEPS_BETWEEN_CHECKS = 20_000
_abandoned: list[object] = []
"""Connections of the parent process: closing them in a fork would disturb the parent, so they are kept from the collector."""


class LogFile(NamedTuple):
    """Size and time of the write-ahead log."""

    size: int
    modified_ns: int


class Sqlite:
    """One database. `reading()` and `writing()` work from any thread; errors of SQLite come out as ours."""

    kind: Literal["sqlite"] = "sqlite"
    conflict_clause = ' ON CONFLICT("id") DO NOTHING'
    max_parameters = 30_000

    def __init__(self, target: Target, *, read_only: bool = False) -> None:
        self.read_only = read_only
        self.path = None if target.location == MEMORY else Path(os.path.abspath(target.location))  # noqa: PTH100 - resolve() follows links
        self.url = "sqlite:///:memory:" if self.path is None else f"sqlite:///{self.path}"
        self.lock_path = None if self.path is None else self.path.with_name(self.path.name + ".lock")
        self._lock = threading.RLock()
        self._checkpointing = threading.RLock()
        self._gate = Gate()
        self._opening = threading.Lock()
        """For the moment in which the readers are made: no read waits for a write."""
        self._writer: SqliteDatabase | None = None
        self._readers: PooledSqliteDatabase | None = None
        self._opened: tuple[int, int] | None = None
        self.pragmas: tuple[tuple[str, str], ...] = ()
        """The settings of the connection that writes, or where there is none, of those that read; empty before `open`."""

    # -- opening

    def open(self, lease: Lease, *, upgrade: bool) -> str | None:
        """Make directory, file and tables where they are missing; answers what the user must be told, if anything.

        Raises ValidationError for a place that cannot be used, MigrationError for a schema that cannot.
        """
        try:
            told = self._open_to_read() if self.read_only else self._open_to_write(lease, upgrade)
            self.pragmas = self._read_pragmas()
        except BaseException:
            self.disconnect()
            raise
        return told

    def _open_to_read(self) -> None:
        self._refuse_foreign(self._require_file())
        with self.reading() as database:
            Migrations(database, self.url).check()

    def _open_to_write(self, lease: Lease, upgrade: bool) -> str | None:
        with translating(self.url):
            return (
                self._prepare(self.path, lease, upgrade) if self.path is not None else self._migrate(upgrade)
            )

    def _prepare(self, path: Path, lease: Lease, upgrade: bool) -> str | None:
        self._make_directory(path)
        self._refuse_foreign(path)
        told = None
        with ExitStack() as held:
            try:
                locked = held.enter_context(lease.exclusive(lambda: self._is_ready(upgrade)))
            except OSError as error:
                raise self._unusable(f"cannot lock {lease.path}: {error.strerror}", error) from error
            if locked:
                told = self._set_aside_if_damaged(path)
                self._make_file(path)
                self._migrate(upgrade)
        self._opened = _identity(path)
        return told

    def _require_file(self) -> Path:
        if self.path is not None:
            self._refuse_directory(self.path)
        if self.path is None or not self.path.is_file():
            raise ValidationError(
                f"database {self.url}: there is no such file. Nothing was made, because it was to be read only.",
                field="database",
                value=self.url,
            )
        return self.path

    def _refuse_directory(self, path: Path) -> None:
        if path.is_dir():
            raise ValidationError(
                f"database {self.url}: that is a directory. Name a file in it, as in {self.url}/devtools.db.",
                field="database",
                value=self.url,
            )

    def _make_directory(self, path: Path) -> None:
        self._refuse_directory(path)
        folder = path.parent
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, mode=0o700, exist_ok=True)
                (folder / ".gitignore").write_text("*\n", encoding="ascii")
        except OSError as error:
            raise self._unusable(f"cannot make the directory {folder}: {error.strerror}", error) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise self._unusable(f"the directory {folder} cannot be written", None)

    def _unusable(self, why: str, error: OSError | None) -> ValidationError | UnavailableError:
        if error is not None and error.errno not in _FOR_GOOD:
            return UnavailableError(f"database {self.url}: {why}. It is tried again until it can be used.")
        return ValidationError(
            f"database {self.url}: {why}. Choose another place or change its permissions.",
            field="database",
            value=self.url,
        )

    def _refuse_foreign(self, path: Path) -> None:
        """A file that is not ours is left as it is: a wrong path must cost nobody a file."""
        if not self._is_ours(path):
            raise ValidationError(
                f"database {self.url}: there is another file, which is not a database of devtools. "
                "Nothing was changed. Choose another name.",
                field="database",
                value=self.url,
            )

    def _is_ours(self, path: Path) -> bool:
        """Whether the file is missing, empty or was made here. Our lock beside it tells that even of a damaged one."""
        if _size(str(path)) == 0 or (self.lock_path is not None and self.lock_path.exists()):
            return True
        with suppress(OSError, sqlite3.Error), path.open("rb") as file:
            if file.read(len(HEADER)) == HEADER:
                with closing(sqlite3.connect(_uri(path, "ro"), uri=True)) as connection:
                    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
                return not found or found >= OWN_TABLES
        return False

    def _make_file(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        except OSError as error:
            raise self._unusable(f"cannot make the file: {error.strerror}", error) from error
        try:
            # The umask may have taken bits away, and another tool may have made it readable for all.
            if os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, PRIVATE)
        finally:
            os.close(descriptor)

    def _is_ready(self, upgrade: bool) -> bool:
        """Whether file and tables are there and sound, so that opening changes nothing."""
        if self.path is None or _identity(self.path) is None or not _is_wal(self.path):
            return False
        try:
            migrations = Migrations(self._connected_writer(), self.url)
            if not upgrade:
                migrations.require_current()
            migrations.check()
            return not migrations.pending() and self._is_sound()
        except (*DATABASE_ERRORS, BusyError):
            return False
        finally:
            self.disconnect()

    def _migrate(self, upgrade: bool) -> None:
        with self._lock:
            try:
                migrations = Migrations(self._connected_writer(), self.url)
                if upgrade:
                    migrations.upgrade()
                else:
                    migrations.require_current()
            except (*DATABASE_ERRORS, *VALUE_ERRORS) as error:
                self.disconnect()
                raise translated(error, self.url) from error

    # -- damage

    def _is_sound(self) -> bool:
        """A look at the ends of every table: what a torn or foreign file fails. A full check would read all of it."""
        try:
            database = self._connected_writer()
            for table in database.get_tables():
                database.execute_sql(f'SELECT * FROM "{table}" LIMIT 1').fetchall()  # noqa: S608 - a name of the schema
                database.execute_sql(f'SELECT max(rowid) FROM "{table}"').fetchall()  # noqa: S608
        except DATABASE_ERRORS as error:
            if fault_of(error) == "damaged":
                return False
            raise
        return True

    def _set_aside_if_damaged(self, path: Path) -> str | None:
        if not path.exists() or path.stat().st_size == 0:
            return None
        try:
            with self._lock:
                if self._is_sound():
                    return None
        finally:
            self.disconnect()
        return self._set_aside(path)

    def _set_aside(self, path: Path) -> str:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")  # noqa: UP017 - reads the same on 3.11
        aside = path.with_name(f"{path.name}.damaged-{stamp}")
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")  # noqa: PTH105 - text paths: a suffix is added
        return f"{path} was damaged and has been moved to {aside}; a new database was begun"

    def set_damaged_aside(self, lease: Lease) -> str | None:
        """The file was found damaged while in use: move it away unless another process already has."""
        if self.path is None:
            return None
        self.disconnect()
        with lease.exclusive(lambda: self.replaced()) as locked:
            return self._set_aside_if_damaged(self.path) if locked else None

    def replaced(self) -> bool:
        """Whether the file that was opened is no longer the one at this path."""
        return self.path is not None and _identity(self.path) != self._opened

    # -- connections

    @contextmanager
    def writing(self, timeout: float = 10.0) -> Generator[Database]:
        """One immediate transaction on the one connection that writes."""
        if self.read_only:
            raise UnavailableError(f"{self.url} was opened for reading only.")
        if not self._lock.acquire(timeout=timeout):
            raise BusyError(f"{self.url} is busy with another write of this process. Try again.")
        try:
            with own_work():
                try:
                    with self._connected_writer().atomic("IMMEDIATE") as _:
                        yield self._connected_writer()
                except (*DATABASE_ERRORS, *VALUE_ERRORS) as error:
                    if fault_of(error) not in {"refused", "busy"} and self.path is not None:
                        self._close_writer()
                    raise translated(error, self.url) from error
        finally:
            self._lock.release()

    @contextmanager
    def reading(self, seconds: float = READ_SECONDS) -> Generator[Database]:
        """A connection for queries, for a moment. Do not nest."""
        try:
            with own_work():
                if self.path is None:
                    with self._lock:
                        yield self._connected_writer()
                    return
                readers = self._connected_readers()
                with self._gate.passing(), readers.connection_context():
                    deadline = time.monotonic() + seconds
                    connection: sqlite3.Connection = readers.connection()
                    connection.set_progress_handler(
                        lambda: self._gate.hurried or time.monotonic() > deadline, _STEPS_BETWEEN_CHECKS
                    )
                    yield readers
        except (*DATABASE_ERRORS, *VALUE_ERRORS) as error:
            raise translated(error, self.url) from error

    def _connected_writer(self) -> SqliteDatabase:
        if self._writer is None:
            if self.path is None:
                name: str = MEMORY
            else:
                name = _uri(self.path, "rw")
            self._writer = SqliteDatabase(
                name,
                pragmas=PRAGMAS,
                thread_safe=False,
                check_same_thread=False,
                uri=True,
                cached_statements=256,
            )
            functions.register(self._writer)
        if self._writer.is_closed():
            self._writer.connect()
        return self._writer

    def _connected_readers(self) -> PooledSqliteDatabase:
        with self._opening:
            if self._readers is None:
                assert self.path is not None  # noqa: S101 - a database in memory has no readers
                own: dict[str, Any] = {
                    name: PRAGMAS[name] for name in ("busy_timeout", "mmap_size", "temp_store")
                }
                readers = PooledSqliteDatabase(
                    _uri(self.path, self._reading_mode(self.path)),
                    max_connections=MAX_READERS,
                    stale_timeout=MAX_LIFETIME_SECONDS,
                    timeout=READ_SECONDS,
                    pragmas={**own, "foreign_keys": 1, "cache_size": -16_384, "query_only": 1},
                    check_same_thread=False,
                    uri=True,
                )
                functions.register(readers)
                self._readers = readers
            return self._readers

    def _reading_mode(self, path: Path) -> str:
        """How to open for reading so that nothing is left behind.

        `ro` where the log files are there; else `rw`, still `query_only`, which takes away the log files that it makes.
        """
        if not self.read_only:
            return "rw"
        if Path(f"{path}-wal").exists() or not os.access(path, os.W_OK):
            return (
                "ro" if Path(f"{path}-shm").exists() or os.access(path.parent, os.W_OK) else "ro&immutable=1"
            )
        return "rw"

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(*DATABASE_ERRORS):
                writer.close()

    def disconnect(self) -> None:
        """Close every connection; the next use opens new ones."""
        if self.path is not None:
            with self._lock:
                self._close_all()

    def close(self, timeout: float = 10.0) -> None:
        """Close for good, also a database in memory. What another thread still writes with after `timeout` seconds stays open."""
        if self._lock.acquire(timeout=timeout):
            try:
                self._close_all()
            finally:
                self._lock.release()

    def _close_all(self) -> None:
        self._close_writer()
        readers, self._readers = self._readers, None
        if readers is not None:
            readers.close_idle()

    def hold(self) -> bool:
        """Keep reads, writers and checkpoints of this process out until `let_go()`; False when a write would not end soon."""
        self._gate.shut()
        if not self._lock.acquire(timeout=1.0):
            self._gate.open()
            return False
        if not self._checkpointing.acquire(timeout=1.0):
            self._lock.release()
            self._gate.open()
            return False
        return True

    def let_go(self) -> None:
        """The end of `hold()`."""
        self._checkpointing.release()
        self._lock.release()
        self._gate.open()

    def abandon(self) -> None:
        """In a forked child: forget the parent's connections without closing them."""
        _abandoned.extend(held for held in (self._writer, self._readers) if held is not None)
        self._writer = self._readers = None
        self._lock = threading.RLock()
        self._checkpointing = threading.RLock()
        self._gate = Gate()
        self._opening = threading.Lock()

    # -- what it says about itself

    def checkpoint(self) -> None:
        """Copy what readers no longer need from the log into the file, without making anyone wait."""
        if self.path is None:
            return
        uri = _uri(self.path, "rw")
        with (
            self._checkpointing,
            translating(self.url),
            closing(sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA mmap_size=0")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def log(self) -> LogFile:
        """The write-ahead log as it is now."""
        try:
            found = os.stat(f"{self.path}-wal")  # noqa: PTH116 - a suffix is added to the text
        except OSError:
            return LogFile(0, 0)
        return LogFile(found.st_size, found.st_mtime_ns)

    def size_bytes(self) -> int | None:
        """Size of the file with its log; None in memory."""
        return (
            None
            if self.path is None
            else sum(_size(f"{self.path}{suffix}") for suffix in ("", "-wal", "-shm"))
        )

    def _read_pragmas(self) -> tuple[tuple[str, str], ...]:
        if self.read_only:
            with self.reading() as reader:
                rows = [reader.execute_sql(f"PRAGMA {name}").fetchone() for name in SHOWN_PRAGMAS]
        else:
            with self._lock, translating(self.url):
                writer = self._connected_writer()
                rows = [writer.execute_sql(f"PRAGMA {name}").fetchone() for name in SHOWN_PRAGMAS]
        return tuple(
            (name, str(row[0])) for name, row in zip(SHOWN_PRAGMAS, rows, strict=True) if row is not None
        )

    @property
    def version(self) -> str:
        """Version of the SQLite library."""
        return sqlite3.sqlite_version


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_wal(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"
    return False


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a suffix is added to the text
    except OSError:
        return 0
