"""What the library speaks of: what is sent to it, what it answers."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field


class Genre(StrEnum):
    """What sort of book it is."""

    novel = "novel"
    science = "science"
    travel = "travel"


class NewBook(BaseModel):
    """A book as it is handed in."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    author: str
    genre: Genre = Genre.novel
    pages: Annotated[int, Field(gt=0, description="Without the cover.")]


class Book(NewBook):
    """A book on the shelf."""

    id: int


class Copy(BaseModel):
    """One copy of a book."""

    book_id: int
    number: int
    on_loan: bool = False


class Loan(BaseModel):
    """Who has which book."""

    id: int
    book: Book
    member: str


class Member(BaseModel):
    """Who may lend."""

    name: str
    scopes: tuple[str, ...] = ()


class Problem(BaseModel):
    """Why something was refused."""

    error: str
    message: str
