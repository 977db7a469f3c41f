"""Which part of a list is wanted."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Query

T = TypeVar("T")


class Page:
    """A part of a list, from the query string."""

    def __init__(
        self,
        offset: Annotated[int, Query(ge=0, description="How many to leave out.")] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
    ) -> None:
        self.offset = offset
        self.limit = limit

    def of(self, things: Sequence[T]) -> list[T]:
        """That part."""
        return list(things[self.offset : self.offset + self.limit])
