"""Quart."""

from quart import Quart, Response, websocket

from tests.apps.wrapped import say, wrapped

quart = Quart(__name__)


@quart.get("/hello/<name>")
async def hello(name):
    return Response(f"hello {name}", mimetype="text/plain")


@quart.get("/broken")
async def broken():
    raise RuntimeError("it is broken")


@quart.get("/stream")
async def stream():
    async def parts():
        yield b"one"
        yield b"two"

    return parts(), {"content-type": "text/plain"}


@quart.websocket("/talk/<name>")
async def talk(name):
    await websocket.send(f"hello {name}")
    if name == "trouble":
        raise RuntimeError("it is broken")
    await websocket.send(await websocket.receive())
    await websocket.close(1000)


@quart.before_serving
async def up():
    say("up")


@quart.after_serving
async def down():
    say("down")


app = wrapped(quart)
