"""The cart of the customer who asks."""

import logging
import sqlite3
from dataclasses import dataclass

from devtools import error, task
from examples.shop import tags
from examples.shop.customers import current_customer, customer
from examples.shop.database import database, read, write

logger = logging.getLogger(__name__)


@error
class UnknownProduct(Exception):
    """The shop does not sell this."""

    def __init__(self, product_id: str) -> None:
        super().__init__(f"There is no product {product_id!r}.")
        self.product_id = product_id


@dataclass(frozen=True)
class Line:
    """Some of one product."""

    product_id: str
    name: str
    quantity: int
    price_cents: int


@dataclass(frozen=True)
class Cart:
    """What a customer is about to buy."""

    customer: str
    lines: list[Line]

    @property
    def total_cents(self) -> int:
        """The price of everything."""
        return sum(line.quantity * line.price_cents for line in self.lines)


@task(depends_on=[database], contexts=[current_customer])
async def view_cart() -> Cart:
    """The customer's cart."""
    rows = await read(
        "SELECT product_id, name, quantity, price_cents FROM cart_line JOIN product ON product.id = product_id"
        " WHERE customer = ? ORDER BY product_id",
        customer.get(),
    )
    return Cart(customer.get(), [Line(**dict(row)) for row in rows])


@task(
    depends_on=[database, view_cart], throws=[UnknownProduct], contexts=[current_customer], tags=[tags.writes]
)
async def add_to_cart(product_id: str, quantity: int = 1) -> Cart:
    """Put some of a product into the cart. Raises UnknownProduct."""

    def add(connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT 1 FROM product WHERE id = ?", (product_id,)).fetchone() is None:
            raise UnknownProduct(product_id)
        connection.execute(
            "INSERT INTO cart_line (customer, product_id, quantity) VALUES (?, ?, ?)"
            " ON CONFLICT (customer, product_id) DO UPDATE SET quantity = quantity + excluded.quantity",
            (customer.get(), product_id, quantity),
        )

    await write(add)
    logger.info("%s puts %d × %s into the cart", customer.get(), quantity, product_id)
    return await view_cart()


@task(depends_on=[database], contexts=[current_customer], tags=[tags.writes])
async def empty_cart() -> None:
    """Take everything out of the cart."""
    name = customer.get()
    await write(lambda connection: connection.execute("DELETE FROM cart_line WHERE customer = ?", (name,)))
