"""Books and their copies: a router within a router."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Response, status
from fastapi.responses import PlainTextResponse, StreamingResponse

from examples.api.models import Book, Copy, Genre, NewBook, Problem
from examples.api.paging import Page
from examples.api.security import require_librarian
from examples.api.shelf import OpenShelf

BookId = Annotated[int, Path(ge=1)]

router = APIRouter(prefix="/books", tags=["books"], responses={404: {"model": Problem}})
copies = APIRouter(prefix="/{book_id}/copies", tags=["copies"])


@router.get("")
async def list_books(
    shelf: OpenShelf, page: Annotated[Page, Depends()], genre: Genre | None = None
) -> list[Book]:
    """Books in the order in which they came; with `?genre=` only those."""
    found = [book for book in shelf.books.values() if genre in (None, book.genre)]
    return page.of(found)


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[Depends(require_librarian)])
async def add_book(shelf: OpenShelf, book: NewBook) -> Book:
    """Put a book on the shelf."""
    return shelf.add(book)


@router.get("/titles.txt", response_class=PlainTextResponse)
async def list_titles(shelf: OpenShelf) -> str:
    """Every title, one a line."""
    return "\n".join(book.title for book in shelf.books.values())


@router.get("/export", summary="Export the shelf")
async def export_books(shelf: OpenShelf) -> StreamingResponse:
    """Every book as one line of JSON, sent while it is read."""
    lines = (book.model_dump_json() + "\n" for book in tuple(shelf.books.values()))
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.get("/{book_id}", response_model=Book, responses={200: {"description": "The book."}})
async def show_book(shelf: OpenShelf, book_id: BookId):
    """One book."""
    return shelf.find(book_id)


@router.put("/{book_id}/note", deprecated=True)
async def keep_note(shelf: OpenShelf, book_id: BookId, note: Annotated[str, Body(embed=True)]):
    """Write a note about a book. Nothing says what this answers."""
    return {"book": shelf.find(book_id).title, "note": note}


@router.delete("/{book_id}", status_code=204, dependencies=[Depends(require_librarian)])
async def remove_book(shelf: OpenShelf, book_id: BookId) -> Response:
    """Take a book off the shelf."""
    del shelf.books[shelf.find(book_id).id]
    return Response(status_code=204)


@copies.get("/{number}")
async def show_copy(shelf: OpenShelf, book_id: BookId, number: int) -> Copy:
    """One copy of a book."""
    return Copy(book_id=shelf.find(book_id).id, number=number)


router.include_router(copies)
