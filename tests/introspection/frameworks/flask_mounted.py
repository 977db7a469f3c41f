"""A Starlette app that moves away from Flask: the old shop answers below a path."""

from typing import Any

from flask_shop import app as legacy
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


class Timing:
    """Say how long an answer took."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class WSGI:
    """What an adapter is: it keeps the WSGI app."""

    def __init__(self, app: Any) -> None:
        self.wsgi = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def home(request: Request) -> PlainTextResponse:
    """The new first page."""
    return PlainTextResponse("")


app = Starlette(routes=[Route("/", home), Mount("/legacy", WSGI(legacy))], middleware=[Middleware(Timing)])
