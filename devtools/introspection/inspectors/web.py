"""What the inspectors of web frameworks share: path templates, their parameters, routes as tasks, middleware with its number."""

import re
from collections.abc import Collection
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind, MiddlewareUse, Route
from devtools.introspection.inspectors import Found, masked, to_json
from devtools.introspection.registry import declared_id

ANY_METHOD = "ANY"

_ANGLED = re.compile(r"<(?:([a-zA-Z_]\w*)(?:\((?:[^()]|\([^()]*\))*\))?:)?([a-zA-Z_]\w*)>")
_PLAIN = frozenset({"default", "str", "string"})


def template(path: str) -> str:
    """The path of Flask, Quart or Django as the template that ids are made of: `/cart/<int:id>` is `/cart/{id:int}`."""

    def parameter(found: re.Match[str]) -> str:
        converter: str | None = found[1]
        return (
            f"{{{found[2]}}}" if converter is None or converter in _PLAIN else f"{{{found[2]}:{converter}}}"
        )

    return _ANGLED.sub(parameter, path)


def regex_template(pattern: str) -> str:
    """A regular expression of Django as a template: groups are parameters, `^orders/(?P<id>[0-9]+)/$` is `orders/{id}/`."""
    parts: list[str] = []
    position = unnamed = 0
    text = pattern.removeprefix("^").removesuffix("$").removesuffix(r"\Z")
    while position < len(text):
        if text[position] != "(":
            step = 2 if text[position] == "\\" else 1
            parts.append(text[position : position + step][-1])
            position += step
            continue
        end = _group_end(text, position)
        named = re.match(r"\(\?P<(\w+)>", text[position:])
        parts.append(f"{{{named[1] if named else unnamed}}}")
        unnamed += named is None
        position = end
    return re.sub(r"[?*+^$]", "", "".join(parts))


def _group_end(text: str, start: int) -> int:
    """Where the group that begins here ends."""
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        position += 2 if character == "\\" else 1
        depth += (character == "(") - (character == ")")
        if depth == 0:
            break
    return position


def path_schema(path: str) -> str | None:
    """The JSON Schema of the parameters in a path template."""
    kinds = {"int": "integer", "float": "number"}
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    pairs = [name.partition(":") for name in names]
    if not pairs:
        return None
    properties = {name: {"type": kinds.get(converter, "string")} for name, _, converter in pairs}
    return to_json({"type": "object", "properties": properties, "required": list(properties)})


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
            "route": Route(method, path),
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
