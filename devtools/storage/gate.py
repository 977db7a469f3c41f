"""Lets reads through until a fork shuts it: a child must not inherit SQLite's own locks from a thread that it does not have."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

PATIENCE_SECONDS = 0.5
"""How long a fork waits for reads under way before it has them ended, and then again."""
FORK_SECONDS = 5.0
"""The longest that a read waits for a fork."""


class Gate:
    """Where reads go in and out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: list[int] = []
        """The threads that read now."""
        self._shut = False
        self.hurried = False
        """Whether reads under way are to end now."""

    @contextmanager
    def passing(self) -> Generator[None]:
        """Around one read. Waits while the gate is shut."""
        thread = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._shut or thread in self._inside, FORK_SECONDS)
            self._inside.append(thread)
        try:
            yield
        finally:
            with self._changed:
                self._inside.remove(thread)
                self._changed.notify_all()

    def shut(self) -> bool:
        """Let no read begin, and wait for those under way; False when one would not end."""
        with self._changed:
            self._shut = True
            if self._changed.wait_for(self._is_empty, PATIENCE_SECONDS):
                return True
            self.hurried = True
            return self._changed.wait_for(self._is_empty, PATIENCE_SECONDS)

    def open(self) -> None:
        """The end of `shut()`."""
        with self._changed:
            self._shut = self.hurried = False
            self._changed.notify_all()

    def _is_empty(self) -> bool:
        """But for the thread that forks."""
        return all(thread == threading.get_ident() for thread in self._inside)
