"""A server of our own in a thread, for code that has none: scripts, workers, notebooks, WSGI apps. `DevTools.start` makes it."""

import logging
import os
import socket
import threading
import weakref

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from devtools.errors import UnavailableError
from devtools.server.listening import address
from devtools.sources.asgi_types import ASGIApp
from devtools.telemetry.context import own_work

START_SECONDS = 10.0
GRACE_SECONDS = 1
"""How long an answer that is being given may still take when the server ends."""
STOP_SECONDS = 3.0

logger = logging.getLogger("devtools")


class OwnServer:
    """uvicorn in a daemon thread with an event loop of its own. It touches neither signal handlers nor the app's logging.

    Takes over `listener`. Raises UnavailableError when the server does not start.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self.address = address(listener)
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._server = _Server(
            _Config(
                app,
                http=_Protocol,
                loop="asyncio",
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._run, name="devtools-server", daemon=True)
        _servers.add(self)
        self._thread.start()
        if not self._server.is_up.wait(START_SECONDS) or not self._server.started:
            self.stop()
            raise UnavailableError(f"The server of devtools at {self.address} did not start.")

    def stop(self) -> None:
        """End it, at most within three seconds. End the streams before: it waits for them."""
        self._server.should_exit = True
        # Whoever closes from inside one of our own requests cannot wait for its end.
        if threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)
        self._listener.close()

    def forget(self) -> None:
        """In a forked child, which has the socket but not the thread: give the port back to the parent alone."""
        self._listener.close()

    def _run(self) -> None:
        with own_work():
            try:
                self._server.run(sockets=[self._listener])
            except Exception:
                logger.exception("The server of devtools at %s ended.", self.address)
            finally:
                self._server.is_up.set()


class _Protocol(H11Protocol):
    """Without lines in `uvicorn.access`, which may be the app's own log."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type] # passed on as they are
        self.access_log = False


class _Config(uvicorn.Config):
    """Leaves the loggers of uvicorn, which the app may use, as they are."""

    def configure_logging(self) -> None:
        """Nothing."""


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does."""
        await super().startup(sockets)
        self.is_up.set()


_servers: weakref.WeakSet[OwnServer] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for server in tuple(_servers):
        server.forget()
    _servers.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
