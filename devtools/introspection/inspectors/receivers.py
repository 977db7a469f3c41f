"""Receivers of signals, of whatever library: functions kept beside a key, held firmly or weakly."""

import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found


class Receiver(NamedTuple):
    """One function that listens. Any: callables of every sort."""

    function: Any
    sender: int | None
    """`id()` of the only sender it listens to."""


def receivers(signal: Any) -> Iterator[Receiver]:  # Any: a signal of Django, Celery or blinker
    """The functions that listen to a signal, in the order in which they were connected."""
    kept: Any = naming.attribute(signal, "receivers")
    if isinstance(kept, Mapping):
        yield from _of_blinker(signal, naming.mapping(kept))
        return
    for key, held, *_ in naming.sequence(kept):
        function = _firm(held)
        if function is not None:
            sender: Any = naming.sequence(key)[-1:]
            yield Receiver(function, sender[0] if sender else None)


def _of_blinker(signal: Any, kept: Mapping[Any, Any]) -> Iterator[Receiver]:
    senders = naming.mapping(naming.attribute(signal, "_by_receiver"))
    for key, held in tuple(kept.items()):
        function = _firm(held)
        if function is not None:
            sender = naming.sequence(senders.get(key))
            yield Receiver(function, sender[0] if len(sender) == 1 else None)


def _firm(held: Any) -> Any:
    """The function itself, None where it has gone."""
    return cast("Any", held)() if isinstance(held, weakref.ReferenceType) else held


def describe_signal(found: Found, identifier: str, signal: Any, **fields: Any) -> None:
    """Add a signal as an event, and the app's own receivers as its hooks. Any: as above, and fields of Element.

    A signal of a framework counts only when the app listens to it.
    """
    listening = receivers(signal)
    own = [receiver for receiver in listening if found.own.defines(naming.unwrapped(receiver.function))]
    if fields.get("framework") and not own:
        return
    found.describe_global(ElementKind.event, identifier, signal, **fields)
    for order, (function, sender) in enumerate(own):
        hook = found.listen(identifier, function, order=order)
        if sender in found.recognised:
            found.link(hook, depends_on=(found.recognised[sender][1],))
