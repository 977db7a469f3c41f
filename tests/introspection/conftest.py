"""Every test begins with an empty registry and leaves the process's own as it was."""

from collections.abc import Callable, Iterator

import pytest

from devtools.introspection.elements import AppInfo, Element, ElementKind, Structure, sort_elements
from devtools.introspection.graph import Graph
from devtools.introspection.registry import Registry, registry


@pytest.fixture(autouse=True)
def declared() -> Iterator[Registry]:
    """The registry of the process, empty for this test."""
    before = dict(registry.declared), list(registry.overridden), registry.revision
    registry.declared.clear()
    registry.overridden.clear()
    yield registry
    registry.declared, registry.overridden, registry.revision = before


@pytest.fixture
def graph() -> Callable[..., Graph]:
    """Make a graph of the elements given."""

    def make(*elements: Element) -> Graph:
        app = AppInfo(name="shop", python_version="3.11")
        return Graph(
            Structure(app=app, elements=sort_elements({element.id: element for element in elements}))
        )

    return make


def element(kind: str, identifier: str, **fields: object) -> Element:
    """An element with nothing but what is named."""
    return Element(id=identifier, kind=ElementKind[kind], **fields)  # type: ignore[arg-type] # fields of Element
