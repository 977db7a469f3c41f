"""Structures of a few elements, and documents of one operation."""

import json
from typing import Any

from devtools.introspection.elements import AppInfo, Element, ElementKind, Structure, sort_elements


def structure(
    *elements: Element, sdl: str | None = None, openapi: Any = None, root: str | None = None
) -> Structure:
    """A structure of these elements."""
    return Structure(
        app=AppInfo(name=root or "shop", python_version="3.11"),
        root_id=root,
        elements=sort_elements({element.id: element for element in elements}),
        sdl=sdl,
        openapi=None if openapi is None else json.dumps(openapi),
    )


def element(kind: str, identifier: str, **fields: Any) -> Element:
    """An element with nothing but what is named."""
    return Element(id=identifier, kind=ElementKind[kind], **fields)
