"""Two GraphQL schemas in one app, and a third that nobody serves."""

import enum

import graphql
import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL


@strawberry.enum
class Order(enum.Enum):
    newest = "newest"
    cheapest = "cheapest"


@strawberry.input
class Choice:
    sku: str
    inner: "Choice | None" = None
    order: Order = Order.newest


def find_stock() -> int:
    """How many there are."""
    return 3


@strawberry.type
class Product:
    sku: str
    stock: int = strawberry.field(resolver=find_stock)


@strawberry.type
class Query:
    @strawberry.field
    def products(self, choice: Choice) -> list[Product]:
        """Find products."""
        return []


@strawberry.type(name="Query")
class AdminQuery:
    @strawberry.field
    def products(self) -> int:
        """Count the products."""
        return 0


schema = strawberry.Schema(Query)
admin_schema = strawberry.Schema(AdminQuery)
spare_schema = graphql.build_schema("type Query { spare: Int }")

app = Starlette(routes=[Route("/graphql/admin", GraphQL(admin_schema)), Route("/graphql", GraphQL(schema))])
