"""What the app did: a list per kind of record, over all processes and earlier starts. One field for every kind there is."""

from typing import Annotated, Any

import strawberry

from devtools.graphql.connections import Connection
from devtools.graphql.context import Info
from devtools.graphql.declare import object_type
from devtools.graphql.reading import filter_of, listing, or_none
from devtools.graphql.records import FILTERS, TYPES, connection
from devtools.records import TELEMETRY, Record
from devtools.telemetry.pages import Order


def list_of(kind: type[Record]) -> Any:  # Any: a field of Strawberry
    """The field that lists a kind: filter, filter text, order and page."""

    def resolve(
        info: Info, where: object, q: str | None, order: Order | None, first: int | None, after: str | None
    ) -> object:
        context = info.context
        query = filter_of(context, kind, where, or_none(q))
        return connection(kind, listing(context, kind, query, or_none(first), or_none(after), or_none(order)))

    resolve.__annotations__ |= {
        "where": Annotated[FILTERS[kind] | None, strawberry.argument(name="filter")],
        "return": Connection[TYPES[kind]],
    }
    resolve.__defaults__ = (strawberry.UNSET,) * 5
    resolve.__name__ = f"{kind.kind}s"
    return strawberry.field(resolver=resolve, description=f"The {kind.kind.replace('_', ' ')}s that pass.")


@object_type
class History:
    """What the app did, over all processes and earlier starts, newest first.

    Waits until what this process recorded before is stored. `q` is the filter text for people, as in `level>=warn since:10m`.
    """

    for _kind in TELEMETRY:
        vars()[f"{_kind.kind}s"] = list_of(_kind)
