"""Which interface an app speaks, told from what it can be called with: `wrap` and `devtools run` take ASGI 3 alone."""

import inspect
from typing import Any

from devtools.errors import ValidationError

_ASGI_3, _WSGI, _ASGI_2 = 3, 2, 1
"""How many arguments each interface calls an app with."""

_FACTORY = "If it makes the app, call it; `devtools run` does so for module:create() and with --factory."


def refuse_other_interfaces(app: Any) -> None:  # Any: whatever was given
    """Raise ValidationError for what is no ASGI 3 app, with the way to use it where there is one."""
    name = f"{getattr(app, '__module__', None) or '?'}.{getattr(app, '__qualname__', None) or type(app).__qualname__}"
    if not callable(app):
        raise ValidationError(
            f"{type(app).__qualname__} cannot be an app: it is not callable. Name an ASGI app.",
            field="app",
            value=repr(app),
        )
    if _takes(app, _ASGI_3):
        return
    if _takes(app, _WSGI):
        raise ValidationError(
            f"{name} is a WSGI app. Use DevTools(...).wrap_wsgi(app), and run it under the WSGI server it has now.",
            field="app",
            value=name,
        )
    if _takes(app, _ASGI_2):
        raise ValidationError(
            f"{name} takes one argument: an ASGI 2 app, or a factory. {_FACTORY} "
            "Give wrap() what asgiref.compatibility.guarantee_single_callable(app) makes of an ASGI 2 app.",
            field="app",
            value=name,
        )
    raise ValidationError(
        f"{name} cannot be called with (scope, receive, send), as an ASGI app is. {_FACTORY}",
        field="app",
        value=name,
    )


def _takes(app: Any, count: int) -> bool:  # Any: as above
    try:
        signature = inspect.signature(app)
    except (ValueError, TypeError):
        return count == _ASGI_3  # a compiled callable does not say: its server will
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True
