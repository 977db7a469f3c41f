"""Stored versions of the structure."""

from functools import cached_property

import strawberry
from strawberry.scalars import JSON

from devtools.errors import NotFoundError
from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.derive import decode as decode_json
from devtools.graphql.elements import BaseElement, as_types
from devtools.graphql.reading import or_none
from devtools.introspection.elements import ElementKind, Structure
from devtools.introspection.exchange import exported
from devtools.introspection.graph import Graph
from devtools.introspection.snapshots import decode
from devtools.records import NANOSECONDS_PER_MILLISECOND
from devtools.records.snapshots import SnapshotRow
from devtools.storage.snapshot_store import SnapshotStore

Name = str | None


@object_type
class Snapshot:
    """One version of the structure of an app and role. Ten are kept, one is active."""

    row: strawberry.Private[SnapshotRow]
    store: strawberry.Private[SnapshotStore | None] = None
    """Where the content of a listed version is read from when it is asked for."""

    @field
    def version(self) -> int:
        """1, 2, … never used twice."""
        return self.row.version

    @field
    def app(self) -> str:
        """The app."""
        return self.row.app

    @field
    def role(self) -> str:
        """Which part of the app: main, worker, …"""
        return self.row.role

    @field
    def created_at_ms(self) -> float:
        """Unix milliseconds of the first save."""
        return self.row.created_ns / NANOSECONDS_PER_MILLISECOND

    @field
    def last_seen_ms(self) -> float:
        """Unix milliseconds of the last start with this content."""
        return self.row.last_seen_ns / NANOSECONDS_PER_MILLISECOND

    @field
    def active(self) -> bool:
        """Whether it is the one that is restored at start."""
        return self.row.active

    @field
    def label(self) -> str | None:
        """A name given by hand."""
        return self.row.label

    @field
    def content_hash(self) -> str:
        """SHA-256 of what counts as content: not lines, paths or revisions."""
        return self.row.content_hash

    @field
    def app_version(self) -> str | None:
        """Version of the app."""
        return self.row.app_version

    @field
    def git_revision(self) -> str | None:
        """Commit that was checked out."""
        return self.row.git_revision

    @field
    def git_dirty(self) -> bool | None:
        """Whether files differed from that commit."""
        return self.row.git_dirty

    @field
    def python_version(self) -> str:
        """Version of Python."""
        return self.row.python_version

    @field
    def element_count(self) -> int:
        """How many elements it has."""
        return self.row.element_count

    @field
    def sdl(self) -> str | None:
        """The app's own GraphQL schema, where it has one."""
        return self.structure.sdl

    @field
    def openapi(self) -> JSON | None:
        """The app's OpenAPI document, where it has one."""
        return decode_json(self.structure.openapi)

    @field
    def elements(
        self,
        kinds: list[ElementKind] | None = strawberry.UNSET,
        id_includes: strawberry.ID | None = strawberry.UNSET,
    ) -> list[BaseElement]:
        """Its elements, by kind and id, with all their links as they were."""
        graph = Graph(self.structure)
        found = graph.list(None, or_none(id_includes))
        wanted = or_none(kinds)
        return as_types(graph, (element for element in found if not wanted or element.kind in wanted))

    @field
    def document(self) -> str:
        """The whole of it as the file that `devtools snapshots export` writes and `importSnapshot` reads."""
        return exported(self.complete)

    @cached_property
    def complete(self) -> SnapshotRow:
        """The row with its content. Raises NotFoundError where a listed version is gone by now."""
        row = (
            self.row if self.store is None else self.store.get(self.row.version, self.row.app, self.row.role)
        )
        if row is None:
            raise NotFoundError("cannot read snapshot", "snapshot", self.row.version)
        return row

    @cached_property
    def structure(self) -> Structure:
        """What is stored, decoded once."""
        return decode(self.complete)


def of_row(row: SnapshotRow | None) -> Snapshot | None:
    """The type of a stored row."""
    return None if row is None else Snapshot(row=row)


def owner(context: Context, app: Name, role: Name) -> tuple[Name, Name]:
    """App and role that are meant: as given, else those of the settings. No app at all is the one that was seen last."""
    settings = context.services.settings
    return or_none(app) or settings.app, or_none(role) or settings.role


@object_type
class SnapshotQuery:
    """The root fields of snapshots. Not itself a type of the schema."""

    @field
    def snapshots(
        self, info: Info, app: Name = strawberry.UNSET, role: Name = strawberry.UNSET
    ) -> list[Snapshot]:
        """Versions of an app and role, newest first."""
        store = info.context.services.store.snapshots
        return [Snapshot(row=row, store=store) for row in store.list(*owner(info.context, app, role))]

    @field
    def snapshot(
        self, info: Info, version: int, app: Name = strawberry.UNSET, role: Name = strawberry.UNSET
    ) -> Snapshot | None:
        """One version; null where there is none."""
        return of_row(info.context.services.store.snapshots.get(version, *owner(info.context, app, role)))

    @field
    def active_snapshot(
        self, info: Info, app: Name = strawberry.UNSET, role: Name = strawberry.UNSET
    ) -> Snapshot | None:
        """The version that is active; null where nothing was saved."""
        return of_row(info.context.services.store.snapshots.active(*owner(info.context, app, role)))
