"""Putting our function in the place of one of the app's or a library's, and taking it away again."""

from collections.abc import Callable
from typing import Any


def replace(
    owner: Any, name: str, make: Callable[[Any], Any]
) -> Callable[[], None]:  # Any: a module or class
    """Put what `make` makes of the function before in its place. Answers how to put that back, where ours still is."""
    inherited = name not in vars(owner)
    previous = getattr(owner, name)
    made = make(previous)
    setattr(owner, name, made)

    def restore() -> None:
        if getattr(owner, name) is not made:
            return
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, previous)

    return restore
