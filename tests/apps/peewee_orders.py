"""Orders on Peewee: models in one SQLite file, and requests that use them well and badly."""

from peewee import CharField, ForeignKeyField, IntegrityError, Model, SqliteDatabase
from playhouse.pwasyncio import AsyncSqliteDatabase
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

database = SqliteDatabase(None)


class Base(Model):
    class Meta:
        database = database


class Customer(Base):
    email = CharField(unique=True)


class Order(Base):
    customer = ForeignKeyField(Customer, backref="orders")

    class Meta:
        table_name = "placed_orders"


def orders(_: Request) -> PlainTextResponse:
    """Two statements, in the thread of a sync endpoint."""
    with database.connection_context():
        found = list(Order.select(Order, Customer).join(Customer))
        Customer.select().count()
    return PlainTextResponse(str(len(found)))


def report(_: Request) -> PlainTextResponse:
    """Names no model."""
    with database.connection_context():
        database.execute_sql("SELECT count(*) FROM customer WHERE email = 'ada@example.com' -- by hand")
    return PlainTextResponse("report")


def sign_up(_: Request) -> PlainTextResponse:
    """Fails the second time."""
    with database.connection_context():
        Customer.create(email="ada@example.com")
    return PlainTextResponse("signed up")


def sign_up_once(_: Request) -> PlainTextResponse:
    """Catches it."""
    try:
        return sign_up(_)
    except IntegrityError:
        return PlainTextResponse("known", 409)


def fill(_: Request) -> PlainTextResponse:
    """Many rows by one statement, in a transaction that is undone to a savepoint."""
    with database.connection_context(), database.atomic(), database.atomic() as savepoint:
        Customer.insert_many([{"email": f"{number}@example.com"} for number in range(100)]).execute()
        savepoint.rollback(begin=False)
    return PlainTextResponse("filled")


async def asynchronous(_: Request) -> PlainTextResponse:
    """On a database of asyncio."""
    own = AsyncSqliteDatabase(":memory:")
    try:
        await own.aexecute_sql("SELECT 1 FROM sqlite_master")
        await own.aexecute_sql("SELECT * FROM nowhere")
    finally:
        await own.close_pool()
    return PlainTextResponse("never")


def make_app(file: str) -> Starlette:
    """The app, its tables empty."""
    database.init(file)
    with database.connection_context():
        database.drop_tables([Customer, Order])
        database.create_tables([Customer, Order])
    endpoints = (orders, report, sign_up, sign_up_once, fill, asynchronous)
    return Starlette(routes=[Route(f"/{each.__name__.replace('_', '-')}", each) for each in endpoints])
