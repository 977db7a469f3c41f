"""The outermost ASGI layer: ours under the prefix, everything else recorded and passed on to the app.

`mount` and `wrap` both end here. Requests under the prefix never meet the app's middleware (a CORS `*` would be added to our
answers) nor its routes (a catch-all would win).
"""

from typing import Protocol

from devtools.settings import Settings
from devtools.sources.asgi import RecordRequests, base_path, is_below
from devtools.sources.asgi_types import ASGIApp, Message, Receive, Scope, Send

_ENDINGS = frozenset({"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"})


class Host(Protocol):
    """What the layer asks of the DevTools it belongs to."""

    async def startup(self, *, ends_unseen: bool = False) -> None:
        """Open the store and start recording. Never raises.

        Called before the app's own startup, or, where nobody will tell of its end (`ends_unseen`), before the first request.
        """
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


class Layer(RecordRequests):
    """Splits our requests from the app's, which it records, and follows the app's lifespan."""

    def __init__(self, app: ASGIApp, host: Host, settings: Settings) -> None:
        super().__init__(app, None, settings, prefix=settings.path)
        self.host = host
        self.served: ASGIApp | None = None
        """Our own application; None while it does not run."""

    async def passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The lifespan, our own requests, and the app's that are not recorded."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif self.served is None and not self.host.started:
            await self.host.startup(ends_unseen=True)
            self.host.inspect()
            await (self.app if self.served is None else self)(scope, receive, send)
        elif self.served is not None and is_below(scope, self.prefix):
            await self.served(self._below(scope), receive, send)
        else:
            await self.app(scope, receive, send)

    def _below(self, scope: Scope) -> Scope:
        """The scope with the prefix moved into `root_path`, as ASGI mounts do."""
        root_path = scope.get("root_path", "")
        path = scope["path"] if base_path(scope) == root_path else root_path + scope["path"]
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
