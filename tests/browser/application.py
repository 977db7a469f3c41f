"""A small app with DevTools, for a browser to look at. Run by uvicorn in a process of its own; see `conftest.py`."""

import logging
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import devtools
from devtools.server import pages

if os.environ.get("DEVTOOLS_TEST_NO_WEB"):
    # As in a checkout where the web files were never built.
    pages.PACKAGE = Path(__file__).parent / "no-such-package"

logger = logging.getLogger("shop.orders")

order_placed = devtools.event("shop.order_placed", description="An order was placed")
devtools.resource("shop.stock", health=lambda: True)


@devtools.task
async def place_order(number: int) -> int:
    """Place an order."""
    await order_placed.emit({"order": number})
    return number


async def order(request: Request) -> PlainTextResponse:
    number = await place_order(int(request.path_params["number"]))
    logger.warning("order %s placed", number)
    return PlainTextResponse(str(number))


async def declined(_: Request) -> PlainTextResponse:
    raise ValueError("card declined")


async def say(request: Request) -> PlainTextResponse:
    """Log the body as it came, to bring hostile text into the pages."""
    logger.warning("%s", (await request.body()).decode())
    return PlainTextResponse("said")


app = Starlette(
    routes=[
        Route("/orders/{number}", order),
        Route("/declined", declined),
        Route("/say", say, methods=["POST"]),
    ]
)
devtools.mount(app)
