"""Litestar, which answers its own exceptions."""

from collections.abc import AsyncIterator

from litestar import Litestar, MediaType, get
from litestar.response import Stream

from tests.apps.wrapped import say, wrapped


@get("/hello/{name:str}", media_type=MediaType.TEXT)
async def hello(name: str) -> str:
    return f"hello {name}"


@get("/broken")
async def broken() -> None:
    raise RuntimeError("it is broken")


@get("/stream", media_type=MediaType.TEXT)
async def stream() -> Stream:
    async def parts() -> AsyncIterator[str]:
        yield "one"
        yield "two"

    return Stream(parts(), media_type=MediaType.TEXT)


async def up() -> None:
    say("up")


async def down() -> None:
    say("down")


app = wrapped(Litestar([hello, broken, stream], on_startup=[up], on_shutdown=[down]))
