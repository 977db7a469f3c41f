"""Lists that can grow, as connections: forward only, with opaque cursors that outlive restarts. One generic type for all kinds."""

from collections.abc import Sequence
from typing import Generic, TypeVar, cast

import strawberry

from devtools.graphql.parts import PartsListing
from devtools.graphql.reading import Listing
from devtools.records import Record
from devtools.telemetry.pages import Order, encode_cursor

Node = TypeVar("Node")

strawberry.enum(Order, name="Order", description="Order by id, which follows time.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    start_cursor: str | None
    end_cursor: str | None
    has_next_page: bool
    has_previous_page: bool


@strawberry.type(description="One record and its cursor.")
class Edge(Generic[Node]):
    """One record and its cursor."""

    record: strawberry.Private[Record]

    @strawberry.field(description="Pass it as `after` to go on behind this record.")
    def cursor(self) -> str:
        """Opaque; stays valid when records are added or removed."""
        return encode_cursor(self.record)

    @strawberry.field
    def node(self) -> Node:
        """The record."""
        return cast("Node", self.record)


@strawberry.type(description="A page of records. Nothing is read that is not selected.")
class Connection(Generic[Node]):
    """A page of records."""

    listing: strawberry.Private[Listing[Record] | PartsListing[Record]]

    @strawberry.field(description="The records of this page.")
    def nodes(self) -> list[Node]:
        """The records of this page."""
        return cast("list[Node]", self.listing.page.records)

    @strawberry.field(description="The records of this page with their cursors.")
    def edges(self) -> list[Edge[Node]]:
        """The records of this page with their cursors."""
        return [Edge[Node](record=record) for record in self.listing.page.records]

    @strawberry.field
    def page_info(self) -> PageInfo:
        """Where this page stands."""
        page = self.listing.page
        records: Sequence[Record] = page.records
        return PageInfo(
            start_cursor=encode_cursor(records[0]) if records else None,
            end_cursor=encode_cursor(records[-1]) if records else None,
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
        )

    @strawberry.field(description="How many records pass the filter, over all pages. Counted when selected.")
    def total_count(self) -> int:
        """How many records pass the filter, over all pages."""
        return self.listing.count()

    @strawberry.field(
        description="Unix milliseconds before which records of this kind were evicted; null when none were."
    )
    def evicted_before(self) -> float | None:
        """How far back this list can reach."""
        return self.listing.evicted_before()
