"""GraphQL schemas of Strawberry and graphql-core: the SDL, and the fields that the app resolves as tasks.

A root field is a task named as people write it, `Query.products`; so is a field of another type that has a resolver of its own. Of
several schemas the one at the first path is the app's; each further one is a resource that holds its SDL and registers its fields.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.inspectors import Found, loaded, to_json
from devtools.introspection.registry import declared_id

ROOTS = ("query_type", "mutation_type", "subscription_type")

_KINDS = {"Int": "integer", "Float": "number", "String": "string", "ID": "string", "Boolean": "boolean"}


class Served(NamedTuple):
    """One schema of graphql-core, and where it answers: path, or the global that holds it. Any: graphql-core is not typed here."""

    path: str | None
    name: str | None
    schema: Any

    @property
    def order(self) -> tuple[bool, str, str]:
        """Those that answer come first, by path."""
        return self.path is None, self.path or "", self.name or ""


def inspect(_: Any, found: Found) -> None:  # Any: any app; the endpoints say enough
    """Describe every schema behind an endpoint, or in the app's own package."""
    graphql: Any = loaded("graphql")
    if graphql is None:
        return
    for position, each in enumerate(_served(found, graphql.GraphQLSchema)):
        registrar = None if position == 0 else _register(each, found, graphql)
        if registrar is None:
            found.sdl = graphql.print_schema(each.schema)
        for parent, name, field in (*_root_fields(each.schema), *_resolved_fields(each.schema, graphql)):
            prefix = "" if registrar is None else f"{registrar}."
            _describe(f"{prefix}{parent}.{name}", field, found, graphql, registrar)


def _register(served: Served, found: Found, graphql: Any) -> str:
    identifier = served.name or f"graphql {served.path}"
    where = f"GraphQL schema at {served.path}" if served.path is not None else "GraphQL schema"
    sdl = to_json({"sdl": graphql.print_schema(served.schema)})
    found.describe_global(ElementKind.resource, identifier, served.schema, title=where, config=sdl)
    return identifier


def _served(found: Found, kind: type[Any]) -> list[Served]:
    """Every schema once, in order; two that say the same are one."""
    schemas: dict[int, Served] = {}
    paths = {
        identifier: element.route.path for identifier, element in found.elements.items() if element.route
    }
    routed = [(path, found.things.get(identifier)) for identifier, path in paths.items()]
    routed.sort(key=lambda pair: pair[0])
    names = {id(schema): (name, schema) for name, schema in _held(found, kind)}
    for path, thing in (*routed, *((None, endpoint) for endpoint in found.endpoints)):
        schema = schema_of(thing, kind)
        if schema is not None:
            name = names.get(id(schema), (None, None))[0]
            schemas.setdefault(id(schema), Served(path, name, schema))
    for identity, (name, schema) in names.items():
        schemas.setdefault(identity, Served(None, name, schema))
    by_text: dict[str, Served] = {}
    for served in sorted(schemas.values(), key=lambda served: served.order):
        by_text.setdefault(loaded("graphql").print_schema(served.schema), served)
    return list(by_text.values())


