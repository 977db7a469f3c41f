"""Whether other workers run beside this process. Asked by the store in memory: without a database each has its own records."""

import multiprocessing
import os
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

SPAWNED = b"--multiprocessing-fork"
"""What stands in the command line of a process that `multiprocessing` spawned, as uvicorn does."""


def workers() -> int:
    """How many workers there are, this process among them; 1 where no other can be seen."""
    return max(_running(), _told(), 1)


def _running() -> int:
    """Processes of the same parent with the same command, where the operating system lists them (Linux)."""
    parent = os.getppid()
    own = _command(os.getpid())
    if not own or not (SPAWNED in own or own == _command(parent)):
        return 0  # started by a shell or a service: what runs beside it is something else
    with suppress(OSError):
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
        commands = [_command(int(child)) for child in children]
        return sum(SPAWNED in command if SPAWNED in own else command == own for command in commands)
    return 0


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _told() -> int:
    """The number of workers that the server was started with, where this process is one of them."""
    if multiprocessing.parent_process() is None and "gunicorn.arbiter" not in sys.modules:
        return 0
    words = [*sys.argv, ""]
    for word, following in pairwise(words):
        name, _, value = word.partition("=")
        if name in {"--workers", "-w"}:
            return _number(value or following)
    return _number(os.environ.get("WEB_CONCURRENCY", ""))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
