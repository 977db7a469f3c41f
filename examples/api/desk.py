"""The librarian's desk: an app of its own, mounted below the library's."""

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from examples.api.shelf import Shelf

desk = FastAPI(title="Desk", openapi_tags=[{"name": "desk", "description": "Only at the desk."}])


def library_shelf(request: Request) -> Shelf:
    """The shelf of the library that the desk stands in."""
    shelf: Shelf = request.state.shelf
    return shelf


@desk.get("/count", tags=["desk"])
async def count_books(shelf: Annotated[Shelf, Depends(library_shelf)]) -> dict[str, int]:
    """How many books and loans there are."""
    return {"books": len(shelf.books), "loans": len(shelf.loans)}


@desk.post("/covers/{book_id}", tags=["desk"])
async def add_cover(request: Request, book_id: int) -> dict[str, int]:
    """Keep the picture of a cover, read while it comes."""
    return {"book": book_id, "bytes": sum([len(chunk) async for chunk in request.stream()])}
