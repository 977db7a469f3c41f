"""One small app in several frameworks, each wrapped: `/hello/{name}`, `/broken`, `/stream`, the WebSocket `/talk/{name}`
and a lifespan where there is one.

TOY_WRAP=0 leaves the app as it is, to compare their answers.
"""

import os
from typing import Any

from devtools import DevTools


def wrapped(app: Any) -> Any:
    """The app, with devtools around it unless the environment says no."""
    return DevTools(app="wrapped").wrap(app) if os.environ.get("TOY_WRAP") != "0" else app


def say(word: str) -> None:
    """Tell the test through the server's output."""
    print(f"lifespan {word}", flush=True)
