"""A shop whose services come from svcs."""

from typing import Protocol

import svcs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Connection:
    """A connection to the database."""


class Repository(Protocol):
    """Where orders are kept."""


class SqlRepository:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Mailer: ...


def make_repository(container: svcs.Container) -> SqlRepository:
    return SqlRepository(container.get(Connection))


registry = svcs.Registry()
registry.register_factory(Connection, Connection, ping=lambda connection: None)
registry.register_factory(Repository, make_repository)
registry.register_value(Mailer, Mailer())


def list_orders(request: Request) -> JSONResponse:
    with svcs.Container(registry) as container:
        container.get(Repository)
    return JSONResponse([])


app = Starlette(routes=[Route("/orders", list_orders)])
