"""A pytest plugin for other projects' suites: every app that their test client gets has a running devtools in it or around it.

Loaded by name (`-p devtools_around_every_app`) in the interpreter of those suites. What it saw is written to `$DEVTOOLS_TEST_SEEN`.
"""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette import testclient
from starlette.applications import Starlette

from devtools import DevTools, mount
from devtools.records import Run

SETTINGS: dict[str, Any] = {
    "app": "peer",
    "enabled": True,
    "correlation_header": False,
    "token": "a-token-for-the-suites-of-others",
    "path": "/devtools",
}


class Around:
    """Which devtools runs now, and what all of them have recorded: one process has one at a time."""

    def __init__(self) -> None:
        self.running: DevTools | None = None
        self.apps = 0
        self.requests = 0
        self.complaints: list[str] = []

    def put(self, app: Any) -> Any:
        """The app with devtools in it where that can be mounted, around it otherwise."""
        self.apps += 1
        if isinstance(app, Starlette) and ("_devtools" in vars(app) or app.middleware_stack is None):
            mount(app, **SETTINGS)
            return app
        return DevTools(**SETTINGS).wrap(app)

    def opens(self, devtools: DevTools) -> None:
        """This one starts: the one before ends."""
        if self.running is not devtools:
            self.end()
        self.running = devtools

    def end(self) -> None:
        """End the one that runs."""
        running, self.running = self.running, None
        if running is not None and running._runtime is not None:
            running._runtime.recorder.settle()
            self.requests += running._runtime.recorder.rings.of(Run).recorded
            running.close()


class Complaints(logging.Handler):
    """What devtools says went wrong."""

    def emit(self, record: logging.LogRecord) -> None:
        around.complaints.append(self.format(record))


around = Around()
_open = DevTools.open
_construct = testclient.TestClient.__init__


def _open_alone(self: DevTools) -> DevTools:
    if self.enabled and self._runtime is None:
        around.opens(self)
    return _open(self)


def _construct_around(self: Any, app: Any, *arguments: Any, **keywords: Any) -> None:
    _construct(self, around.put(app) if testclient._is_asgi3(app) else app, *arguments, **keywords)


DevTools.open = _open_alone
testclient.TestClient.__init__ = _construct_around
# Lines that say where it is are documented, and no part of what an app does.
logging.getLogger("devtools").setLevel(logging.ERROR)
logging.getLogger("devtools").addHandler(Complaints())


@pytest.fixture(autouse=True)
def _devtools_ends_with_the_test() -> Iterator[None]:
    yield
    around.end()


def pytest_sessionfinish() -> None:
    """Write down what was seen."""
    around.end()
    seen = {"apps": around.apps, "requests": around.requests, "complaints": around.complaints}
    folder = Path(os.environ["DEVTOOLS_TEST_SEEN"])
    (folder / f"{os.getpid()}.json").write_text(json.dumps(seen))
