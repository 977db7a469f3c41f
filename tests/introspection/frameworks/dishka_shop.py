"""A shop whose services come from dishka; its container stands in `app.state`."""

from collections.abc import Iterator
from typing import Protocol

from dishka import FromDishka, Provider, Scope, make_async_container, provide
from dishka.integrations.starlette import inject, setup_dishka
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Config:
    """What the shop is told."""


class Connection:
    """A connection to the database."""


class Repository(Protocol):
    """Where orders are kept."""


class SqlRepository(Repository):
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Services(Provider):
    @provide(scope=Scope.APP)
    def config(self) -> Config:
        return Config()

    @provide(scope=Scope.REQUEST)
    def connection(self, config: Config) -> Iterator[Connection]:
        yield Connection()

    repository = provide(SqlRepository, scope=Scope.REQUEST, provides=Repository)


@inject
async def list_orders(request: Request, repository: FromDishka[Repository]) -> JSONResponse:
    """List the orders."""
    return JSONResponse([])


app = Starlette(routes=[Route("/orders", list_orders)])
setup_dishka(make_async_container(Services()), app)
