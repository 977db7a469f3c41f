"""Changes of a GraphQL schema, classed by graphql-core: breaking, dangerous, safe."""

from devtools.introspection.diff.changes import SEVERITIES, SdlChange, Severity

UNUSED_SCALAR = "Standard scalar "
"""How graphql-core says that `Int` stands nowhere in the schema any more, which breaks nobody by itself."""


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
    from graphql import GraphQLError, build_schema
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
    return [
        SdlChange(
            severity=severities.get(type(change.type), Severity.SAFE),
            code=change.type.name,
            message=change.description,
        )
        for change in find_schema_changes(before, after)
        if not change.description.startswith(UNUSED_SCALAR)
    ]
