"""From a cart to a paid order."""

import logging
import sqlite3
from dataclasses import dataclass, replace

from devtools import error, event, task
from examples.shop import tags
from examples.shop.cart import Cart, empty_cart, view_cart
from examples.shop.customers import current_customer, customer
from examples.shop.database import database, read, write
from examples.shop.payment import PaymentDeclined, charge_card
from examples.shop.stock import OutOfStock, release_stock, reserve_stock

logger = logging.getLogger(__name__)


@error
class EmptyCart(Exception):
    """There is nothing to buy."""


@dataclass(frozen=True)
class Order:
    """What a customer ordered; `status` is pending, paid or failed."""

    id: int
    customer: str
    total_cents: int
    status: str


@dataclass(frozen=True)
class OrderPlaced:
    """An order that is paid."""

    order_id: int
    email: str
    total_cents: int


order_placed = event("shop.order_placed", OrderPlaced, description="A customer bought something")


@task(
    depends_on=[database, view_cart, empty_cart, reserve_stock, release_stock, charge_card],
    emits=[order_placed],
    throws=[EmptyCart, OutOfStock, PaymentDeclined],
    tags=[tags.money, tags.writes],
    contexts=[current_customer],
)
async def place_order(card: str, email: str) -> Order:
    """Buy what is in the cart. Raises EmptyCart, OutOfStock or PaymentDeclined; the cart is then as before."""
    cart = await view_cart()
    if not cart.lines:
        raise EmptyCart(f"The cart of {cart.customer} is empty.")
    order = await _store(cart)
    try:
        await reserve_stock(order.id)
    except OutOfStock:
        await _set_status(order.id, "failed")
        raise
    try:
        await charge_card(order.id, card, order.total_cents)
    except PaymentDeclined as declined:
        logger.warning("order %d is not paid: %s", order.id, declined.data.reason)
        await release_stock(order.id)
        await _set_status(order.id, "failed")
        raise
    await _set_status(order.id, "paid")
    await empty_cart()
    logger.info("order %d placed by %s", order.id, order.customer, extra={"total_cents": order.total_cents})
    await order_placed.emit(OrderPlaced(order.id, email, order.total_cents))
    return replace(order, status="paid")


@task(depends_on=[database], contexts=[current_customer])
async def find_order(order_id: int) -> Order | None:
    """The order with this id, where it is the customer's own."""
    rows = await read("SELECT * FROM shop_order WHERE id = ? AND customer = ?", order_id, customer.get())
    return Order(**dict(rows[0])) if rows else None


async def _store(cart: Cart) -> Order:
    def insert(connection: sqlite3.Connection) -> Order:
        order = (cart.customer, cart.total_cents, "pending")
        order_id = connection.execute(
            "INSERT INTO shop_order (customer, total_cents, status) VALUES (?, ?, ?) RETURNING id", order
        ).fetchone()["id"]
        connection.executemany(
            "INSERT INTO order_line (order_id, product_id, quantity, price_cents) VALUES (?, ?, ?, ?)",
            [(order_id, line.product_id, line.quantity, line.price_cents) for line in cart.lines],
        )
        return Order(order_id, *order)

    return await write(insert)


async def _set_status(order_id: int, status: str) -> None:
    await write(
        lambda connection: connection.execute(
            "UPDATE shop_order SET status = ? WHERE id = ?", (status, order_id)
        )
    )
