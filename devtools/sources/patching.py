"""Putting our function in the place of one of the app's or a library's, and taking it away again."""

import inspect
from collections.abc import Callable
from typing import Any


def replace(
    owner: Any, name: str, make: Callable[[Any], Any]
) -> Callable[[], None]:  # Any: a module or class
    """Put what `make` makes of the function before in its place. Answers how to put that back, where ours still is."""
    inherited = name not in vars(owner)
    previous = inspect.getattr_static(owner, name)
    made = make(getattr(owner, name))
    setattr(owner, name, staticmethod(made) if isinstance(previous, staticmethod) else made)

    def restore() -> None:
        if getattr(owner, name) is not made:
            return
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, previous)

    return restore
