"""The library as a FastAPI app: routers, middleware, what it answers to its errors. Knows nothing of devtools."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from examples.api import books, feed, loans
from examples.api.desk import desk
from examples.api.middleware import Signed
from examples.api.models import Problem
from examples.api.shelf import AlreadyLent, Shelf, UnknownBook, new_shelf

TAGS = [
    {"name": "books", "description": "What stands on the shelf."},
    {"name": "loans", "description": "Who has what."},
]


class State(TypedDict):
    """What every request finds in `request.state`."""

    shelf: Shelf


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[State]:
    """Fill the shelf."""
    app.state.shelf = shelf = new_shelf()
    yield {"shelf": shelf}
    shelf.books.clear()


async def refuse_unknown(_: Request, error: UnknownBook) -> JSONResponse:
    """Answer 404."""
    return JSONResponse(Problem(error="unknown_book", message=str(error)).model_dump(), 404)


async def refuse_lent(_: Request, error: AlreadyLent) -> JSONResponse:
    """Answer 409."""
    return JSONResponse(Problem(error="already_lent", message=str(error)).model_dump(), 409)


async def home() -> RedirectResponse:
    """Go to the books."""
    return RedirectResponse("/books")


async def burn() -> None:
    """Fail, as everything does one day."""
    raise RuntimeError("The library is on fire.")


async def show_anything(rest: str) -> PlainTextResponse:
    """Answer every other path, as an app does that serves a page for all of them."""
    return PlainTextResponse(f"Nothing at /{rest}, but the library is open.")


def make_app() -> FastAPI:
    """The library."""
    app = FastAPI(title="Library", version="1.2.0", lifespan=lifespan, openapi_tags=TAGS)
    app.add_middleware(Signed, name="reading room")
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["x-librarian"]
    )
    app.add_exception_handler(UnknownBook, refuse_unknown)  # type: ignore[arg-type] # Starlette asks for `Exception`
    app.add_exception_handler(AlreadyLent, refuse_lent)  # type: ignore[arg-type] # as above
    app.add_api_route("/", home, include_in_schema=False)
    app.add_api_route("/burn", burn)
    for part in (books, loans, feed):
        app.include_router(part.router)
    app.mount("/desk", desk)
    app.add_api_route("/{rest:path}", show_anything, methods=["GET"], include_in_schema=False)
    return app
