"""The outermost ASGI layer: ours under the prefix, everything else recorded and passed on to the app.

`mount` and `wrap` both end here. Requests under the prefix never meet the app's middleware (a CORS `*` would be added to our
answers) nor its routes (a catch-all would win).
"""

from typing import Protocol

from devtools.sources.asgi_types import ASGIApp, Message, Receive, Scope, Send

_ENDINGS = frozenset({"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"})


class Host(Protocol):
    """What the layer asks of the DevTools it belongs to."""

    async def startup(self) -> None:
        """Open the store and start recording. Called before the app's own startup, or before the first request. Never raises."""
        ...

    def inspect(self) -> None:
        """The app has started: look at it, off the event loop."""
        ...

    async def shutdown(self) -> None:
        """The app has ended: write what is left and close."""
        ...

    @property
    def started(self) -> bool:
        """Whether startup has run."""
        ...

    @property
    def served(self) -> ASGIApp | None:
        """Our own application; None while it does not run."""
        ...

    @property
    def recorded(self) -> ASGIApp:
        """The app, with its requests recorded."""
        ...


class Layer:
    """Splits our requests from the app's, and follows the app's lifespan."""

    def __init__(self, app: ASGIApp, host: Host, prefix: str) -> None:
        self.app = app
        self.host = host
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        host = self.host
        served = host.served
        if served is None and not host.started:
            await host.startup()
            host.inspect()
            served = host.served
        # Every request of the app passes here: one look is enough for nearly all of them.
        if served is not None and self.prefix in scope.get("path", "") and self._is_ours(scope):
            await served(self._below(scope), receive, send)
        else:
            await host.recorded(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        prefix = _base(scope) + self.prefix
        path: str = scope["path"]
        return path == prefix or path.startswith(prefix + "/")

    def _below(self, scope: Scope) -> Scope:
        """The scope with the prefix moved into `root_path`, as ASGI mounts do."""
        root_path = scope.get("root_path", "")
        path = scope["path"] if _base(scope) == root_path else root_path + scope["path"]
        return {**scope, "root_path": root_path + self.prefix, "path": path}

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the lifespan on; begin before the app's startup, end after its shutdown.

        An app that neither asks nor says anything has no lifespan. Servers in `auto` mode would carry on and tell nobody of their
        end, so this one is answered in its place.
        """
        await self.host.startup()
        takes_part = inspected = False

        async def ask() -> Message:
            nonlocal takes_part
            takes_part = True
            return await receive()

        async def watch(message: Message) -> None:
            nonlocal takes_part, inspected
            takes_part = True
            if message["type"] == "lifespan.startup.complete":
                inspected = True
                self.host.inspect()
            elif message["type"] in _ENDINGS:
                inspected = True
                await self.host.shutdown()
            await send(message)

        try:
            await self.app(scope, ask, watch)
        except Exception as error:
            if takes_part or not _refuses_lifespans(error):
                raise
        finally:
            if not inspected:
                self.host.inspect()
        if not takes_part:
            await self._lifespan_of_ours(receive, send)

    async def _lifespan_of_ours(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.host.shutdown()
        await send({"type": "lifespan.shutdown.complete"})


def _refuses_lifespans(error: Exception) -> bool:
    """Whether an app says so that it takes none, as Django and `assert scope["type"] == "http"` do; else it failed to start."""
    match error:
        case AssertionError(args=()) | NotImplementedError():
            return True
        case ValueError(args=(str(text), *_)):
            return "lifespan" in text.lower()
        case _:
            return False


def _base(scope: Scope) -> str:
    """The part of `path` that is `root_path`: servers include it, proxies that strip it leave it out."""
    root_path: str = scope.get("root_path", "")
    path: str = scope["path"]
    return root_path if path == root_path or path.startswith(root_path + "/") else ""
