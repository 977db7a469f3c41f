"""Receipts: written when an order is placed, mailed after the customer has the answer."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from devtools import event, hook, resource, task
from examples.shop import tags
from examples.shop.checkout import OrderPlaced, order_placed
from examples.shop.database import database, read, write

logger = logging.getLogger(__name__)


class Mailer:
    """Sends mail; simulated, the last hundred are kept."""

    def __init__(self) -> None:
        self.sent: deque[tuple[str, str]] = deque(maxlen=100)

    async def send(self, recipient: str, body: str) -> None:
        """Send one mail. Raises ValueError for what is no address."""
        if "@" not in recipient:
            raise ValueError(f"{recipient!r} is no mail address")
        await asyncio.sleep(0.02)
        self.sent.append((recipient, body))


outbox = Mailer()


def health() -> bool:
    """Healthy: it is in this process."""
    return outbox.sent.maxlen is not None


mailer = resource("shop.mailer", config={"sender": "shop@example.com"}, health=health, title="Mailer")


@dataclass(frozen=True)
class ReceiptSent:
    """A receipt is on its way."""

    order_id: int
    recipient: str


receipt_sent = event("shop.receipt_sent", ReceiptSent, description="A receipt was mailed")


@hook(order_placed, depends_on=[database], tags=[tags.writes])
async def write_receipt(order: OrderPlaced) -> None:
    """Write the receipt of an order."""
    body = f"Thank you for order {order.order_id}. You paid {order.total_cents / 100:.2f} EUR."
    await write(
        lambda connection: connection.execute(
            "INSERT INTO receipt (order_id, recipient, body) VALUES (?, ?, ?)",
            (order.order_id, order.email, body),
        )
    )


@hook(order_placed, order=10)
def log_large_order(order: OrderPlaced) -> None:
    """Notice orders that someone should pack with care."""
    if order.total_cents > 50_000:
        logger.warning("order %d is large: %.2f EUR", order.order_id, order.total_cents / 100)


@task(depends_on=[database, mailer], emits=[receipt_sent], tags=[tags.slow, tags.writes])
async def mail_receipt(order_id: int) -> None:
    """Mail the receipt of an order, unless that was done before."""
    rows = await read("SELECT recipient, body FROM receipt WHERE order_id = ? AND NOT sent", order_id)
    for row in rows:
        await outbox.send(row["recipient"], row["body"])
        await write(
            lambda connection: connection.execute(
                "UPDATE receipt SET sent = 1 WHERE order_id = ?", (order_id,)
            )
        )
        logger.info("mailed the receipt of order %d", order_id)
        await receipt_sent.emit(ReceiptSent(order_id, row["recipient"]))
