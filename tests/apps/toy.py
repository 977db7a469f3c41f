"""A small app that tests start as a real process. What it is changes with TOY_VERSION."""

import asyncio
import logging
import os

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from devtools import event, hook, mount, resource, task

logger = logging.getLogger("toy")
greeted = event("toy.greeted", payload=dict[str, str])
names = resource("toy.names", health=lambda: True)


@task(emits=[greeted], depends_on=[names])
async def greet(name: str) -> str:
    """Say hello."""
    logger.info("greeting %s", name)
    await greeted.emit({"name": name})
    return f"hello {name}"


@hook(greeted)
async def count(payload: dict[str, str]) -> None:
    """Count greetings."""
    await asyncio.sleep(0)


async def hello(request: Request) -> Response:
    """Greet somebody."""
    return PlainTextResponse(await greet(request.path_params["name"]))


async def broken(_: Request) -> Response:
    """Fail."""
    raise RuntimeError("the toy is broken")


async def refused(_: Request) -> Response:
    """Answer 404."""
    raise HTTPException(404)


async def later(_: Request) -> Response:
    """Do something afterwards."""
    return JSONResponse({"ok": True}, background=BackgroundTask(greet, "later"))


async def pid(_: Request) -> Response:
    """Say who answers."""
    return PlainTextResponse(str(os.getpid()))


async def everything(_: Request) -> Response:
    """A catch-all."""
    return PlainTextResponse("caught")


async def echo(socket: WebSocket) -> None:
    """Say it back."""
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


routes = [
    Route("/hello/{name}", hello),
    Route("/broken", broken),
    Route("/refused", refused),
    Route("/later", later),
    Route("/pid", pid),
    WebSocketRoute("/echo", echo),
]
routes += [Route(f"/version/{number}", hello) for number in range(int(os.environ.get("TOY_VERSION", "0")))]
app = Starlette(
    routes=[*routes, Route("/{rest:path}", everything)],
    middleware=[Middleware(CORSMiddleware, allow_origins=["*"])],
)
devtools = mount(app, database=os.environ.get("TOY_DATABASE"), app="toy")
