"""A shop on Litestar: controllers, routers, dependencies, guards, middleware by layer, listeners."""

from typing import Any

from litestar import Controller, Litestar, Request, Router, WebSocket, delete, get, post, websocket
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.events import listener
from litestar.handlers import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.response import Response


class OutOfStock(Exception):
    """There is not enough of it."""


class Timing:
    """Say how long an answer took."""

    def __init__(self, app: Any, unit: str = "ms") -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Audit(Timing):
    """Write down who did what."""


async def open_connection() -> str:
    """A connection to the database."""
    return "connection"


def only_admins(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Only for admins."""


@listener("order_placed")
async def send_mail(number: int) -> None:
    """Mail the receipt."""


@get("/", include_in_schema=False)
async def home() -> str:
    """The first page."""
    return ""


@post("/orders")
async def buy(request: Request[Any, Any, Any]) -> str:
    """Buy something."""
    request.app.emit("order_placed", 1)
    raise OutOfStock


class Orders(Controller):
    """Orders of a customer."""

    path = "/orders"
    dependencies = {"connection": Provide(open_connection)}

    @get("/{number:int}")
    async def show(self, connection: str, number: int) -> str:
        """Show the order."""
        return connection

    @delete("/{number:int}", guards=[only_admins])
    async def remove(self, number: int) -> None: ...


@websocket("/feed")
async def feed(socket: WebSocket[Any, Any, Any]) -> None:
    """News as they come."""


def out_of_stock(request: Request[Any, Any, Any], error: OutOfStock) -> Response[Any]:
    return Response({}, status_code=409)


async def connect(app: Litestar) -> None:
    """Connect to the database."""


api = Router("/api", route_handlers=[Orders, feed], middleware=[DefineMiddleware(Audit, unit="s")])
app = Litestar(
    [home, buy, api],
    middleware=[Timing],
    listeners=[send_mail],
    exception_handlers={OutOfStock: out_of_stock},
    on_startup=[connect],
)
