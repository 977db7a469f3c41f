"""Quart: what it shares with Flask, and its own hooks of WebSockets and of serving."""

from typing import Any

from devtools.introspection.inspectors import Found, flask, loaded

HOOKS = {
    **flask.HOOKS,
    "before_websocket_funcs": "before_websocket",
    "after_websocket_funcs": "after_websocket",
    "teardown_websocket_funcs": "teardown_websocket",
    "before_serving_funcs": "before_serving",
    "while_serving_gens": "while_serving",
    "after_serving_funcs": "after_serving",
}


def inspect(app: Any, found: Found) -> None:  # Any: any app
    """Add what the Quart apps at hand are made of."""
    quart = loaded("quart.app")
    if quart is None:
        return
    for mounted in found.applications(app, quart.Quart):
        is_main = app is None or not mounted.prefix
        flask.Inspection(found, "quart", mounted, is_main).all(HOOKS)
        if is_main and (mounted.app.before_serving_funcs or mounted.app.while_serving_gens):
            found.has_init = True
