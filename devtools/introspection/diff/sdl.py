"""Changes of a GraphQL schema, as graphql-core classes them but for defaults, and what it leaves out: breaking, dangerous, safe."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devtools.introspection.diff.changes import SEVERITIES, SdlChange, Severity

if TYPE_CHECKING:
    from graphql import GraphQLSchema

UNUSED_SCALAR = "Standard scalar "
"""How graphql-core says that `Int` stands nowhere in the schema any more, which breaks nobody by itself."""
_DEFAULTS = frozenset({"ARG_DEFAULT_VALUE_CHANGE", "INPUT_FIELD_DEFAULT_VALUE_CHANGE"})


def changes(old: str | None, new: str | None) -> list[SdlChange]:
    """What differs between two schemas in GraphQL's own language, the breaking changes first."""
    if old == new:
        return []
    if old is None:
        return [
            SdlChange(
                severity=Severity.SAFE, code="SCHEMA_ADDED", message="The app has a GraphQL schema now."
            )
        ]
    if new is None:
        return [
            SdlChange(
                severity=Severity.BREAKING,
                code="SCHEMA_REMOVED",
                message="The app has no GraphQL schema any more.",
            )
        ]
    return sorted(_compared(old, new), key=lambda change: (SEVERITIES.index(change.severity), change.message))


def _compared(old: str, new: str) -> list[SdlChange]:
    from graphql import GraphQLError, build_schema, parse, print_ast
    from graphql.utilities.find_schema_changes import (
        BreakingChangeType,
        DangerousChangeType,
        find_schema_changes,
    )

    try:
        before = build_schema(old, assume_valid=True, assume_valid_sdl=True)
        after = build_schema(new, assume_valid=True, assume_valid_sdl=True)
    except (GraphQLError, TypeError, KeyError) as error:
        return [
            SdlChange(
                severity=Severity.DANGEROUS,
                code="SCHEMA_UNREADABLE",
                message=f"The two GraphQL schemas differ, and one of them cannot be read: {error}",
            )
        ]
    severities: dict[type, Severity] = {
        BreakingChangeType: Severity.BREAKING,
        DangerousChangeType: Severity.DANGEROUS,
    }
    required = set(_required(after))
    found: list[SdlChange] = []
    for change in find_schema_changes(before, after):
        severity, message = severities.get(type(change.type), Severity.SAFE), change.description
        where = message.partition(" ")[0]
        # graphql-core calls every change of a default dangerous. Without one, who left the value out is refused now.
        if change.type.name in _DEFAULTS and where in required:
            severity, message = Severity.BREAKING, f"{where} must be given now: its default was removed."
        if not message.startswith(UNUSED_SCALAR):
            found.append(SdlChange(severity=severity, code=change.type.name, message=message))
    found += _roots(before, after)
    found += _one_of(before, after)
    found += _specifications(before, after)
    found += _deprecations(before, after)
    if not found and print_ast(parse(old)) != print_ast(parse(new)):
        found.append(
            SdlChange(
                severity=Severity.SAFE,
                code="SCHEMA_REWRITTEN",
                message="The schema is written otherwise: in another order, or in what is not compared, as directives of its own.",
            )
        )
    return found


def _roots(before: "GraphQLSchema", after: "GraphQLSchema") -> Iterator[SdlChange]:
    """Kinds of operation that come, go, or begin at another type."""
    for kind in ("query", "mutation", "subscription"):
        was, now = (getattr(getattr(schema, f"{kind}_type"), "name", None) for schema in (before, after))
        if was == now:
            continue
        if was is None:
            message = f"The schema has a {kind} type now: {now}."
            yield SdlChange(severity=Severity.SAFE, code="ROOT_TYPE_ADDED", message=message)
        elif now is None:
            message = f"The schema has no {kind} type any more: {was} was it."
            yield SdlChange(severity=Severity.BREAKING, code="ROOT_TYPE_REMOVED", message=message)
        else:
            message = f"The {kind} type is {now}, where it was {was}."
            yield SdlChange(severity=Severity.BREAKING, code="ROOT_TYPE_CHANGED", message=message)


def _specifications(before: "GraphQLSchema", after: "GraphQLSchema") -> Iterator[SdlChange]:
    """Scalars that are specified elsewhere than they were (`@specifiedBy`)."""
    from graphql import GraphQLScalarType

    for name, kind in after.type_map.items():
        old = before.type_map.get(name)
        if not (isinstance(old, GraphQLScalarType) and isinstance(kind, GraphQLScalarType)):
            continue
        was, now = old.specified_by_url, kind.specified_by_url
        if was != now:
            message = f"{name} is specified by {now or 'nothing'}, where it was by {was or 'nothing'}."
            yield SdlChange(severity=Severity.DANGEROUS, code="SPECIFIED_BY_CHANGED", message=message)


def _one_of(before: "GraphQLSchema", after: "GraphQLSchema") -> Iterator[SdlChange]:
    """Input types that take exactly one of their fields (`@oneOf`) and did not, or the other way round."""
    for name, kind in after.type_map.items():
        is_one, was_one = (getattr(each, "is_one_of", None) for each in (kind, before.type_map.get(name)))
        if is_one and was_one is False:
            message = f"{name} takes exactly one of its fields now."
            yield SdlChange(severity=Severity.BREAKING, code="ONE_OF_ADDED", message=message)
        elif was_one and is_one is False:
            message = f"{name} takes more than one of its fields now."
            yield SdlChange(severity=Severity.SAFE, code="ONE_OF_REMOVED", message=message)


def _deprecations(before: "GraphQLSchema", after: "GraphQLSchema") -> Iterator[SdlChange]:
    """What is deprecated and was not, or the other way round, or for another reason."""
    was = dict(_reasons(before))
    for place, reason in _reasons(after):
        if place not in was or was[place] == reason:
            continue
        code, message = "DEPRECATION_CHANGED", f"{place} is deprecated: {reason}"
        if reason is None:
            code, message = "DEPRECATION_REMOVED", f"{place} is not deprecated any more."
        elif was[place] is None:
            code = "DEPRECATION_ADDED"
        yield SdlChange(severity=Severity.SAFE, code=code, message=message)


def _reasons(schema: "GraphQLSchema") -> Iterator[tuple[str, str | None]]:
    """Every place that may be deprecated, with the reason why it is."""
    for directive in schema.directives:
        for argument_name, argument in directive.args.items():
            yield f"@{directive.name}({argument_name}:)", argument.deprecation_reason
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        for value_name, value in getattr(kind, "values", {}).items():
            yield f"{name}.{value_name}", value.deprecation_reason
        for field_name, field in getattr(kind, "fields", {}).items():
            yield f"{name}.{field_name}", field.deprecation_reason
            for argument_name, argument in getattr(field, "args", {}).items():
                yield f"{name}.{field_name}({argument_name}:)", argument.deprecation_reason


def _required(schema: "GraphQLSchema") -> Iterator[str]:
    """`Query.orders(first:)`, `@cached(seconds:)` and `OrderInput.sku`: every argument and input field that must be given."""
    from graphql import is_input_object_type, is_required_argument, is_required_input_field

    for directive in schema.directives:
        for argument_name, argument in directive.args.items():
            if is_required_argument(argument):
                yield f"@{directive.name}({argument_name}:)"
    for name, kind in schema.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            if is_input_object_type(kind):
                if is_required_input_field(field):
                    yield f"{name}.{field_name}"
                continue
            for argument_name, argument in field.args.items():
                if is_required_argument(argument):
                    yield f"{name}.{field_name}({argument_name}:)"
