"""The app that `devtools run` serves: imported by name in each worker process, with devtools around it."""

import os
import sys
from typing import Any

from devtools.app import DevTools, mount, mounted_on
from devtools.cli.entries import import_app, parse_entry
from devtools.cli.terminal import say
from devtools.errors import DevToolsError
from devtools.server.interfaces import refuse_other_interfaces
from devtools.settings import load

ENTRY = "_DEVTOOLS_ENTRY"
APP_DIR = "_DEVTOOLS_APP_DIR"
FACTORY = "_DEVTOOLS_FACTORY"
"""Environment variables by which `devtools run` tells its workers what to import; not options."""


def import_runnable(text: str, directory: str | None, *, factory: bool) -> Any:  # Any: the app's own class
    """The app, once it is known that it can be run. Raises ValidationError."""
    app = import_app(text, directory, factory=factory)
    refuse_other_interfaces(app)
    return app


def create() -> Any:  # Any: the app's own class, or our layer
    """Import the app and mount devtools, unless the app did so itself. What fails is one line, not a traceback of ours."""
    text, directory = os.environ[ENTRY], os.environ.get(APP_DIR)
    factory = bool(os.environ.get(FACTORY))
    try:
        app = import_runnable(text, directory, factory=factory)
        return with_devtools(app, parse_entry(text, directory).module)
    except DevToolsError as error:
        say(f"devtools: {error}", err=True)
        sys.exit(1)


def with_devtools(app: Any, module: str) -> Any:  # Any: as above
    """The app with devtools, named after its module unless the settings say otherwise."""
    if mounted_on(app) is not None:
        return app
    name = load().settings.app or module
    if hasattr(app, "build_middleware_stack"):
        mount(app, app=name)
        return app
    return DevTools(app=name).wrap(app)
