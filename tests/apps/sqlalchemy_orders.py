"""Orders on SQLAlchemy: an engine that threads share, one of asyncio, models, and requests that use them well and badly."""

from sqlalchemy import ForeignKey, create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))


def orders(_: Request) -> PlainTextResponse:
    """Two statements, in the thread of a sync endpoint."""
    with Session(engine) as session:
        found = session.scalars(select(Order)).all()
        session.scalars(select(Customer).join(Order)).all()
    return PlainTextResponse(str(len(found)))


def report(_: Request) -> PlainTextResponse:
    """Names no model."""
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM customers WHERE email = 'ada@example.com' -- by hand"))
    return PlainTextResponse("report")


def sign_up(_: Request) -> PlainTextResponse:
    """Fails the second time."""
    with Session(engine) as session:
        session.add(Customer(email="ada@example.com"))
        session.commit()
    return PlainTextResponse("signed up")


def sign_up_once(_: Request) -> PlainTextResponse:
    """Catches it."""
    try:
        return sign_up(_)
    except IntegrityError:
        return PlainTextResponse("known", 409)


def fill(_: Request) -> PlainTextResponse:
    """A thousand rows by one `executemany`, in a transaction that is undone to a savepoint."""
    with engine.begin() as connection:
        nested = connection.begin_nested()
        rows = [{"email": f"{number}@example.com"} for number in range(1_000)]
        connection.execute(insert(Customer), rows)
        nested.rollback()
    return PlainTextResponse("filled")


async def asynchronous(_: Request) -> PlainTextResponse:
    """On an engine of asyncio."""
    own = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    try:
        async with own.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(own) as session:
            await session.scalars(select(Order))
            await session.execute(text("SELECT * FROM nowhere"))
    finally:
        await own.dispose()
    return PlainTextResponse("never")


def make_app() -> Starlette:
    """The app, its tables empty."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    endpoints = (orders, report, sign_up, sign_up_once, fill, asynchronous)
    return Starlette(routes=[Route(f"/{each.__name__.replace('_', '-')}", each) for each in endpoints])
