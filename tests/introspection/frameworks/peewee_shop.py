"""A shop on Peewee, with devtools' own tables beside its own."""

from peewee import (
    CharField,
    DatabaseProxy,
    DateTimeField,
    DecimalField,
    ForeignKeyField,
    Model,
    SqliteDatabase,
    UUIDField,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from devtools.storage import tables  # noqa: F401 - what a running devtools has imported

database = SqliteDatabase("shop.db")
replica = DatabaseProxy()
replica.initialize(SqliteDatabase("replica.db"))


class Base(Model):
    class Meta:
        database = database


class Customer(Base):
    """Who buys."""

    key = UUIDField(primary_key=True)
    email = CharField(max_length=120, unique=True)


class Order(Base):
    customer = ForeignKeyField(Customer, backref="orders")
    replaces = ForeignKeyField("self", null=True)
    total = DecimalField(default=0)
    placed = DateTimeField(index=True)


def list_orders(request: Request) -> JSONResponse:
    with replica.connection_context():
        return JSONResponse([order.id for order in Order.select()])


app = Starlette(routes=[Route("/orders", list_orders)])
