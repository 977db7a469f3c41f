"""The shop as a Starlette app: routes, middleware, what it answers to its errors. Knows nothing of devtools."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from json import JSONDecodeError
from typing import Any, cast

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from examples.shop import cart, catalogue, checkout, database, mailer, stock
from examples.shop.api import graphql_app
from examples.shop.middleware import CustomerIdentification, RequestTiming
from examples.shop.payment import PaymentDeclined

JsonObject = dict[str, Any]  # Any: JSON values


async def home(_: Request) -> Response:
    """Where to go."""
    return JSONResponse(
        {"products": "/products", "cart": "/cart", "graphql": "/graphql", "devtools": "/devtools/"}
    )


async def list_products(request: Request) -> Response:
    """Products; with `?search=` only those that mention it."""
    search = request.query_params.get("search")
    found = await (catalogue.search_products(search) if search else catalogue.list_products())
    return JSONResponse([asdict(product) for product in found])


async def show_product(request: Request) -> Response:
    """One product."""
    product = await catalogue.find_product(request.path_params["product_id"])
    if product is None:
        raise HTTPException(404, "There is no such product.")
    return JSONResponse(asdict(product))


async def show_cart(_: Request) -> Response:
    """The customer's cart."""
    return JSONResponse(_cart(await cart.view_cart()))


async def add_line(request: Request) -> Response:
    """Put some of a product into the cart: `{"product_id": …, "quantity": 1}`."""
    body = await _body(request)
    quantity = body.get("quantity", 1)
    if type(quantity) is not int or not 1 <= quantity <= 100:
        raise HTTPException(400, "quantity must be a whole number from 1 to 100.")
    return JSONResponse(_cart(await cart.add_to_cart(_text(body, "product_id"), quantity)), 201)


async def clear_cart(_: Request) -> Response:
    """Take everything out of the cart."""
    await cart.empty_cart()
    return Response(status_code=204)


async def check_out(request: Request) -> Response:
    """Buy what is in the cart: `{"card": "tok_visa", "email": …}`. The receipt is mailed after the answer."""
    body = await _body(request)
    email = _text(body, "email")
    if "@" not in email:
        raise HTTPException(400, "email must be a mail address.")
    order = await checkout.place_order(_text(body, "card"), email)
    return JSONResponse(asdict(order), 201, background=BackgroundTask(mailer.mail_receipt, order.id))


async def show_order(request: Request) -> Response:
    """One of the customer's own orders."""
    order = await checkout.find_order(request.path_params["order_id"])
    if order is None:
        raise HTTPException(404, "There is no such order.")
    return JSONResponse(asdict(order))


async def stock_feed(websocket: WebSocket) -> None:
    """What is in stock, and then each change."""
    await websocket.accept()
    with stock.follow_stock() as changes:
        levels = await stock.list_stock()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(websocket, levels, changes))
            async for _ in websocket.iter_text():
                pass
            sending.cancel()


async def _send(
    websocket: WebSocket, levels: list[stock.StockChanged], changes: asyncio.Queue[stock.StockChanged]
) -> None:
    """Send until cancelled, or until a message finds nobody there."""
    with suppress(WebSocketDisconnect):
        await websocket.send_json([asdict(level) for level in levels])
        while True:
            await websocket.send_json(asdict(await changes.get()))


def _cart(found: cart.Cart) -> JsonObject:
    return {"lines": [asdict(line) for line in found.lines], "total_cents": found.total_cents}


async def _body(request: Request) -> JsonObject:
    try:
        body: object = await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return cast("JsonObject", body)


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise HTTPException(400, f"{name} must be text.")
    return value


def _refuse(status_code: int, code: str) -> Any:  # Any: as Starlette types its handlers
    def handler(_: Request, exception: Exception) -> Response:
        return JSONResponse({"error": code, "message": str(exception)}, status_code)

    return handler


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None]:
    """Make the database ready."""
    await database.prepare()
    yield


def make_app() -> Starlette:
    """The shop."""
    return Starlette(
        routes=[
            Route("/", home),
            Route("/products", list_products),
            Route("/products/{product_id}", show_product),
            Mount(
                "/cart",
                routes=[
                    Route("/", show_cart),
                    Route("/lines", add_line, methods=["POST"]),
                    Route("/lines", clear_cart, methods=["DELETE"]),
                ],
            ),
            Route("/checkout", check_out, methods=["POST"]),
            Route("/orders/{order_id:int}", show_order),
            WebSocketRoute("/stock/feed", stock_feed),
            Route("/graphql", graphql_app),
        ],
        middleware=[Middleware(RequestTiming), Middleware(CustomerIdentification)],
        exception_handlers={
            cart.UnknownProduct: _refuse(404, "unknown_product"),
            checkout.EmptyCart: _refuse(409, "empty_cart"),
            stock.OutOfStock: _refuse(409, "out_of_stock"),
            PaymentDeclined: _refuse(402, "payment_declined"),
        },
        lifespan=lifespan,
    )
