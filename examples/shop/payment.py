"""Paying: a gateway that is simulated in this process, and the task that charges a card.

As with real gateways, the card decides: `tok_declined` and too much money are declined, `tok_slow` times out at first.
"""

import asyncio
import logging
import secrets
from collections import deque
from dataclasses import dataclass
from typing import Literal

from devtools import error, event, resource, task
from examples.shop import tags

logger = logging.getLogger(__name__)

CARD_LIMIT_CENTS = 150_000
LATENCY_S = 0.03


@dataclass(frozen=True)
class Declined:
    """Why a payment was declined."""

    order_id: int
    amount_cents: int
    reason: str


@error(data=Declined)
class PaymentDeclined(Exception):
    """The bank says no. The customer may try another card."""

    def __init__(self, order_id: int, amount_cents: int, reason: str) -> None:
        super().__init__(f"Payment of {amount_cents / 100:.2f} for order {order_id} declined: {reason}.")
        self.data = Declined(order_id, amount_cents, reason)


class GatewayTimeout(Exception):
    """The gateway did not answer in time."""


async def health() -> tuple[Literal["healthy", "degraded"], str]:
    """Degraded while more than one of the last calls timed out."""
    late = sum(gateway.timeouts)
    return ("degraded" if late > 1 else "healthy"), f"{late} of {len(gateway.timeouts)} calls timed out"


@resource(id="shop.payment_gateway", config={"limit_cents": CARD_LIMIT_CENTS}, health=health)
class PaymentGateway:
    """The payment gateway."""

    def __init__(self) -> None:
        self.timeouts: deque[bool] = deque(maxlen=20)
        self._seen: set[int] = set()

    async def capture(self, order_id: int, card: str, amount_cents: int) -> str:
        """Move the money and answer the authorisation. Raises PaymentDeclined or GatewayTimeout."""
        await asyncio.sleep(LATENCY_S)
        late = card == "tok_slow" and order_id not in self._seen
        self.timeouts.append(late)
        if late:
            self._seen.add(order_id)
            raise GatewayTimeout(f"no answer about order {order_id}")
        self._seen.discard(order_id)
        if card == "tok_declined":
            raise PaymentDeclined(order_id, amount_cents, "insufficient funds")
        if amount_cents > CARD_LIMIT_CENTS:
            raise PaymentDeclined(order_id, amount_cents, "above the limit of the card")
        return secrets.token_hex(8)


gateway = PaymentGateway()


@dataclass(frozen=True)
class PaymentCaptured:
    """The money is ours."""

    order_id: int
    amount_cents: int
    authorisation: str


payment_captured = event(
    "shop.payment_captured", PaymentCaptured, description="A payment went through", tags=[tags.money]
)


@task(
    depends_on=[PaymentGateway],
    emits=[payment_captured],
    throws=[PaymentDeclined],
    tags=[tags.money, tags.slow],
)
async def charge_card(order_id: int, card: str, amount_cents: int) -> str:
    """Charge a card for an order, trying twice, and answer the authorisation. Raises PaymentDeclined."""
    try:
        authorisation = await gateway.capture(order_id, card, amount_cents)
    except GatewayTimeout:
        logger.exception("The payment gateway is late; trying order %d once more", order_id)
        authorisation = await gateway.capture(order_id, card, amount_cents)
    logger.info("captured %.2f for order %d", amount_cents / 100, order_id)
    await payment_captured.emit(PaymentCaptured(order_id, amount_cents, authorisation))
    return authorisation