def _held(found: Found, kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """Schemas that a global of the app's own package holds: other packages of a project may have theirs for another app."""
    strawberry: Any = naming.attribute(loaded("strawberry.schema.schema"), "Schema")
    for name, thing in found.own.of(kind, *((strawberry,) if isinstance(strawberry, type) else ())):
        schema = thing if isinstance(thing, kind) else naming.attribute(thing, "_schema")
        if isinstance(schema, kind) and name.partition(".")[0] == found.own.package:
            yield name, schema


def schema_of(endpoint: Any, kind: type[Any]) -> Any:
    """The graphql-core schema of an endpoint: its own `schema`, which Strawberry wraps once more.

    Also behind a bound method, in the router whose inner function it is, and among what a class-based view was made with.
    """
    closure = naming.closure(endpoint)
    made_with = {
        **naming.mapping(closure.get("class_kwargs")),
        **naming.mapping(naming.attribute(endpoint, "view_initkwargs")),
    }
    holders = (
        endpoint,
        naming.attribute(endpoint, "__self__"),
        naming.unwrapped(endpoint),
        closure.get("self"),
    )
    schemas = (*(naming.attribute(holder, "schema") for holder in holders), made_with.get("schema"))
    for schema in schemas:
        for candidate in (schema, naming.attribute(schema, "_schema")):
            if isinstance(candidate, kind):
                return candidate
    return None


def _root_fields(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for operation in ROOTS:
        root: Any = getattr(schema, operation)
        if root is not None:
            for name, field in root.fields.items():
                yield root.name, name, field


def _resolved_fields(schema: Any, graphql: Any) -> Iterator[tuple[str, str, Any]]:
    """Fields of other types that a function of the app answers."""
    roots = {naming.attribute(getattr(schema, operation), "name") for operation in ROOTS}
    for type_name, kind in schema.type_map.items():
        if graphql.is_object_type(kind) and type_name not in roots and not type_name.startswith("__"):
            for name, field in kind.fields.items():
                if _resolver(field) is not None:
                    yield type_name, name, field


def _describe(identifier: str, field: Any, found: Found, graphql: Any, registrar: str | None) -> None:
    """The field's own words come before those of its resolver, which says where it is written."""
    resolver = _resolver(field)
    title, description = naming.paragraphs(field.description) if field.description else (None, None)
    if resolver is None:
        schema = _arguments(field, graphql)
        found.add(
            Element(
                id=identifier,
                kind=ElementKind.task,
                title=title,
                description=description,
                schema=schema,
                registered_by=registrar,
            )
        )
        return
    declared = declared_id(resolver)
    element = found.describe(
        ElementKind.task,
        identifier,
        resolver,
        schema=_arguments(field, graphql),
        depends_on=(declared,) if declared is not None else (),
        registered_by=registrar,
    )
    if title is not None:
        found.elements[identifier] = msgspec.structs.replace(element, title=title, description=description)


def _resolver(field: Any) -> Any:
    """The app's own function behind a field: Strawberry keeps its definition in the extensions."""
    extensions: dict[str, Any] = field.extensions or {}
    definition = extensions.get("strawberry-definition")
    if definition is None:
        return field.resolve or field.subscribe
    return naming.attribute(naming.attribute(definition, "base_resolver"), "wrapped_func")


def _arguments(field: Any, graphql: Any) -> str | None:
    """The JSON Schema of a field's arguments, with the input types that they name."""
    if not field.args:
        return None
    definitions: dict[str, Any] = {}
    schema = _object(field.args, graphql, definitions)
    return to_json({**schema, "$defs": definitions} if definitions else schema)


def _object(members: Any, graphql: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Arguments, or the fields of an input type, as one object."""
    properties = {name: _type(member.type, graphql, definitions) for name, member in members.items()}
    # What is required is asked alike of an argument and of a field of an input type.
    required = [
        name
        for name, member in members.items()
        if graphql.is_non_null_type(member.type) and member.default_value is graphql.Undefined
    ]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _type(kind: Any, graphql: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if graphql.is_non_null_type(kind):
        return _type(kind.of_type, graphql, definitions)
    if graphql.is_list_type(kind):
        return {"type": "array", "items": _type(kind.of_type, graphql, definitions)}
    if graphql.is_enum_type(kind):
        return {"enum": list(kind.values)}
    if graphql.is_input_object_type(kind):
        if kind.name not in definitions:
            definitions[kind.name] = {}  # it may hold itself
            definitions[kind.name] = _object(kind.fields, graphql, definitions)
        return {"$ref": f"#/$defs/{kind.name}"}
    return {"type": _KINDS[kind.name]} if kind.name in _KINDS else {"title": kind.name}
