"""JSON Schemas of inputs, payloads and configurations, from type annotations, and a form of them for people."""

import contextlib
import inspect
import json
import re
import sys
import typing
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from devtools.errors import OF_THE_APP
from devtools.introspection.json_text import json_text
from devtools.introspection.naming import unwrapped

REFERENCES = "#/$defs/{name}"


def of_type(kind: Any) -> str | None:  # Any: a type expression
    """The JSON Schema of a type as text; None where nothing can be said about it."""
    if kind is None or kind is Any:
        return None
    return _encode(_schema(kind))


def of_call(
    function: Any, *, without: frozenset[str] = frozenset()
) -> str | None:  # Any: every callable there is
    """The JSON Schema of a function's arguments as one object; None where it takes none."""
    target = unwrapped(function)
    try:
        parameters = inspect.signature(target).parameters.values()
        hints = _hints(target.__init__ if isinstance(target, type) else target)
    except OF_THE_APP:
        return None
    properties: dict[str, Any] = {}
    required: list[str] = []
    definitions: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name in without or parameter.name in {"self", "cls"} or parameter.kind in _VARIADIC:
            continue
        schema = _schema(hints.get(parameter.name, Any))
        properties[parameter.name] = hoisted(schema, definitions)
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
    if not properties:
        return None
    whole = {"type": "object", "properties": properties, "required": required, "$defs": definitions}
    return _encode({name: part for name, part in whole.items() if part})


_VARIADIC = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


def hoisted(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions moved to those of the whole, where references look for them."""
    own = schema.pop("$defs", {})
    for name, definition in own.items():
        if definitions.get(name, definition) != definition:
            return {"title": name}  # two types of one name: saying less is better than saying the wrong one
    definitions.update(own)
    return schema


def hints_of(function: Any) -> dict[str, Any]:  # Any: every callable there is, and type expressions
    """The type hints of a function's arguments, without those that cannot be resolved."""
    return _hints(unwrapped(function))


def build(text: bytes, kind: Any) -> Any:  # Any: a type expression, and a value of it
    """A value of a type from JSON. Raises what msgspec or Pydantic raise for text that does not fit, or a type without JSON."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and _is_model(kind, pydantic):
        return pydantic.TypeAdapter(kind).validate_json(text)
    return msgspec.json.decode(text, type=kind)


def _is_model(kind: Any, pydantic: Any) -> bool:
    """Whether a Pydantic model stands anywhere in a type expression."""
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return True
    return any(_is_model(argument, pydantic) for argument in typing.get_args(kind))


def _hints(target: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(target)
    except OF_THE_APP:
        return _resolvable_hints(target)


def _resolvable_hints(target: Any) -> dict[str, Any]:
    """The hints that can be resolved, where one cannot: a name imported for the type checker only."""

    def one() -> None: ...

    found: dict[str, Any] = {}
    try:
        for name, annotation in inspect.get_annotations(target).items():
            one.__annotations__ = {name: annotation}
            with contextlib.suppress(*OF_THE_APP):
                found |= typing.get_type_hints(one, globalns=target.__globals__)
    except OF_THE_APP:
        return found
    return found


def _schema(kind: Any) -> dict[str, Any]:
    if kind is Any:
        return {}
    if kind is None or kind is type(None):
        return {"type": "null"}
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return safely(lambda: cast("Any", kind).model_json_schema(ref_template="#/$defs/{model}"), kind)
    return safely(lambda: _from_msgspec(kind), kind)


def safely(make: Any, kind: Any) -> dict[str, Any]:  # Any: a type, and what makes its schema
    """The schema, or the type's name where it has none: a `Request`, a connection, a class of the app."""
    try:
        return make()
    except OF_THE_APP:
        name = getattr(kind, "__name__", None) or str(kind)
        return {"title": _ADDRESS.sub("", str(name))}


_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def _from_msgspec(kind: Any) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([kind], ref_template=REFERENCES)
    return {**schema, "$defs": components} if components else schema


def _encode(schema: Mapping[str, Any]) -> str | None:
    return json_text(schema, default=str) if schema else None


def readable(schema: str | None) -> str | None:
    """A JSON Schema as people write types: one line per property, `name?: type — description`."""
    if schema is None:
        return None
    try:
        tree = json.loads(schema)
    except (ValueError, RecursionError):
        return None
    return _Reader(_mapping(cast("Any", tree).get("$defs"))).text(tree) if isinstance(tree, dict) else None


MAX_LINES = 300
"""Properties of one schema that are written out; types beyond are named."""

MAX_NESTED = 40


def _mapping(value: Any) -> dict[str, Any]:  # Any: what JSON holds; a stored schema may hold anything
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _literal(value: Any) -> str:
    return json_text(value)


class _Reader:
    """Writes one schema. `within` are the definitions being written, so that a type within itself is only named."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions
        self.lines = 0

    def text(self, part: Any, indent: int = 0, within: tuple[str, ...] = ()) -> str:
        schema = _mapping(part)
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema["$ref"].rpartition("/")[2], indent, within)
        if len(within) > MAX_NESTED or indent > MAX_NESTED:
            return "…"
        if _mapping(schema.get("properties")):
            return self._object(schema, indent, within)
        options = self._options(schema, indent, within)
        if options:
            return " | ".join(options)
        if schema.get("type") == "array":
            return self._array(schema, indent, within)
        values = schema.get("additionalProperties")
        if schema.get("type") == "object" and _mapping(values):
            return f"{{ [key]: {self.text(values, indent, (*within, ''))} }}"
        return str(schema.get("type") or schema.get("title") or "any")

    def _reference(self, name: str, indent: int, within: tuple[str, ...]) -> str:
        self.lines += 1
        if name in within or name not in self.definitions or self.lines > MAX_LINES:
            return name
        return self.text(self.definitions[name], indent, (*within, name))

    def _options(self, schema: dict[str, Any], indent: int, within: tuple[str, ...]) -> list[str]:
        """What a value may be, where it may be one of several."""
        if "const" in schema:
            return [_literal(schema["const"])]
        parts = _items(schema.get("anyOf")) or _items(schema.get("oneOf"))
        kinds = [str(kind) for kind in _items(schema.get("type"))]
        return (
            [_literal(value) for value in _items(schema.get("enum"))]
            or [self.text(part, indent, (*within, "")) for part in parts]
            or kinds
        )

    def _array(self, schema: dict[str, Any], indent: int, within: tuple[str, ...]) -> str:
        members = _items(schema.get("prefixItems"))
        if members:
            return f"[{', '.join(self.text(member, indent, (*within, '')) for member in members)}]"
        item = schema.get("items")
        text = self.text(item, indent, (*within, ""))
        return f"({text})[]" if _is_union(_mapping(item)) else f"{text}[]"

    def _object(self, schema: dict[str, Any], indent: int, within: tuple[str, ...]) -> str:
        required = _items(schema.get("required"))
        margin = "  " * (indent + 1)
        lines: list[str] = []
        for name, part in _mapping(schema.get("properties")).items():
            self.lines += 1
            if self.lines > MAX_LINES:
                lines.append(f"{margin}…")
                break
            mark = "" if name in required else "?"
            lines.append(f"{margin}{name}{mark}: {self.text(part, indent + 1, within)}{_note(part)}")
        return "\n".join(["{", *lines, "  " * indent + "}"])


def _is_union(schema: dict[str, Any]) -> bool:
    return any(len(_items(schema.get(word))) > 1 for word in ("anyOf", "oneOf", "enum", "type"))


def _note(part: Any) -> str:
    description = _mapping(part).get("description")
    return f" — {' '.join(description.split())}" if isinstance(description, str) and description else ""
