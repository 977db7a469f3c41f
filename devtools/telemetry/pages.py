"""Pages of records: order, cursor, and the protocol that rings and databases answer history with."""

import base64
import binascii
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from devtools.errors import ValidationError
from devtools.records import Record
from devtools.telemetry.filters import Filter

R = TypeVar("R", bound=Record)

DEFAULT_PAGE = 100


class Order(enum.Enum):
    """Order by id, which follows time."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@dataclass(frozen=True)
class PageRequest:
    """Which page: at most `first` records beyond the record id `after`, in this order."""

    first: int = DEFAULT_PAGE
    after: int | None = None
    order: Order = Order.NEWEST


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page, in the order asked for."""

    records: Sequence[R]
    has_next: bool
    has_previous: bool


class History(Protocol):
    """What was recorded. Implemented over the rings and over a database; the contract suite holds both to the same answers."""

    def page(self, record_type: type[R], query: Filter, request: PageRequest) -> Page[R]:
        """One page of a kind. Raises UnavailableError when the store cannot be read now."""
        ...

    def count(self, record_type: type[Record], query: Filter) -> int:
        """How many records of a kind pass the filter."""
        ...

    def pages_by(
        self, record_type: type[R], field: str, values: Sequence[int], first: int
    ) -> Mapping[int, Page[R]]:
        """For every value the page that `page` answers for records whose field is it, oldest first: all in few questions."""
        ...

    def counts_by(self, record_type: type[Record], field: str, values: Sequence[int]) -> Mapping[int, int]:
        """For every value how many records there are whose field is it."""
        ...

    def oldest(self, record_type: type[Record]) -> int | None:
        """Id of the oldest record kept of a kind."""
        ...

    def evicted_before(self, record_type: type[Record]) -> float | None:
        """Unix milliseconds before which records of a kind were evicted; None when nothing was."""
        ...


def encode_cursor(record: Record) -> str:
    """The opaque cursor of a record."""
    return base64.urlsafe_b64encode(f"{record.kind}:{record.id}".encode()).decode().rstrip("=")


def decode_cursor(record_type: type[Record], cursor: str) -> int:
    """The record id behind a cursor. Raises ValidationError for anything `encode_cursor` did not make for this kind."""
    try:
        kind, _, number = (
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            .decode()
            .partition(":")
        )
        if kind == record_type.kind and number.isascii() and number.isdecimal() and len(number) < 20:
            return int(number)
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise ValidationError(
        f"{cursor[:100]!r} is not a cursor of {record_type.kind}s. Pass `endCursor` of an earlier page.",
        field="after",
        value=cursor,
    )
