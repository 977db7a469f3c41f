"""Litestar, which answers its own exceptions."""

from collections.abc import AsyncIterator

from litestar import Litestar, MediaType, WebSocket, get, websocket
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


@websocket("/talk/{name:str}")
async def talk(socket: WebSocket, name: str) -> None:
    await socket.accept()
    await socket.send_text(f"hello {name}")
    if name == "trouble":
        raise RuntimeError("it is broken")
    await socket.send_text(await socket.receive_text())
    await socket.close()


async def up() -> None:
    say("up")


async def down() -> None:
    say("down")


app = wrapped(Litestar([hello, broken, stream, talk], on_startup=[up], on_shutdown=[down]))
