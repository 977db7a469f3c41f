"""The development server a Python service carries with it.

`mount(app)` adds it to a Starlette or FastAPI app; the decorators describe and record what the app is made of. Names are
imported when they are first used, so that `import devtools` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devtools.app import DevTools as DevTools
    from devtools.app import mount as mount
    from devtools.introspection.declarations import async_context as async_context
    from devtools.introspection.declarations import error as error
    from devtools.introspection.declarations import event as event
    from devtools.introspection.declarations import hook as hook
    from devtools.introspection.declarations import resource as resource
    from devtools.introspection.declarations import tag as tag
    from devtools.introspection.declarations import task as task
    from devtools.settings import Settings as Settings

__version__ = "0.1.0"

_HOMES = {
    "DevTools": "devtools.app",
    "Settings": "devtools.settings",
    "async_context": "devtools.introspection.declarations",
    "error": "devtools.introspection.declarations",
    "event": "devtools.introspection.declarations",
    "hook": "devtools.introspection.declarations",
    "mount": "devtools.app",
    "resource": "devtools.introspection.declarations",
    "tag": "devtools.introspection.declarations",
    "task": "devtools.introspection.declarations",
}

__all__ = [
    "DevTools",
    "Settings",
    "async_context",
    "error",
    "event",
    "hook",
    "mount",
    "resource",
    "tag",
    "task",
]


def __getattr__(name: str) -> Any:  # Any: whatever the name stands for
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'devtools' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
