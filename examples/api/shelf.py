"""The shelf: every book and loan, in memory. One is opened for each request and put back after it."""

import logging
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, Request

from examples.api.models import Book, Genre, Loan, NewBook

logger = logging.getLogger(__name__)

FIRST_BOOKS = (
    NewBook(title="The Left Hand of Darkness", author="Ursula K. Le Guin", pages=304),
    NewBook(title="Silent Spring", author="Rachel Carson", genre=Genre.science, pages=400),
    NewBook(title="In Patagonia", author="Bruce Chatwin", genre=Genre.travel, pages=240),
)


class UnknownBook(Exception):
    """There is no such book."""


class AlreadyLent(Exception):
    """Somebody else has it."""


class Shelf:
    """Books and loans by number."""

    def __init__(self) -> None:
        self.books: dict[int, Book] = {}
        self.loans: dict[int, Loan] = {}
        self.receipts: list[str] = []

    def add(self, new: NewBook) -> Book:
        """Put a book on the shelf."""
        book = Book(id=len(self.books) + 1, **new.model_dump())
        self.books[book.id] = book
        return book

    def find(self, book_id: int) -> Book:
        """The book of this number. Raises UnknownBook."""
        book = self.books.get(book_id)
        if book is None:
            raise UnknownBook(f"There is no book {book_id}.")
        return book

    def lend(self, book_id: int, member: str) -> Loan:
        """Give the book to a member. Raises UnknownBook and AlreadyLent."""
        book = self.find(book_id)
        if any(loan.book.id == book_id for loan in self.loans.values()):
            raise AlreadyLent(f"{book.title} is on loan.")
        loan = Loan(id=len(self.loans) + 1, book=book, member=member)
        self.loans[loan.id] = loan
        return loan


def new_shelf() -> Shelf:
    """A shelf with the first books on it."""
    shelf = Shelf()
    for book in FIRST_BOOKS:
        shelf.add(book)
    return shelf


def get_shelf(request: Request) -> Shelf:
    """The shelf of this app, made when it starts."""
    shelf: Shelf = request.app.state.shelf
    return shelf


async def open_shelf(shelf: Annotated[Shelf, Depends(get_shelf)]) -> AsyncGenerator[Shelf]:
    """Use the shelf, and say afterwards how much is on it."""
    try:
        yield shelf
    finally:
        logger.info("%d books on the shelf", len(shelf.books))


OpenShelf = Annotated[Shelf, Depends(open_shelf)]
