"""What is done when a process ends in order, also where `multiprocessing` forked it: such a child ends without `atexit`."""

import atexit
import os
import sys
from collections.abc import Callable
from typing import Any

_functions: list[Callable[[], object]] = []
_is_known_to_multiprocessing = False


def register(function: Callable[[], object]) -> None:
    """Call it when this process ends in order, or a child that `multiprocessing` forked from it does."""
    _functions.append(function)
    atexit.register(function)


def unregister(function: Callable[[], object]) -> None:
    """Do not call it."""
    while function in _functions:
        _functions.remove(function)
    atexit.unregister(function)


def _call_all() -> None:
    for function in tuple(_functions):
        function()


def _finalize_child(_: object) -> None:
    _utilities().Finalize(None, _call_all, exitpriority=0)


def _utilities() -> Any:  # Any: not in typeshed as it is
    return sys.modules.get("multiprocessing.util")


def _after_fork_in_child() -> None:
    global _is_known_to_multiprocessing
    if _functions and not _is_known_to_multiprocessing and _utilities() is not None:
        # Not a finalizer yet: the child forgets its parent's after this, and then calls what is registered so.
        _utilities().register_after_fork(_call_all, _finalize_child)
        _is_known_to_multiprocessing = True


os.register_at_fork(after_in_child=_after_fork_in_child)
