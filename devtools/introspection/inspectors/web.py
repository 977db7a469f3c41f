"""What the inspectors of web frameworks share: routes as tasks, middleware with its number."""

from collections.abc import Collection
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind, MiddlewareUse, Route
from devtools.introspection.inspectors import Found, masked
from devtools.introspection.paths import path_schema
from devtools.introspection.registry import declared_id

ANY_METHOD = "ANY"


def answering(methods: Collection[str] | None) -> tuple[str, ...]:
    """The methods of a route, by name; HEAD is part of GET."""
    return tuple(
        sorted(method for method in methods or () if method != "HEAD" or "GET" not in (methods or ()))
    )


def identifier(found: Found, method: str, path: str, host: str = "") -> str:
    """`GET /cart/{id}`; a second one names its host, or has a number."""
    base = f"{method} {path}"
    if base in found.elements and host:
        base = f"{method} //{host}{path}"
    name, count = base, 1
    while name in found.elements:
        count += 1
        name = f"{base}#{count}"
    return name


def add_route(found: Found, method: str, path: str, handler: Any, *, host: str = "", **fields: Any) -> str:
    """Add what answers a method at a path as a task. Answers its id. Any: functions and classes, fields of Element."""
    name = identifier(found, method, path, host)
    declared = declared_id(handler)
    found.describe(
        ElementKind.task,
        name,
        handler,
        **{
            "schema": path_schema(path),
            "route": Route(method, path, host),
            "depends_on": (declared,) if declared is not None else (),
            **fields,
        },
    )
    return name


def add_middleware(
    found: Found, thing: Any, origin: str, *, options: Any = None, **fields: Any
) -> MiddlewareUse:
    """Add one use of a middleware, `module.Class`, the next one of that class `#2`. Any: classes, functions, their options."""
    base = naming.element_id(thing)
    name, count = base, 1
    while name in found.elements:
        count += 1
        name = f"{base}#{count}"
    found.describe(ElementKind.middleware, name, thing, applies_to=ElementKind.task, **fields)
    return MiddlewareUse(name, config=masked(options), origin=origin)
