"""What FastAPI knows of a function it calls: what it takes from a request, what it answers, its security. Used by its inspector.

Read off `Dependant`, the tree of a function and its dependencies, and `ModelField`, a parameter with its validator.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from devtools.introspection import naming, schemas
from devtools.introspection.inspectors import to_json

PLACES = ("path", "query", "header", "cookie")
BODY = "body"
"""Name of the request's body among the parameters."""
MAX_DEPENDENCIES = 1_000
"""Of one route, counted as often as they are named."""

Schema = dict[str, Any]  # Any: JSON
Field = Any
"""A ModelField of FastAPI."""


def of_input(dependant: Any, body: Field, *, own: bool = False) -> str | None:
    """The JSON Schema of what is taken from a request, dependencies included unless only its `own` are asked for."""
    properties: Schema = {}
    required: dict[str, None] = {}
    definitions: Schema = {}
    for place, field in _parameters(dependant, own=own):
        for name, part, needed in _properties(place, field):
            properties.setdefault(name, {"in": place, **schemas.hoisted(part, definitions)})
            required |= {name: None} if needed else {}
    if body is not None:
        properties[BODY] = {"in": BODY, **schemas.hoisted(_schema(body), definitions)}
        required |= {BODY: None} if _is_required(body) else {}
    if not properties:
        return None
    whole = {"type": "object", "properties": properties, "required": list(required), "$defs": definitions}
    return to_json({name: part for name, part in whole.items() if part})


def of_result(route: Any) -> str | None:
    """The JSON Schema of what a route answers; of one that streams, of each item."""
    field = naming.attribute(route, "response_field") or naming.attribute(route, "stream_item_field")
    if field is None:
        return None
    schema = _schema(field, mode="serialization", by_alias=bool(route.response_model_by_alias))
    return to_json(schema) or "{}"


def _parameters(dependant: Any, *, own: bool) -> Iterator[tuple[str, Field]]:
    for inner in (dependant,) if own else tree(dependant):
        for place in PLACES:
            for field in naming.attribute(inner, f"{place}_params") or ():
                if naming.attribute(field.field_info, "include_in_schema") is not False:
                    yield place, field


def tree(dependant: Any) -> Iterator[Any]:
    """A function and its dependencies, from the outside in."""
    waiting = [dependant]
    for inner in waiting:
        yield inner
        waiting += inner.dependencies[: max(0, MAX_DEPENDENCIES - len(waiting))]


def _properties(place: str, field: Field) -> Iterator[tuple[str, Schema, bool]]:
    """Name, schema and whether it must be given. A model of parameters is as many parameters as it has fields."""
    schema = _schema(field)
    if hasattr(field.field_info.annotation, "model_fields") and "properties" in schema:
        definitions = schema.get("$defs", {})
        for name, part in schema["properties"].items():
            yield name, {**part, "$defs": definitions}, name in schema.get("required", ())
        return
    schema.pop("title", None)
    yield _name(place, field), schema, _is_required(field)


def _name(place: str, field: Field) -> str:
    """The name in a request: that of a header has hyphens, which newer versions only write when they read it."""
    alias = str(field.alias)
    converts = naming.attribute(field.field_info, "convert_underscores") is not False
    return alias.replace("_", "-") if place == "header" and converts and alias == field.name else alias


def _is_required(field: Field) -> bool:
    return bool(field.field_info.is_required())


def _schema(field: Field, **options: Any) -> Schema:
    """The schema of a parameter as its validator has it; its type's where there is none."""

    def make() -> Schema:
        # No public name leads to the validator that FastAPI built; building another costs a millisecond each.
        return naming.attribute(field, "_type_adapter").json_schema(ref_template="#/$defs/{model}", **options)

    return schemas.safely(make, field.field_info.annotation)


def scopes(dependant: Any) -> dict[str, None]:
    """The OAuth 2 scopes that a caller needs, in the order in which they are asked for."""
    found: dict[str, None] = {}
    for inner in tree(dependant):
        found |= dict.fromkeys(naming.attribute(inner, "own_oauth_scopes") or ())
    return found


def security_scheme(call: Any) -> Schema | None:  # Any: every callable there is
    """The scheme of a security dependency as OpenAPI writes it, with its name; None for what is none."""
    model, name = naming.attribute(call, "model"), naming.attribute(call, "scheme_name")
    dump: Callable[..., Schema] | None = naming.attribute(model, "model_dump")
    if not isinstance(name, str) or dump is None or isinstance(call, type):
        return None
    return {"scheme_name": name, **dump(mode="json", by_alias=True, exclude_none=True)}


def made_with(call: Any) -> Schema | None:  # Any: as above
    """The plain values of an object, to tell it from others of its class."""
    values: Schema = naming.attribute(call, "__dict__") or {}
    plain = (str, int, float, bool, type(None))
    return {name: value for name, value in values.items() if isinstance(value, plain)}


def is_generator(call: Any) -> bool:  # Any: as above
    """Whether it yields what is depended on and does something after."""
    target = naming.unwrapped(call)
    if isinstance(target, type) and not isinstance(call, type):
        target = naming.unwrapped(naming.attribute(target, "__call__"))
    return inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target)
