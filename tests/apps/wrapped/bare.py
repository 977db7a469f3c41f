"""Plain ASGI: a function, and an instance of a class."""

from tests.apps.wrapped import say, wrapped


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        say("up")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        say("down")
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "websocket":
        await talk(scope["path"].rpartition("/")[2], receive, send)
        return
    if scope["path"] == "/broken":
        raise RuntimeError("it is broken")
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})
    else:
        await send(
            {"type": "http.response.body", "body": b"hello " + scope["path"].rpartition("/")[2].encode()}
        )


async def talk(name, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"hello {name}"})
    if name == "trouble":
        raise RuntimeError("it is broken")
    heard = await receive()
    await send({"type": "websocket.send", "text": heard["text"]})
    await send({"type": "websocket.close", "code": 1000})


class Application:
    async def __call__(self, scope, receive, send):
        await application(scope, receive, send)


function = wrapped(application)
instance = wrapped(Application())
