"""Receivers of signals, of whatever library: functions kept beside a key, held firmly or weakly."""

import weakref
from collections.abc import Iterator
from typing import Any, cast

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found


def receivers(signal: Any) -> Iterator[Any]:  # Any: a signal of blinker, Django or Celery
    """The functions that listen to a signal, in the order in which they were connected."""
    kept: Any = naming.attribute(signal, "receivers")
    for entry in tuple(naming.mapping(kept).values()) or naming.sequence(kept):
        held: Any = naming.sequence(entry)[1] if isinstance(entry, tuple) else entry
        if isinstance(held, weakref.ReferenceType):
            held = cast("Any", held)()
        if held is not None:
            yield held


def describe_signal(found: Found, identifier: str, signal: Any, **fields: Any) -> None:
    """Add a signal as an event, and the app's own receivers as its hooks. Any: as above, and fields of Element.

    A signal of a framework counts only when the app listens to it.
    """
    own = [function for function in receivers(signal) if found.own.defines(naming.unwrapped(function))]
    if fields.get("framework") and not own:
        return
    found.describe_global(ElementKind.event, identifier, signal, **fields)
    for order, function in enumerate(own):
        found.listen(identifier, function, order=order)
