"""What is in stock: reserved at checkout, taken out when the payment is captured, given back when it is not."""

import asyncio
import logging
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from devtools import error, event, hook, task
from examples.shop import tags
from examples.shop.database import database, read, write
from examples.shop.payment import PaymentCaptured, payment_captured

logger = logging.getLogger(__name__)

LOW = 3
FEED_LENGTH = 100

RESERVE = """
UPDATE product SET reserved = reserved + line.quantity FROM order_line AS line
WHERE line.order_id = ? AND line.product_id = product.id
"""
RELEASE = """
UPDATE product SET reserved = reserved - line.quantity FROM order_line AS line
WHERE line.order_id = ? AND line.product_id = product.id
"""
TAKE = """
UPDATE product SET stock = stock - line.quantity, reserved = reserved - line.quantity, sold = sold + line.quantity
FROM order_line AS line WHERE line.order_id = ? AND line.product_id = product.id
"""
MISSING = """
SELECT product.id FROM product JOIN order_line AS line ON line.product_id = product.id
WHERE line.order_id = ? AND product.stock - product.reserved < line.quantity ORDER BY product.id
"""
RESTOCK = "UPDATE product SET stock = stock + 20 WHERE id = ? AND restocked RETURNING stock - reserved"


@error
class OutOfStock(Exception):
    """There is less of a product than the customer wants."""

    def __init__(self, order_id: int, product_id: str) -> None:
        super().__init__(f"Not enough of {product_id} for order {order_id}.")
        self.product_id = product_id


@dataclass(frozen=True)
class StockChanged:
    """How much of a product can be bought now."""

    product_id: str
    available: int


stock_changed = event("shop.stock_changed", StockChanged, description="Some of a product came or went")

_feeds: set[asyncio.Queue[StockChanged]] = set()


@contextmanager
def follow_stock() -> Generator[asyncio.Queue[StockChanged]]:
    """A queue of the changes from now on. Who reads too slowly misses changes."""
    feed: asyncio.Queue[StockChanged] = asyncio.Queue(FEED_LENGTH)
    _feeds.add(feed)
    try:
        yield feed
    finally:
        _feeds.discard(feed)


@task(depends_on=[database])
async def list_stock() -> list[StockChanged]:
    """How much of each product can be bought."""
    rows = await read("SELECT id, stock - reserved AS available FROM product ORDER BY id")
    return [StockChanged(row["id"], row["available"]) for row in rows]


@task(depends_on=[database], throws=[OutOfStock], tags=[tags.writes])
async def reserve_stock(order_id: int) -> None:
    """Keep what an order needs for it. Raises OutOfStock, and then nothing is kept."""

    def reserve(connection: sqlite3.Connection) -> None:
        missing = connection.execute(MISSING, (order_id,)).fetchone()
        if missing is not None:
            raise OutOfStock(order_id, missing["id"])
        connection.execute(RESERVE, (order_id,))

    await write(reserve)


@task(depends_on=[database], tags=[tags.writes])
async def release_stock(order_id: int) -> None:
    """Give back what was kept for an order that is not paid."""
    await write(lambda connection: connection.execute(RELEASE, (order_id,)))


@hook(payment_captured, depends_on=[database], emits=[stock_changed], tags=[tags.writes])
async def adjust_stock(payment: PaymentCaptured) -> None:
    """Take what was paid for out of the stock."""
    await write(lambda connection: connection.execute(TAKE, (payment.order_id,)))
    rows = await read(
        "SELECT product.id, stock - reserved AS available FROM product JOIN order_line ON product_id = product.id"
        " WHERE order_id = ? ORDER BY product.id",
        payment.order_id,
    )
    for row in rows:
        await stock_changed.emit(StockChanged(row["id"], row["available"]))


@hook(stock_changed)
def publish_change(change: StockChanged) -> None:
    """Tell everyone who follows the stock."""
    for feed in _feeds:
        if not feed.full():
            feed.put_nowait(change)


@hook(stock_changed, order=10, depends_on=[database], emits=[stock_changed], tags=[tags.writes])
async def restock_when_low(change: StockChanged) -> None:
    """Order twenty more of what runs low, where there are more."""
    if change.available >= LOW:
        return
    rows = await write(lambda connection: connection.execute(RESTOCK, (change.product_id,)).fetchall())
    if not rows:
        logger.warning("%s is running out: %d left, no more to come", change.product_id, change.available)
        return
    logger.info("restocked %s: %d left", change.product_id, change.available)
    await stock_changed.emit(StockChanged(change.product_id, rows[0][0]))
