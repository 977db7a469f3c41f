"""The whole schema, assembled once. Also prints the SDL that is committed as `tests/schema.graphql`."""

from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLSchema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition, StrawberryType

from devtools.graphql.context import Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.diffs import DiffQuery
from devtools.graphql.elements import All
from devtools.graphql.history import History, list_of
from devtools.graphql.live import Live
from devtools.graphql.mutations import Mutation
from devtools.graphql.records import TYPES
from devtools.graphql.snapshots import SnapshotQuery
from devtools.graphql.structure import StructureQuery
from devtools.graphql.subscription import Subscription
from devtools.graphql.system import System
from devtools.graphql.topology import TopologyQuery
from devtools.records import Audit


@object_type
class Query(StructureQuery, TopologyQuery, SnapshotQuery, DiffQuery):
    """What the app is made of, what it is doing, what it did, and what the server says about itself."""

    @field
    def live(self) -> Live:
        """What the app is doing now."""
        return Live()

    @field
    def history(self, info: Info) -> History:
        """What the app did, across restarts."""
        _ = info.context.history
        return History()

    audit = list_of(Audit)

    @field
    def system(self) -> System:
        """What the server says about itself."""
        return System()


class Names(NameConverter):
    """Names the connections and edges of a kind after the kind: `RunConnection`, `LogEdge`."""

    def from_generic(
        self, generic_type: StrawberryObjectDefinition, types: list[StrawberryType | type]
    ) -> str:
        """The name of a generic type for one kind."""
        kinds = {made: record.__name__ for record, made in TYPES.items()}
        return "".join(kinds[kind] for kind in types) + generic_type.name


@cache
def strawberry_schema() -> strawberry.Schema:
    """The schema as Strawberry has it, made when it is first needed."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[All],
        config=StrawberryConfig(name_converter=Names()),
    )


@cache
def schema() -> GraphQLSchema:
    """The schema that is executed."""
    made: Any = strawberry_schema()  # Any: what it is made of is not part of its interface
    return made._schema


def sdl() -> str:
    """The schema in GraphQL's own language."""
    return print_schema(schema()) + "\n"


if __name__ == "__main__":
    print(sdl(), end="")  # noqa: T201 - the output is the point
