"""The shop's own GraphQL schema: products, orders by id, add to cart."""

import strawberry
from strawberry.asgi import GraphQL

from examples.shop import cart, catalogue, checkout


@strawberry.type
class Product:
    """Something the shop sells; the price is in cents."""

    id: strawberry.ID
    name: str
    description: str
    price_cents: int
    available: int


@strawberry.type
class Order:
    """What a customer ordered."""

    id: strawberry.ID
    total_cents: int
    status: str


@strawberry.type
class Cart:
    """What a customer is about to buy."""

    quantity: int
    total_cents: int


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def products(self, search: str | None = None) -> list[Product]:
        """Products, the best sold first; with `search` only those that mention it."""
        found = await (catalogue.search_products(search) if search else catalogue.list_products())
        return [
            Product(
                id=strawberry.ID(product.id),
                name=product.name,
                description=product.description,
                price_cents=product.price_cents,
                available=product.available,
            )
            for product in found
        ]

    @strawberry.field
    async def order(self, id: strawberry.ID) -> Order | None:  # noqa: A002 - the argument's public name
        """One of the customer's own orders."""
        found = await checkout.find_order(int(id)) if id.isdecimal() else None
        if found is None:
            return None
        return Order(id=strawberry.ID(str(found.id)), total_cents=found.total_cents, status=found.status)


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def add_to_cart(self, product_id: strawberry.ID, quantity: int = 1) -> Cart:
        """Put some of a product into the customer's cart."""
        if quantity < 1:
            raise ValueError("quantity must be 1 or more")
        filled = await cart.add_to_cart(product_id, quantity)
        return Cart(quantity=sum(line.quantity for line in filled.lines), total_cents=filled.total_cents)


schema = strawberry.Schema(query=Query, mutation=Mutation)

graphql_app: GraphQL[None, None] = GraphQL(schema, graphql_ide=None)
