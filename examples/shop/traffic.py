"""Customers for the shop, in a process of their own: they browse, search, buy, are declined, get lost and watch the stock.

`python -m examples.shop.traffic URL` runs until its standard input ends, which it does when the shop does.
"""

import asyncio
import http.client
import json
import os
import random
import secrets
import signal
import sys
import threading
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PAUSE_S = 0.6
"""How long a customer thinks between two requests, on average."""

TIMEOUT_S = 10.0
CUSTOMERS = 3
WATCH_S = 5.0

PRODUCTS = (
    "espresso-cup", "moka-pot", "hand-grinder", "filter-papers", "pour-over-kettle", "scale", "beans-yirgacheffe",
    "beans-huila", "milk-jug", "lever-machine",
)  # fmt: skip
SEARCHES = ("beans", "cup", "grinder", "kettle", "tea")
CARDS = {"tok_visa": 12, "tok_mastercard": 4, "tok_declined": 3, "tok_slow": 1}
"""Cards, and how often each is used."""

WRONG_TURNS = ("/products/teapot", "/orders/999999999", "/favicon.ico", "/wp-login.php")
ASKED = "query Shelf($search: String) { products(search: $search) { id name priceCents available } }"

Body = dict[str, Any]  # Any: JSON values


class Shopper:
    """A customer with a name, a browser and some patience."""

    def __init__(self, base_url: str, chance: random.Random) -> None:
        self.address = urlsplit(base_url).netloc
        self.chance = chance
        self.name = f"customer-{chance.randrange(1, 40)}"

    async def visit(self) -> None:
        """One visit to the shop."""
        self.name = f"customer-{self.chance.randrange(1, 40)}"
        visits = (self.browse, self.search, self.buy, self.get_lost, self.ask, self.want_too_much, self.watch)
        await self.chance.choices(visits, weights=(5, 4, 6, 1, 2, 0.5, 0.5))[0]()

    async def browse(self) -> None:
        """Look at the catalogue and two products."""
        await self.request("GET", "/products")
        for product in self.chance.sample(PRODUCTS, 2):
            await self.request("GET", f"/products/{product}")

    async def search(self) -> None:
        """Look for something."""
        await self.request("GET", f"/products?search={self.chance.choice(SEARCHES)}")

    async def buy(self) -> None:
        """Fill the cart, look at it, and pay with a card that may be declined; then with another one."""
        for product in self.chance.sample(PRODUCTS, self.chance.randint(1, 3)):
            await self.request("POST", "/cart/lines", {"product_id": product, "quantity": 1})
        await self.request("GET", "/cart/")
        status, order = await self.check_out(*self.chance.choices([*CARDS], weights=[*CARDS.values()]))
        if status == 402 and self.chance.random() < 0.5:
            status, order = await self.check_out("tok_visa")
        if status == 201:
            await self.request("GET", f"/orders/{order['id']}")
        else:
            await self.request("DELETE", "/cart/lines")

    async def check_out(self, card: str) -> tuple[int, Body]:
        """Pay."""
        return await self.request("POST", "/checkout", {"card": card, "email": f"{self.name}@example.com"})

    async def get_lost(self) -> None:
        """Follow a link that leads nowhere."""
        await self.request("GET", self.chance.choice(WRONG_TURNS))

    async def ask(self) -> None:
        """Read the shelf with GraphQL, and sometimes take something from it."""
        await self.request(
            "POST", "/graphql", {"query": ASKED, "variables": {"search": self.chance.choice(SEARCHES)}}
        )
        if self.chance.random() < 0.3:
            adding = 'mutation { addToCart(productId: "filter-papers") { quantity totalCents } }'
            await self.request("POST", "/graphql", {"query": adding})

    async def want_too_much(self) -> None:
        """Try to buy two where there is one."""
        await self.request("POST", "/cart/lines", {"product_id": "signed-cookbook", "quantity": 2})
        await self.check_out("tok_visa")
        await self.request("DELETE", "/cart/lines")

    async def watch(self) -> None:
        """Follow the stock for a while."""
        async with connect(f"ws://{self.address}/stock/feed", open_timeout=TIMEOUT_S) as feed:
            try:
                async with asyncio.timeout(WATCH_S):
                    async for _ in feed:
                        pass
            except TimeoutError:
                return

    async def request(self, method: str, path: str, body: Body | None = None) -> tuple[int, Body]:
        """One request, and a moment to think about the answer."""
        headers = {"x-customer": self.name, "content-type": "application/json"}
        if self.chance.random() < 0.2:
            headers["traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        answer = await asyncio.to_thread(self._send, method, path, body, headers)
        await asyncio.sleep(self.chance.expovariate(1 / PAUSE_S))
        return answer

    def _send(self, method: str, path: str, body: Body | None, headers: dict[str, str]) -> tuple[int, Body]:
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.getheader("content-type") != "application/json":
            return response.status, {}
        found: object = json.loads(text)
        return response.status, cast("Body", found) if isinstance(found, dict) else {}


async def drive(base_url: str) -> None:
    """Send customers into the shop until cancelled. A shop that does not answer is tried again."""
    async with asyncio.TaskGroup() as group:
        for _ in range(CUSTOMERS):
            group.create_task(_visits(Shopper(base_url, random.Random())))


async def _visits(shopper: Shopper) -> None:
    while True:
        try:
            await shopper.visit()
        except (OSError, http.client.HTTPException, WebSocketException):
            await asyncio.sleep(PAUSE_S)


def _end_with_the_shop() -> None:
    """Leave at once when standard input ends: the shop holds its other end."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Drive the shop at the URL given as argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the shop as well, and that ends us
    threading.Thread(target=_end_with_the_shop, daemon=True).start()
    asyncio.run(drive(sys.argv[1]))


if __name__ == "__main__":
    main()
