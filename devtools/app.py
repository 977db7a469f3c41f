"""DevTools: the only place that wires the parts. `mount(app)` adds it to an app, `DevTools(...).wrap(app)` wraps any ASGI app."""

import asyncio
import atexit
import inspect
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devtools import settings as options
from devtools.errors import ConflictError, DevToolsError
from devtools.runtime import Runtime
from devtools.server.credentials import Credentials
from devtools.server.layer import Layer
from devtools.server.signals import on_ending
from devtools.sources import chosen as check_sources
from devtools.sources.asgi import RecordRequests
from devtools.sources.asgi_types import ASGIApp
from devtools.storage import targets
from devtools.telemetry.context import own_work

logger = logging.getLogger("devtools")

_ATTRIBUTE = "_devtools"
"""Where a mounted app keeps its DevTools, so that both are freed together."""


def mount(app: Any, /, **settings: Any) -> "DevTools":  # Any: any app, checked settings
    """Add DevTools to a Starlette or FastAPI app, at `path` ("/devtools"). Call it before the app starts.

    Mounting twice answers the same DevTools. Raises ValidationError for settings that cannot be used, and ConflictError once
    the app has started. Where production is detected and `enabled=True` is not given, nothing is installed.
    """
    known = getattr(app, "__dict__", {}).get(_ATTRIBUTE)
    if isinstance(known, DevTools):
        return known
    build = getattr(app, "build_middleware_stack", None)
    if build is None:
        raise ConflictError(
            f"Cannot mount into {type(app).__name__}: it is neither Starlette nor FastAPI. Use DevTools(...).wrap(app)."
        )
    if getattr(app, "middleware_stack", None) is not None:
        raise ConflictError(
            "Cannot mount devtools: the app has started. Call mount(app) where the app is made."
        )
    settings.setdefault("app", _caller_name())
    devtools = DevTools(**settings)
    if devtools.enabled:
        app.build_middleware_stack = lambda: devtools.wrap(build(), inspected=app)  # type: ignore[attr-defined] # checked above
    setattr(app, _ATTRIBUTE, devtools)
    return devtools


def _caller_name() -> str:
    """The import name of the module that calls `mount`; the file's stem where it runs as `__main__`."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame and frame.f_back
    if frame is None:
        return "app"
    name: str = frame.f_globals.get("__name__", "app")
    if name != "__main__":
        return name
    spec = frame.f_globals.get("__spec__")
    if spec is not None:
        return spec.name.removesuffix(".__main__")
    return Path(frame.f_globals.get("__file__", "app")).stem


class DevTools:
    """One DevTools: its settings, and while it runs its recorder, store and server. A context manager; every setting is a keyword.

    Raises ValidationError for settings that cannot be used, before anything is started or made.
    """

    def __init__(self, **settings: Any) -> None:  # Any: checked by settings.load
        self.resolved = options.load(settings)
        self.settings = self.resolved.settings
        self.enabled, self._why = options.is_enabled(self.settings)
        self._runtime: Runtime | None = None
        self._failed = False
        self._layer: Layer | None = None
        self._app: Any = None  # Any: what the inspectors look at
        self._plain: ASGIApp | None = None
        self._recorded: ASGIApp | None = None
        self._starting = asyncio.Lock()
        self._undo_signals: Callable[[], None] = lambda: None
        for warning in self.resolved.warnings:
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

        The app itself when not enabled. Raises ConflictError when it wraps an app already.
        """
        if not self.enabled:
            return app
        looked_at = app if inspected is None else inspected
        if self._layer is not None and looked_at is not self._app:
            raise ConflictError("This DevTools wraps an app already. Make one DevTools per app.")
        # The same app again: its middleware stack was built anew.
        self._app = looked_at
        self._plain = app
        self._recorded = self._record(app)
        self._layer = Layer(app, self, self.settings.path)
        return self._layer

    def link(self, base_url: str) -> str:
        """The link that opens the first page, token in its fragment. `base_url` is where the app answers."""
        return self._credentials.link(base_url.rstrip("/") + self.settings.path + "/")

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything recorded before is stored, at most `timeout` seconds. Answers whether it is."""
        return self._runtime is None or self._runtime.flush(timeout)

    def close(self) -> None:
        """Write what is left and take every hook, handler and thread away. Closing twice is fine."""
        runtime, self._runtime = self._runtime, None
        self._undo_signals()
        self._recorded = self._plain
        atexit.unregister(self.close)
        if runtime is not None:
            runtime.close()

    def open(self) -> Self:
        """Start recording now, without an app. Raises ConflictError when another DevTools runs, or what the store raises."""
        if self.enabled and self._runtime is None:
            with own_work():
                self._runtime = Runtime.start(self.resolved, self._credentials)
            self._recorded = self._record(self._plain)
            # An app that fails while it starts, or has no lifespan, never tells of its end.
            atexit.register(self.close)
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _record(self, app: ASGIApp | None) -> ASGIApp | None:
        if app is None or self._runtime is None:
            return app
        return RecordRequests(app, self._runtime.recorder, self.settings)

    # What the layer asks (server.layer.Host)

    @property
    def started(self) -> bool:
        """Whether startup has run, also when it failed."""
        return self._runtime is not None or self._failed

    @property
    def served(self) -> ASGIApp | None:
        """Our own application; None while it does not run."""
        return None if self._runtime is None else self._runtime.served

    @property
    def recorded(self) -> ASGIApp:
        """The app, with its requests recorded."""
        assert self._recorded is not None  # noqa: S101 - wrap() set it
        return self._recorded

    async def startup(self) -> None:
        """Open the store off the loop and start recording. A failure is one error line; the app goes on without us."""
        async with self._starting:
            if self.started:
                return
            try:
                await asyncio.to_thread(self.open)
            except DevToolsError as error:
                self._failed = True
                logger.error("devtools does not run: %s", error)
                return
            except Exception:
                self._failed = True
                logger.exception("devtools does not run.")
                return
        if self._runtime is not None:
            self._runtime.follow(asyncio.get_running_loop())
            self._undo_signals = on_ending(self._runtime.stop_streams)
            self._announce()

    def inspect(self) -> None:
        """Look at the app in a thread of its own, then save the snapshot."""
        if self._runtime is not None:
            self._runtime.inspect(self._app)

    async def shutdown(self) -> None:
        """Close off the loop. A failure is one log line: the app's own shutdown goes on."""
        self._undo_signals()  # only the main thread may
        try:
            await asyncio.to_thread(self.close)
        except Exception:
            logger.exception("devtools did not close in order.")

    def _announce(self) -> None:
        assert self._runtime is not None  # noqa: S101 - called when it runs
        status = self._runtime.store.status()
        logger.warning(
            "devtools is at %s/, its store is %s (%s).", self.settings.path, status.kind, status.why
        )
        if self._credentials.origin == "memory":
            # Not logged: logs are kept. `devtools open` cannot know this token, so it is told here, once.
            sys.stderr.write(f"devtools: open it at your app's address with {self.link('')}\n")
