"""GraphQL schemas of Strawberry and graphql-core behind the app's routes: the SDL, and the root fields as tasks.

A root field is a task named as people write it, `Query.products`: it takes arguments, does work and may depend on a decorated
resolver. Which of query, mutation and subscription it is, its type says.
"""

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.inspectors import Found, to_json
from devtools.introspection.registry import declared_id

ROOTS = ("query_type", "mutation_type", "subscription_type")

_KINDS = {"Int": "integer", "Float": "number", "String": "string", "ID": "string", "Boolean": "boolean"}


def inspect(_: Any, found: Found) -> None:  # Any: any app; the endpoints say enough
    """Describe the first schema among the endpoints; further ones are another app's."""
    graphql: Any = sys.modules.get("graphql")
    if graphql is None:
        return
    for endpoint in found.endpoints:
        schema = schema_of(endpoint, graphql.GraphQLSchema)
        if schema is not None:
            found.sdl = graphql.print_schema(schema)
            for parent, name, field in _root_fields(schema):
                _describe(f"{parent}.{name}", field, found, graphql)
            return


def schema_of(endpoint: Any, kind: type[Any]) -> Any:
    """The graphql-core schema of an endpoint: its own `schema`, which Strawberry wraps once more; also behind a bound method."""
    for holder in (endpoint, naming.attribute(endpoint, "__self__"), naming.unwrapped(endpoint)):
        schema = naming.attribute(holder, "schema")
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


def _describe(identifier: str, field: Any, found: Found, graphql: Any) -> None:
    """The field's own words come before those of its resolver, which says where it is written."""
    resolver = _resolver(field)
    title, description = naming.paragraphs(field.description) if field.description else (None, None)
    if resolver is None:
        schema = _arguments(field, graphql)
        found.add(
            Element(id=identifier, kind=ElementKind.task, title=title, description=description, schema=schema)
        )
        return
    declared = declared_id(resolver)
    element = found.describe(
        ElementKind.task,
        identifier,
        resolver,
        schema=_arguments(field, graphql),
        depends_on=(declared,) if declared is not None else (),
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
    """The JSON Schema of a field's arguments; types that are not scalars go by their name in the schema."""
    if not field.args:
        return None
    properties = {name: _type(argument.type, graphql) for name, argument in field.args.items()}
    required = [name for name, argument in field.args.items() if graphql.is_required_argument(argument)]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return to_json({**schema, "required": required} if required else schema)


def _type(kind: Any, graphql: Any) -> dict[str, Any]:
    if graphql.is_non_null_type(kind):
        return _type(kind.of_type, graphql)
    if graphql.is_list_type(kind):
        return {"type": "array", "items": _type(kind.of_type, graphql)}
    return {"type": _KINDS[kind.name]} if kind.name in _KINDS else {"title": kind.name}
