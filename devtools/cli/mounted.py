"""The app that `devtools run` serves: imported by name in each worker process, with devtools around it."""

import os
from typing import Any

from devtools.app import DevTools, mount
from devtools.cli.entries import import_app

ENTRY = "_DEVTOOLS_ENTRY"
APP_DIR = "_DEVTOOLS_APP_DIR"
"""Environment variables by which `devtools run` tells its workers what to import; not options."""


def create() -> Any:  # Any: the app's own class, or our layer
    """Import the app and mount devtools, unless the app did so itself."""
    entry = os.environ[ENTRY]
    app = import_app(entry, os.environ.get(APP_DIR))
    name = entry.partition(":")[0]
    if hasattr(app, "build_middleware_stack"):
        mount(app, app=name)
        return app
    return DevTools(app=name).wrap(app)
