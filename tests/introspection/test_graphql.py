"""What is read off a GraphQL schema behind a route: the SDL, and the root fields as tasks."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import graphql
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from strawberry.asgi import GraphQL

from devtools.introspection.declarations import task
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.introspector import inspect_app

from .inspected import Inspected, inspected

HERE = Path(__file__).parent


@strawberry.input
class Choice:
    sku: str


def find_products(names: list[str], limit: int = 10, choice: Choice | None = None) -> list[str]:
    """Find products by name.

    Newest first.
    """
    return names


@strawberry.type
class Query:
    products: list[str] = strawberry.field(resolver=find_products)

    @strawberry.field(description="How many there are.")
    def count(self) -> int:
        """Count them."""
        return 3

    @strawberry.field
    def plain(self, identifier: strawberry.ID) -> str:
        return identifier


@strawberry.type
class Mutation:
    @strawberry.mutation
    @task(id="shop.rename")
    def rename(self, name: str) -> str:
        """Rename the shop."""
        return name


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def news(self) -> AsyncIterator[str]:
        """News as they come."""
        yield "new"


def schema() -> strawberry.Schema:
    return strawberry.Schema(Query, Mutation, Subscription)


def graph_of(*routes: BaseRoute) -> Graph:
    return Graph(inspect_app(Starlette(routes=list(routes)), name="shop.app", project_root=HERE))


def task_of(graph: Graph, identifier: str) -> Element:
    element = graph.get(identifier, ElementKind.task)
    assert element is not None, [element.id for element in graph.list()]
    return element


@pytest.mark.parametrize(
    "routes",
    [
        [Route("/graphql", GraphQL(schema())), WebSocketRoute("/graphql", GraphQL(schema()))],
        [Mount("/graphql", app=GraphQL(schema()))],
        [Route("/graphql", GraphQL(schema()).__call__)],
    ],
    ids=["route", "mount", "bound method"],
)
def test_the_schema_is_found_however_it_is_routed(routes: list[BaseRoute]) -> None:
    graph = graph_of(*routes)
    sdl = graph.structure.sdl
    assert sdl is not None
    assert graphql.lexicographic_sort_schema(graphql.build_schema(sdl)).query_type is not None
    fields = [element.id for element in graph.list(ElementKind.task) if element.route is None]
    assert fields == ["Mutation.rename", "Query.count", "Query.plain", "Query.products", "Subscription.news"]


def test_a_root_field_has_the_words_place_and_arguments_of_its_resolver() -> None:
    element = task_of(graph_of(Route("/graphql", GraphQL(schema()))), "Query.products")
    assert (element.title, element.description) == ("Find products by name.", "Newest first.")
    assert (element.file_path, element.line) == ("test_graphql.py", find_products.__code__.co_firstlineno)
    assert json.loads(element.schema or "") == {
        "type": "object",
        "properties": {
            "names": {"type": "array", "items": {"type": "string"}},
            "limit": {"type": "integer"},
            "choice": {"$ref": "#/$defs/Choice"},
        },
        "required": ["names"],
        "$defs": {
            "Choice": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}
        },
    }


def test_the_description_in_the_schema_comes_before_the_docstring() -> None:
    graph = graph_of(Route("/graphql", GraphQL(schema())))
    assert task_of(graph, "Query.count").title == "How many there are."
    assert task_of(graph, "Query.plain").title is None


def test_a_decorated_resolver_is_a_task_that_the_field_depends_on() -> None:
    @strawberry.type
    class Changing:
        @strawberry.mutation
        @task(id="shop.rename")
        def rename(self, name: str) -> str:
            """Rename the shop."""
            return name

    endpoint = GraphQL(strawberry.Schema(Query, Changing))
    element = task_of(graph_of(Route("/graphql", endpoint)), "Changing.rename")
    assert element.depends_on == ("shop.rename",)


def test_a_route_of_a_graphql_endpoint_answers_get_and_post() -> None:
    graph = graph_of(Route("/graphql", GraphQL(schema())))
    assert [element.id for element in graph.list(ElementKind.task, "/graphql")] == [
        "GET /graphql",
        "POST /graphql",
    ]


def test_a_schema_of_graphql_core_is_read_too() -> None:
    def resolve(root: object, info: object) -> str:
        """Say hello."""
        return "hello"

    class Endpoint:
        schema = graphql.GraphQLSchema(
            graphql.GraphQLObjectType(
                "Query",
                {
                    "hello": graphql.GraphQLField(graphql.GraphQLString, resolve=resolve),
                    "bare": graphql.GraphQLField(graphql.GraphQLString),
                },
            )
        )

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    graph = graph_of(Route("/graphql", Endpoint()))
    assert task_of(graph, "Query.hello").title == "Say hello."
    bare = task_of(graph, "Query.bare")
    assert (bare.title, bare.file_path) == (None, None)
    assert "bare: String" in (graph.structure.sdl or "")


@pytest.fixture(scope="module")
def two() -> Inspected:
    return inspected("graphql_shop", needs="strawberry")


@pytest.mark.slow
def test_the_schema_at_the_first_path_is_that_of_the_app_and_a_further_one_is_a_resource(
    two: Inspected,
) -> None:
    assert two.element("Query.products").title == "Find products."
    admin = two.element("graphql_shop.admin_schema")
    assert (admin.title, admin.file_path) == ("GraphQL schema at /graphql/admin", "graphql_shop.py")
    assert "products: Int!" in two.config(admin.id)["sdl"]
    assert "products(choice: Choice!): [Product!]!" in (two.structure.sdl or "")
    field = two.element("graphql_shop.admin_schema.Query.products")
    assert (field.title, field.registered_by) == ("Count the products.", admin.id)
    assert two.element("graphql_shop.spare_schema.Query.spare").registered_by == "graphql_shop.spare_schema"


@pytest.mark.slow
def test_a_field_with_a_resolver_of_its_own_is_a_task_on_every_type(two: Inspected) -> None:
    assert two.element("Product.stock").title == "How many there are."
    assert "Product.sku" not in two.by_id


@pytest.mark.slow
def test_input_types_are_written_out_also_when_they_hold_themselves(two: Inspected) -> None:
    choice = two.schema("Query.products")["$defs"]["Choice"]
    assert choice["properties"]["inner"] == {"$ref": "#/$defs/Choice"}
    assert choice["properties"]["order"] == {"enum": ["newest", "cheapest"]}
    assert choice["required"] == ["sku"]
