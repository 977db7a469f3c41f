"""The right to do the housekeeping of one database: a lock on `<file>.lock`, freed by the kernel when its holder dies."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from devtools.errors import BusyError

POLL_SECONDS = 0.02
PRIVATE = 0o600


class Lease:
    """One process's side of the lease. Without a path (a database in memory) it is always held."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self.path is None or self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lease if nobody has it."""
        if self.held:
            return True
        assert self.path is not None  # noqa: S101 - `held` without one
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            os.fchmod(descriptor, PRIVATE)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EPERM}:
                return False
            raise
        self._descriptor = descriptor
        with suppress(OSError):  # a full disk: only the name of the holder is missing then
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{socket.gethostname()}:{os.getpid()}".encode(), 0)
        return True

    def release(self) -> None:
        """Give it up."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    @contextmanager
    def exclusive(self, ready: Callable[[], bool], timeout: float = 10.0) -> Generator[bool]:
        """Hold the lease for a moment. Answers False, without it, once `ready()` says nothing is left to do.

        Raises BusyError when another process keeps it for longer than `timeout` seconds.
        """
        if self.held:
            yield True
            return
        deadline = time.monotonic() + timeout
        while not ready():
            if self.try_acquire():
                try:
                    yield True
                finally:
                    self.release()
                return
            if time.monotonic() > deadline:
                raise BusyError(
                    f"Cannot prepare the database: {self.holder() or 'another process'} holds {self.path}. "
                    "End that process or try again."
                )
            time.sleep(POLL_SECONDS)
        yield False

    def holder(self) -> str | None:
        """`host:pid` of the process that holds it, None when nobody does. Creates nothing."""
        if self.path is None:
            return f"{socket.gethostname()}:{os.getpid()}"
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            return os.pread(descriptor, 200, 0).decode(errors="replace") or None
        finally:
            os.close(descriptor)
