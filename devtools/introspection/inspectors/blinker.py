"""blinker: signals as events, by the name they were made with, and the app's own receivers as hooks."""

from collections.abc import Iterator
from typing import Any

from devtools.introspection import naming
from devtools.introspection.inspectors import Found, loaded
from devtools.introspection.inspectors.receivers import describe_signal


def inspect(_: Any, found: Found) -> None:  # Any: any app; signals stand in modules and namespaces
    """Describe the signals of own modules, and those of frameworks that the app listens to."""
    base: Any = loaded("blinker.base")
    if base is None:
        return
    seen: set[int] = set()
    for name, signal in _signals(found, base):
        if id(signal) not in seen:
            seen.add(id(signal))
            # Two namespaces may use one name.
            identifier = name if name not in found.elements else found.own.name_of(signal, f"{name}#2")
            describe_signal(found, identifier, signal, title=_title(signal))
    for namespace in _of_frameworks():
        for name, signal in sorted(namespace.items()):
            if id(signal) not in seen:
                describe_signal(found, name, signal, framework=True)


def _signals(found: Found, base: Any) -> Iterator[tuple[str, Any]]:
    """The app's own signals: those that a global holds, and those in a namespace that a global holds."""
    for name, signal in found.own.of(base.Signal):
        yield naming.attribute(signal, "name") or name, signal
    for _, namespace in found.own.of(base.Namespace):
        if isinstance(namespace, dict):
            yield from sorted(naming.mapping(namespace).items())


def _of_frameworks() -> Iterator[Any]:
    """The namespaces of Flask and Quart."""
    for module in ("flask.signals", "quart.signals"):
        namespace = naming.attribute(loaded(module), "_signals")
        if namespace is not None:
            yield namespace


def _title(signal: Any) -> str | None:
    """The words that a signal was made with; its class has others."""
    own = naming.members(signal).get("__doc__")
    return naming.paragraphs(own)[0] if isinstance(own, str) else None
