"""Fields that are resolved without a detour. Called by `operation` for every field that is not part of a column.

graphql-core coerces the arguments of a field for each of its calls; Strawberry converts them and looks up what the resolver wants.
Within one operation that is always the same: here it is done once. What is not plain is left to them.
"""

# graphql-core leaves type parameters open, which strict mode would report wherever one is named.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import strawberry
from graphql import FieldNode, GraphQLField, GraphQLSchema, get_nullable_type, is_list_type
from graphql.execution import get_argument_values
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

UNCHANGING = str | int | float | Enum | type(None) | type(strawberry.UNSET)
"""Values of arguments that calls may share."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A field whose resolver is called with what it wants, and nothing around it."""

    definition: GraphQLField
    resolve: Callable[[Any, Any], Any]
    """Of a source and the information of graphql-core, the result."""
    list_type: Any
    """The type without its non-null, where that is a list."""


def plain_field(schema: GraphQLSchema, parent: Any, node: FieldNode, variables: Any) -> Plain | None:
    """The selected field of a type; None where graphql-core and Strawberry are to resolve it."""
    definition = schema.get_field(parent, node.name.value)
    field = None if definition is None else definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if definition is None or type(field) is not StrawberryField or field.base_resolver is None:
        return None
    if field.is_async or field.extensions:
        return None
    try:
        converter: GraphQLCoreConverter = getattr(schema, "_strawberry_schema").schema_converter  # noqa: B009
        arguments = convert_arguments(
            get_argument_values(definition, node, variables),
            field.arguments,
            scalar_registry=converter.scalar_registry,
            config=converter.config,
        )
        if not all(isinstance(value, UNCHANGING) for value in arguments.values()):
            return None
        nullable: Any = get_nullable_type(definition.type)
        resolve = _resolver(field, arguments, converter.config.info_class)
        return Plain(definition, resolve, nullable if is_list_type(nullable) else None)
    except Exception:
        return None  # it is met again, and becomes the error of this field


def _resolver(
    field: StrawberryField, arguments: dict[str, Any], info_class: Any
) -> Callable[[Any, Any], Any]:
    resolver: Any = field.base_resolver
    function, takes_self = resolver.wrapped_func, resolver.self_parameter is not None
    sources = [wanted.name for wanted in (resolver.parent_parameter, resolver.root_parameter) if wanted]
    info = None if resolver.info_parameter is None else resolver.info_parameter.name

    def resolve(source: Any, raw_info: Any) -> Any:
        named = arguments.copy()
        for name in sources:
            named[name] = source
        if info is not None:
            named[info] = info_class(_raw_info=raw_info, _field=field)
        return function(source, **named) if takes_self else function(**named)

    return resolve


def changed_resolving() -> str | None:
    """What of Strawberry is not as this module knows it; None when all is."""
    expected = ("value", "arguments", "scalar_registry", "config", "info")
    if tuple(inspect.signature(convert_arguments).parameters) != expected:
        return "convert_arguments of Strawberry is another"
    needed: dict[type, tuple[str, ...]] = {
        StrawberryField: ("default_resolver", "is_async", "arguments"),
        StrawberryResolver: ("self_parameter", "parent_parameter", "root_parameter", "info_parameter"),
    }
    for owner, names in needed.items():
        if not all(hasattr(owner, name) for name in names):
            return f"{owner.__name__} of Strawberry is another"
    if not {"_raw_info", "_field"} <= set(inspect.signature(strawberry.Info).parameters):
        return "Info of Strawberry is another"
    return None
