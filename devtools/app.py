"""DevTools: the only place that wires the parts. `mount(app)` adds it to an app, `DevTools(...).wrap(app)` wraps any ASGI app,
`.wrap_wsgi(app)` any WSGI app, `.start()` serves what has no server."""

import asyncio
import contextlib
import dataclasses
import inspect
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import anyio.to_thread

from devtools import at_exit
from devtools import settings as options
from devtools.distribution import find_clash
from devtools.errors import ConflictError, DevToolsError, UnavailableError
from devtools.runtime import Runtime
from devtools.server.announcing import announce, say
from devtools.server.credentials import Credentials
from devtools.server.guard.clients import refuse_unsafe_bind
from devtools.server.interfaces import refuse_other_interfaces
from devtools.server.layer import Layer
from devtools.server.listening import address_of_command, listen
from devtools.server.signals import on_ending
from devtools.sources import chosen as check_sources
from devtools.sources import wsgi
from devtools.sources.asgi_types import ASGIApp
from devtools.storage import targets
from devtools.telemetry import active
from devtools.telemetry.context import current, own_work

if TYPE_CHECKING:
    from devtools.server.own_server import OwnServer

logger = logging.getLogger("devtools")

_Result = TypeVar("_Result")
_ATTRIBUTE = "_devtools"
"""Where a mounted app keeps its DevTools, so that both are freed together."""
_LAYERS = 100
"""How many layers of middleware are looked through."""


def mount(app: Any, /, **settings: Any) -> "DevTools":  # Any: any app, checked settings
    """Add DevTools to a Starlette or FastAPI app, at `path` ("/devtools"). Call it before the app starts.

    Mounting twice answers the same DevTools. Raises ValidationError for settings that cannot be used, and ConflictError for what
    is no such app and once it has started. Where production is detected and `enabled=True` is not given, nothing is installed.
    """
    known = getattr(app, "__dict__", {}).get(_ATTRIBUTE)
    if isinstance(known, DevTools):
        return known
    if isinstance(app, type):
        raise ConflictError(f"Cannot mount into the class {app.__name__}: call mount with an app of it.")
    build = getattr(app, "build_middleware_stack", None)
    if build is None:
        refuse_other_interfaces(app)
        raise ConflictError(
            f"Cannot mount into {type(app).__name__}: it is neither Starlette nor FastAPI. Use DevTools(...).wrap(app)."
        )
    if getattr(app, "middleware_stack", None) is not None:
        raise ConflictError(
            "Cannot mount devtools: the app has started. Call mount(app) where the app is made."
        )
    devtools = DevTools(**settings)
    if devtools.enabled:
        app.build_middleware_stack = lambda: devtools.wrap(build(), inspected=app)  # type: ignore[attr-defined] # checked above
    setattr(app, _ATTRIBUTE, devtools)
    return devtools


def mounted_on(app: Any) -> "DevTools | None":  # Any: any app
    """The DevTools that an app has already, also where layers of middleware stand around it."""
    for _ in range(_LAYERS):
        if isinstance(app, Layer) and isinstance(app.host, DevTools):
            return app.host
        inside: dict[str, Any] = getattr(app, "__dict__", {})  # Any: attributes of any app
        known = inside.get(_ATTRIBUTE)
        if isinstance(known, DevTools):
            return known if known.enabled else None
        if "app" not in inside:
            return None
        app = inside["app"]
    return None


def _caller_name() -> str:
    """The import name of the module that makes the DevTools; the file's stem where it runs as `__main__`."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    if frame is None:
        return "app"
    name: str = frame.f_globals.get("__name__", "app")
    if name != "__main__":
        return name
    spec = frame.f_globals.get("__spec__")
    if spec is not None:
        return spec.name.removesuffix(".__main__")
    return Path(frame.f_globals.get("__file__", "app")).stem


async def _in_thread(function: Callable[..., _Result], *arguments: object) -> _Result:
    """Run it off the loop: in a thread of asyncio's, which ends with its loop, or of trio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return await anyio.to_thread.run_sync(function, *arguments)
    return await asyncio.to_thread(function, *arguments)


