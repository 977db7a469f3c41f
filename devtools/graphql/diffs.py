"""What differs between two versions of the structure, or a version and the running app, and what that did to its behaviour."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from devtools.errors import NotFoundError, UnavailableError
from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.reading import or_none
from devtools.graphql.services import Store
from devtools.graphql.snapshots import Name, owner
from devtools.introspection.diff import diff
from devtools.introspection.diff.behaviour import Verdict, compare
from devtools.introspection.diff.changes import ChangeKind, Diff, Severity
from devtools.introspection.elements import ElementKind, Structure
from devtools.introspection.snapshots import decode
from devtools.records.snapshots import SnapshotRow
from devtools.storage import behaviour as measured

strawberry.enum(ChangeKind, name="ElementChangeKind", description="What happened to an element.")
strawberry.enum(
    Severity, name="ChangeSeverity", description="What a change of an interface does to its clients."
)
strawberry.enum(Verdict, name="BehaviourVerdict", description="How an element behaves beside how it behaved.")


@object_type
class FieldChange:
    """One field of an element, as it was and as it is."""

    name: str
    old: JSON | None
    new: JSON | None


@object_type
class ElementChange:
    """One element that came, went or changed."""

    change: ChangeKind
    id: strawberry.ID
    kind: ElementKind
    fields: Annotated[list[FieldChange], strawberry.field(description="Empty unless it changed.")]


@object_type
class SdlChange:
    """One change of the app's GraphQL schema."""

    severity: Severity
    code: str
    message: str


@object_type
class OpenApiChange:
    """One change of the app's OpenAPI document."""

    severity: Severity
    code: str
    location: str
    message: str
    operations: Annotated[
        list[str],
        strawberry.field(description="What it touches; one change of a shared schema touches many."),
    ]


@object_type
class Behaviour:
    """The runs of one element under one version."""

    count: int
    errors: int
    error_rate: Annotated[float, strawberry.field(description="0..1")]
    p50_ms: float
    p95_ms: float
    exact: Annotated[
        bool,
        strawberry.field(
            description="Percentiles of the durations themselves; otherwise of a histogram, right within 9 %."
        ),
    ]


@object_type
class BehaviourChange:
    """One element under both versions; the ones that got worse come first, the worst of them on top."""

    node_id: strawberry.ID
    verdict: Verdict
    message: str
    old: Annotated[Behaviour | None, strawberry.field(description="Null where it did not run.")]
    new: Annotated[Behaviour | None, strawberry.field(description="Null where it did not run.")]


@object_type
class SnapshotDiff:
    """What differs between two structures. What is not asked for is not computed."""

    old: strawberry.Private[SnapshotRow]
    new_structure: strawberry.Private[Structure]
    new_version: strawberry.Private[int | None]
    store: strawberry.Private[Store]

    @strawberry.field(name="from", description="The older version.")
    def older(self) -> int:
        """The older version."""
        return self.old.version

    @field
    def to(self) -> int:
        """The newer version; 0 for a running app whose structure is no stored version."""
        return self.new_version or 0

    @field
    def entries(self) -> list[ElementChange]:
        """Elements that came, went or changed, by kind and id."""
        return [
            ElementChange(
                change=entry.change,
                id=strawberry.ID(entry.id),
                kind=entry.kind,
                fields=[
                    FieldChange(name=to_camel_case(one.name), old=one.old, new=one.new)
                    for one in entry.fields
                ],
            )
            for entry in self.difference.entries
        ]

    @field
    def sdl(self) -> list[SdlChange]:
        """Changes of the app's GraphQL schema, the breaking ones first."""
        return [
            SdlChange(severity=change.severity, code=change.code, message=change.message)
            for change in self.difference.sdl
        ]

    @field
    def openapi(self) -> list[OpenApiChange]:
        """Changes of the app's OpenAPI document, the breaking ones first."""
        return [
            OpenApiChange(
                severity=change.severity,
                code=change.code,
                location=change.location,
                message=change.message,
                operations=list(change.operations),
            )
            for change in self.difference.openapi
        ]

    @field
    def behaviour(self) -> list[BehaviourChange]:
        """How each element behaved under both versions, the ones that got worse on top."""
        return [
            BehaviourChange(
                node_id=strawberry.ID(change.node_id),
                verdict=change.verdict,
                message=change.message,
                old=_behaviour(change.old),
                new=_behaviour(change.new),
            )
            for change in compare(self._behaved(self.old.version), self._behaved(self.new_version))
        ]

    def _behaved(self, version: int | None) -> Mapping[str, measured.Behaviour]:
        return {} if version is None else self.store.behaviour(version, self.old.app, self.old.role)

    @cached_property
    def difference(self) -> Diff:
        """What differs, found once. Raises DamagedSnapshotError."""
        return diff(decode(self.old), self.new_structure)


def _behaviour(found: measured.Behaviour | None) -> Behaviour | None:
    if found is None:
        return None
    return Behaviour(
        count=found.count,
        errors=found.errors,
        error_rate=found.error_rate,
        p50_ms=found.p50_ms,
        p95_ms=found.p95_ms,
        exact=found.exact,
    )


@object_type
class DiffQuery:
    """The root field of diffs. Not itself a type of the schema."""

    @field
    def snapshot_diff(
        self,
        info: Info,
        older: Annotated[int, strawberry.argument(name="from")],
        to: int | None = strawberry.UNSET,
        app: Name = strawberry.UNSET,
        role: Name = strawberry.UNSET,
    ) -> SnapshotDiff:
        """What differs between two versions; without `to` between a version and the running app."""
        key = owner(info.context, app, role)
        old = _existing(info.context, older, key)
        version = or_none(to)
        if version is None:
            structure, version = _now(info.context)
        else:
            structure = decode(_existing(info.context, version, key))
        return SnapshotDiff(
            old=old, new_structure=structure, new_version=version, store=info.context.services.store
        )


def _existing(context: Context, version: int, key: Sequence[Name]) -> SnapshotRow:
    row = context.services.store.snapshots.get(version, *key)
    if row is None:
        raise NotFoundError("cannot compare snapshots", "snapshot", version)
    return row


def _now(context: Context) -> tuple[Structure, int | None]:
    """The structure that is answered from now, and the version that it is."""
    status = context.services.structure()
    if status.state == "empty":
        raise UnavailableError(
            "Cannot compare with the running app: none was described here. Name the newer version with `to`."
        )
    return context.graph.structure, status.snapshot_version
