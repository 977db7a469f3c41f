"""dishka: what a container can make, as resources by type, each with its scope and what it depends on."""

from collections.abc import Iterator
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked


def inspect(_: Any, found: Found) -> None:  # Any: any app; containers stand in modules
    """Describe what the containers at hand provide."""
    kinds = [
        kind
        for module, name in (("dishka.async_container", "AsyncContainer"), ("dishka.container", "Container"))
        if isinstance(kind := naming.attribute(loaded(module), name), type)
    ]
    if not kinds:
        return
    for name, container in found.of(*kinds):
        found.describe_global(ElementKind.resource, name, container, title="dishka container")
        for factory in _factories(container.registry):
            if naming.module_name(factory.provides.type_hint).partition(".")[0] != "dishka":
                _provided(found, factory, name)


def _factories(registry: Any) -> Iterator[Any]:
    """What every scope can make, from the outermost inwards, each once."""
    seen: set[int] = set()
    for _ in range(50):
        if registry is None:
            return
        for factory in tuple(registry.factories.values()):
            if id(factory) not in seen:
                seen.add(id(factory))
                yield factory
        registry = registry.child_registry


def _provided(found: Found, factory: Any, registrar: str) -> None:
    kind = factory.provides.type_hint
    identifier = _identifier(factory.provides)
    scope = naming.attribute(factory.scope, "name")
    said = {"scope": scope, "by": naming.attribute(factory.type, "value")}
    found.describe(
        ElementKind.resource,
        identifier,
        kind if isinstance(kind, type) else None,
        registered_by=registrar,
        config=masked({name: value for name, value in said.items() if value}),
    )
    keys = (*factory.dependencies, *naming.mapping(factory.kw_dependencies).values())
    others = [
        _identifier(key) for key in keys if naming.module_name(key.type_hint).partition(".")[0] != "dishka"
    ]
    found.link(identifier, depends_on=others)
    found.recognise(kind, identifier)


def _identifier(key: Any) -> str:
    """`module.Class`; a type that is no class as it is written, and a component of its own by its name."""
    kind = key.type_hint
    name = naming.element_id(kind) if isinstance(kind, type) else str(kind)
    return f"{name}@{key.component}" if key.component else name
