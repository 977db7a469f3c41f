"""svcs: what a registry can make, as resources by type, with what their factories ask for, and whether they can be pinged."""

from collections.abc import Iterator
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded


def inspect(_: Any, found: Found) -> None:  # Any: any app; registries stand in modules
    """Describe the services of every registry at hand."""
    core: Any = loaded("svcs._core")
    if core is None:
        return
    for name, registry in _registries(found, core.Registry):
        found.describe_global(ElementKind.resource, name, registry, title="svcs registry")
        for kind, service in tuple(registry._services.items()):
            identifier = naming.element_id(kind)
            found.describe(
                ElementKind.resource,
                identifier,
                kind,
                registered_by=name,
                has_health_check=service.ping is not None,
                framework=False,
            )
            found.recognise(kind, identifier)
            found.makers.setdefault(identifier, []).append(service.factory)


def _registries(found: Found, kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """Registries that a global holds, itself or inside one of the integrations of svcs."""
    seen: set[int] = set()
    held = found.of(kind)
    integrations = [held for held in found.own.by_type if held.__module__.startswith("svcs.")]
    for identifier, thing in found.own.of(*integrations) if integrations else ():
        inner = naming.attribute(thing, "registry")
        if isinstance(inner, kind):
            held.append((f"{identifier}.registry", inner))
    for identifier, registry in held:
        if id(registry) not in seen:
            seen.add(id(registry))
            yield identifier, registry
