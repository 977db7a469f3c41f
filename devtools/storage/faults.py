"""What went wrong in a database, as one of our errors. Called wherever a statement is run."""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Literal

from peewee import PeeweeException

from devtools.errors import BusyError, ConstraintError, DevToolsError, LimitExceededError, UnavailableError

Fault = Literal["busy", "full", "damaged", "interrupted", "refused", "missing", "down"]

DATABASE_ERRORS = (PeeweeException, sqlite3.Error)
VALUE_ERRORS = (OverflowError, UnicodeError)
"""What a driver raises for a value that it cannot write."""

_SIGNS: tuple[tuple[str, Fault], ...] = (
    ("constraint failed", "refused"),
    ("binding parameter", "refused"),
    ("string or blob too big", "refused"),
    ("interrupted", "interrupted"),
    ("locked", "busy"),
    ("disk is full", "full"),
    ("malformed", "damaged"),
    ("not a database", "damaged"),
    ("encrypted", "damaged"),
    ("no such table", "missing"),
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it. A full disk arrives as `cannot rollback`; its cause stands further on."""
    found: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in found:
        found.append(step)
        step = step.__cause__ or step.__context__
    return iter(found)


def fault_of(error: BaseException) -> Fault:
    """What kind of fault the error means."""
    for step in chain(error):
        if isinstance(step, VALUE_ERRORS):
            return "refused"
        message = str(step).lower()
        for sign, fault in _SIGNS:
            if sign in message:
                return fault
    return "down"


def is_logic_error(error: BaseException) -> bool:
    """Whether the statement itself is wrong for this schema, rather than the place or the moment."""
    return any(getattr(step, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR for step in chain(error))


def root_message(error: BaseException) -> str:
    """The text of the first cause that belongs to the database."""
    messages = [
        str(step) for step in chain(error) if isinstance(step, (*DATABASE_ERRORS, OSError, *VALUE_ERRORS))
    ]
    return messages[-1] if messages else str(error)


def translated(error: BaseException, where: str) -> DevToolsError:
    """Our error for one of a database at `where`."""
    message = root_message(error)
    fault = fault_of(error)
    if fault == "busy":
        return BusyError(f"{where} is locked by another process ({message}). Try again.")
    if fault == "refused":
        return ConstraintError(f"{where} refused a row: {message}.")
    if fault == "interrupted":
        return LimitExceededError(f"{where}: the query took too long. Narrow the filter.")
    remedies: dict[Fault, str] = {
        "full": "Free some space; writing resumes by itself.",
        "damaged": "The file is damaged; it is moved aside and a new one begun at the next start.",
        "missing": "Its tables are not there. Run: devtools db upgrade.",
    }
    remedy = remedies.get(fault, "Writing resumes by itself once it can be reached.")
    return UnavailableError(f"{where} cannot be used now: {message}. {remedy}")


@contextmanager
def translating(where: str) -> Generator[None]:
    """Raise errors of the database as ours."""
    try:
        yield
    except (*DATABASE_ERRORS, *VALUE_ERRORS) as error:
        raise translated(error, where) from error
