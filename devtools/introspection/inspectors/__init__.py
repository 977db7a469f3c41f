"""What can be inspected. One module per framework, each with `inspect(app, found)` that adds to what was found.

An inspector starts from the app object and `sys.modules`: it never imports a framework that the app has not imported. A framework
is added by one file and one line here.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind

INSPECTORS: dict[str, str] = {
    "starlette": "devtools.introspection.inspectors.starlette:inspect",
    "graphql": "devtools.introspection.inspectors.graphql:inspect",
}
"""Name to `module:function`, in the order in which they look."""

logger = logging.getLogger("devtools")


@dataclass
class Found:
    """What the inspectors have found so far."""

    elements: dict[str, Element] = field(default_factory=dict[str, Element])
    things: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the elements were read off. Any: every object there is."""
    endpoints: list[Any] = field(
        default_factory=list[Any]
    )  # Any: functions, classes, ASGI apps behind routes
    sdl: str | None = None
    openapi: str | None = None
    has_routes: bool = False
    """Somebody has read the routes of the app."""
    has_init: bool = False
    """The app has a lifespan of its own."""

    def add(self, element: Element) -> Element:
        """Add an element; one with the same id stays as it was."""
        return self.elements.setdefault(element.id, element)

    def describe(self, kind: ElementKind, identifier: str, thing: Any, **fields: Any) -> Element:
        """Add an element with title, description and place read off the object. Any: every object there is."""
        self.things.setdefault(identifier, thing)
        title, description = naming.documentation(thing)
        file, line = naming.location(thing)
        return self.add(
            Element(
                id=identifier,
                kind=kind,
                title=title,
                description=description,
                file_path=file,
                line=line,
                **fields,
            )
        )


def inspect(app: Any) -> Found:  # Any: any app
    """Ask every inspector. One that fails is a warning; the others go on."""
    found = Found()
    for name, target in INSPECTORS.items():
        module, _, function = target.partition(":")
        look: Callable[[Any, Found], None] = getattr(import_module(module), function)
        try:
            look(app, found)
        except Exception:
            logger.warning(
                "The inspector %r failed: what it knows of the app is missing.", name, exc_info=True
            )
    return found


def to_json(value: Any) -> str | None:  # Any: options of a middleware
    """Options as JSON text, what is not JSON by its name."""
    if not value:
        return None
    return json.dumps(value, default=_name, sort_keys=True, ensure_ascii=False)


def _name(value: Any) -> str:
    return naming.element_id(value) if callable(value) else type(value).__qualname__