class DevTools:
    """One DevTools: its settings, and while it runs its recorder, store and server. A context manager; every setting is a keyword.

    Raises ValidationError for settings that cannot be used, before anything is started or made.
    """

    def __init__(self, **settings: Any) -> None:  # Any: checked by settings.load
        self.resolved = options.load(settings)
        if self.resolved.settings.app is None:
            named = dataclasses.replace(self.resolved.settings, app=_caller_name()[: options.MAX_NAME])
            self.resolved = dataclasses.replace(self.resolved, settings=named)
        self.settings = self.resolved.settings
        self.enabled, self._why = options.is_enabled(self.settings)
        self._runtime: Runtime | None = None
        self._failed = False
        self._layers: weakref.WeakSet[Layer] = weakref.WeakSet()
        """One for each middleware stack that was built, and may serve."""
        self._app: Any = None  # Any: what the inspectors look at
        self._server: OwnServer | None = None
        self._start_lock = threading.RLock()
        self._is_followed = False
        self._undo_signals: Callable[[], None] = lambda: None
        for warning in filter(None, (*self.resolved.warnings, find_clash())):
            logger.warning(warning)
        if not self.enabled:
            logger.warning("devtools is not installed: %s.", self._why)
            return
        check_sources(self.settings)
        self._credentials = Credentials.load(self.settings, persist=targets.is_kept(self.settings.database))
        for warning in self._credentials.warnings:
            logger.warning(warning)

    def __repr__(self) -> str:
        return f"<DevTools app={self.settings.app!r} running={self._runtime is not None}>"

    def wrap(self, app: ASGIApp, *, inspected: Any = None) -> ASGIApp:  # Any: the app's own class
        """The app with DevTools around it, answering at `path`. `inspected` is the app to look at, where that is another object.

        The app itself when not enabled, or wrapped by this DevTools already. Raises ConflictError when this wraps another app or
        the app has another DevTools, ValidationError for what is no ASGI 3 app.
        """
        if not self.enabled:
            return app
        known = mounted_on(app)
        if known is self:
            return app
        if known is not None:
            raise ConflictError(
                f"Cannot put devtools for {self.settings.app!r} around an app that has devtools for {known.settings.app!r}. "
                "Keep one of the two: leave out wrap(), or take mount() out of the app."
            )
        refuse_other_interfaces(app)
        looked_at = app if inspected is None else inspected
        self._refuse_another(looked_at)
        self._app = looked_at
        # The same app again: its middleware stack was built anew. Which of them serves is not known here.
        layer = Layer(app, self, self.settings)
        self._layers.add(layer)
        self._tell_layers()
        return layer

    def wrap_wsgi(self, app: wsgi.WSGIApp, *, inspected: Any = None) -> wsgi.WSGIApp:  # Any: as above
        """The WSGI app, with its requests recorded. `inspected` is the app to look at, where that is another object.

        The first request starts a server as `start` does; where its port is in use it only records. Call `start` to have the pages
        before, or `open` to record alone. The app itself when not enabled. Raises ConflictError when this wraps another app.
        """
        if not self.enabled:
            return app
        looked_at = app if inspected is None else inspected
        self._refuse_another(looked_at)
        self._app = looked_at
        recorded = wsgi.RecordRequests(app, self.settings)

        def wrapped(environ: wsgi.Environ, start_response: wsgi.StartResponse) -> wsgi.Answer:
            if not self.started:
                self._start_by_request()
            return recorded(environ, start_response)

        return wrapped

    def _refuse_another(self, app: Any) -> None:  # Any: as above
        if self._app is not None and app is not self._app:
            raise ConflictError(
                f"This DevTools, for {self.settings.app!r}, wraps {type(self._app).__name__} already and cannot wrap "
                f"{type(app).__name__} too. Make one DevTools per app."
            )

    def start(self, port: int | None = None) -> Self:
        """Record, and serve our pages at the root of a server of our own, in a thread: for scripts, workers, notebooks, WSGI apps.

        `port` is the setting of that name (1337); 0 is any free one, see `.port` and `.url`. It listens on `host` (127.0.0.1).
        Starting twice is fine. Raises ConflictError when the port is in use or another DevTools runs in this process,
        ValidationError for a port or host that cannot be used, or what the store raises.
        """
        if not self.enabled:
            return self
        settings = self.settings if port is None else options.changed(self.settings, "port", port)
        with self._start_lock:
            if self._server is None:
                self._start_server(settings)
            elif port not in (None, self._server.port):
                raise ConflictError(
                    f"Cannot serve at port {port}: this DevTools serves at {self.url}. Call close() first."
                )
        return self

    def _start_server(self, settings: options.Settings) -> None:
        from devtools.server.own_server import OwnServer  # uvicorn is nothing that `mount` needs

        refuse_unsafe_bind(settings.host, settings)
        listener = listen(
            settings.host, settings.port, remedy="choose another with start(port=...); 0 is any free one"
        )
        was_open = self._runtime is not None
        try:
            served = self.open()._running().served
            self._server = OwnServer(served, listener)
        except BaseException:
            listener.close()
            if not was_open:
                self.close()
            raise
        self._begin_in_thread()

    def _begin_in_thread(self) -> None:
        """What follows a start without an ASGI app: measure the loop we are called from, look at the app, say where we are."""
        runtime = self._running()
        with contextlib.suppress(RuntimeError):  # a script has no loop
            runtime.follow(asyncio.get_running_loop())
        runtime.inspect(self._app)
        self._announce(self.url)

    def _start_by_request(self) -> None:
        with self._start_lock:
            if not self.started:
                self._succeeds(self._start_or_open)

    def _succeeds(self, begin: Callable[[], object]) -> bool:
        """Whether it did. A failure is one error line: the app goes on without us."""
        try:
            begin()
        except DevToolsError as error:
            self._failed = True
            logger.error("devtools does not run: %s", error)
        except Exception:
            self._failed = True
            logger.exception("devtools does not run.")
        else:
            return True
        return False

    def _take_over(self) -> None:
        """End that of an app of the same name which nobody ends: a test suite makes its app anew, and asks without lifespan."""
        is_within = current.get() is not None  # this app is mounted in the one before, which goes on
        if active.owner == self.settings.app and active.give_way is not None and not is_within:
            logger.info("devtools goes over to another app called %r.", self.settings.app)
            active.give_way()

    def _give_way(self) -> None:
        self.close()
        self._failed = True  # it does not come back by a request: two of them would take turns

    def _start_or_open(self) -> None:
        self._take_over()
        try:
            self.start()
        except ConflictError as error:
            # Another worker of this app has the port. That another DevTools runs here is said by `open`.
            self.open()._running().inspect(self._app)
            logger.warning("devtools only records in this process: %s", error)
        active.give_way = self._give_way

    def _running(self) -> Runtime:
        if self._runtime is None:
            raise UnavailableError(f"This DevTools, for {self.settings.app!r}, does not run.")
        return self._runtime

    @property
    def url(self) -> str:
        """Where the first page of our own server is, as in `http://127.0.0.1:1337/`; empty where not enabled.

        Raises UnavailableError before `start`.
        """
        return f"{self._own_server().address}/" if self.enabled else ""

    @property
    def port(self) -> int:
        """The port of our own server; 0 where not enabled. Raises UnavailableError before `start`."""
        return self._own_server().port if self.enabled else 0

    def _own_server(self) -> "OwnServer":
        if self._server is None:
            raise UnavailableError(
                f"This DevTools, for {self.settings.app!r}, has no server of its own: call start(), "
                f"or look below {self.settings.path}/ of the app it is mounted in."
            )
        return self._server

    def link(self, base_url: str | None = None) -> str:
        """The link that opens the first page, token in its fragment; empty where not enabled.

        `base_url` is where the app answers; None = our own server.
        """
        if not self.enabled:
            return ""
        return self._credentials.link(
            self.url if base_url is None else base_url.rstrip("/") + self.settings.path
        )

    def tell_no_link(self) -> None:
        """The link has been printed: no start of this process or of its children prints it again."""
        if self.enabled:
            self._credentials.told()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything recorded before is stored, at most `timeout` seconds. Answers whether it is."""
        return self._runtime is None or self._runtime.flush(timeout)

    def close(self) -> None:
        """Write what is left and take every hook, handler and thread away. Closing twice is fine, and so is a start after it."""
        runtime, self._runtime = self._runtime, None
        server, self._server = self._server, None
        self._undo_signals()
        self._is_followed = False
        self._failed = False
        self._tell_layers()
        at_exit.unregister(self.close)
        if self.enabled:
            self._credentials.withdraw()
        with contextlib.ExitStack() as parts:  # the last one first, each of them also where another fails
            if runtime is not None:
                parts.callback(runtime.close)
            if server is not None:
                parts.callback(server.stop)
            if runtime is not None:
                parts.callback(runtime.stop_streams)

    def open(self) -> Self:
        """Start recording now, without an app. Raises ConflictError when another DevTools runs, or what the store raises."""
        with self._start_lock:
            if self.enabled and self._runtime is None:
                with own_work():
                    self._runtime = Runtime.start(self.resolved, self._credentials)
                self._tell_layers()
                self._credentials.hand_down()  # again, where it was closed before
                # An app that fails while it starts, or has no lifespan, never tells of its end.
                at_exit.register(self.close)
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell_layers(self) -> None:
        """Tell the layers where requests go from now on."""
        runtime = self._runtime
        for layer in tuple(self._layers):
            layer.served = None if runtime is None else runtime.served
            layer.record_to(None if runtime is None else runtime.recorder)

    # What the layer asks (server.layer.Host)

    @property
    def started(self) -> bool:
        """Whether startup has run since it was last closed, also when it failed."""
        return self._runtime is not None or self._failed

    async def startup(self, *, ends_unseen: bool = False) -> None:
        """Open the store off the loop and start recording, once, whichever loop asks first. Never raises."""
        if not await _in_thread(self._open_once, ends_unseen) or (runtime := self._runtime) is None:
            return
        with contextlib.suppress(RuntimeError):  # trio has a loop of its own, whose lateness is not measured
            runtime.follow(asyncio.get_running_loop())
        self._undo_signals = on_ending(runtime.stop_streams)
        # The store looks for other workers to say what it is, in files: not on the app's loop.
        await _in_thread(self._succeeds, lambda: self._announce(f"{self.settings.path}/"))

    def _open_once(self, ends_unseen: bool) -> bool:
        """Whether this call opened it, or is the first of an app for which it was open."""
        with self._start_lock:
            if not self._is_followed and not (self._failed and ends_unseen):
                self._is_followed = self._succeeds(lambda: self._open_for_requests(ends_unseen))
                return self._is_followed
        return False

    def _open_for_requests(self, ends_unseen: bool) -> None:
        if self._runtime is None:
            self._take_over()
        self.open()
        active.give_way = self._give_way if ends_unseen else None

    def inspect(self) -> None:
        """Look at the app in a thread of its own, then save the snapshot."""
        if self._runtime is not None:
            self._runtime.inspect(self._app)

    async def shutdown(self) -> None:
        """Close off the loop. A failure is one log line: the app's own shutdown goes on."""
        self._undo_signals()  # only the main thread may
        try:
            await _in_thread(self.close)
        except Exception:
            logger.exception("devtools did not close in order.")

    def _announce(self, where: str) -> None:
        status = self._running().store.status()
        path = "" if self._server is not None else self.settings.path
        known = address_of_command(sys.argv, os.environ) if self._server is None else self._server.address
        address = f"{known or 'http://127.0.0.1:PORT'}{path}"
        opened = (
            f" `devtools open --url {address}` prints the link." if self._credentials.origin == "file" else ""
        )
        away = "" if status.healthy else ", which cannot be used now"
        announce(logger, f"devtools is at {where}, its store is {status.kind} ({status.why}){away}.{opened}")
        if self._credentials.untold:
            # Not logged: logs are kept. `devtools open` cannot know this token, so it is told here.
            link = self._credentials.link(f"{known or ''}{path}")
            at = "" if known is not None else "your app's address with "
            say(f"devtools: open it at {at}{link}")
            self._credentials.told()
