"""A shop on SQLAlchemy: declarative models, an association table, inheritance, sync and async engines."""

import enum
from datetime import datetime

from sqlalchemy import Column, Enum, ForeignKey, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    column_property,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

engine = create_engine("sqlite:///file:shop?mode=memory&uri=true&password=hunter2")
reports_engine = create_engine("sqlite://")
SessionMaker = sessionmaker(engine, expire_on_commit=False)
Reports = scoped_session(sessionmaker(bind=reports_engine))
same_engine = engine


class Base(DeclarativeBase):
    pass


class State(enum.Enum):
    new = 1
    paid = 2


product_tags = Table(
    "product_tags",
    Base.metadata,
    Column("product_id", ForeignKey("products.id"), primary_key=True),
    Column("tag", String(40), primary_key=True),
)


class Customer(Base):
    """Who buys.

    One row a person.
    """

    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str | None]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    """What was bought."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    placed: Mapped[datetime]
    state: Mapped[State] = mapped_column(Enum(State), default=State.new)
    customer: Mapped[Customer] = relationship(back_populates="orders")
    invoice: Mapped["Invoice"] = relationship()  # noqa: F821 - a model that is imported later


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "plain"}


class Book(Product):
    """A product with pages."""

    __mapper_args__ = {"polymorphic_identity": "book"}


class GiftBox(Product):
    """A product with a table of its own beside that of all products."""

    __tablename__ = "gift_boxes"
    id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    area = column_property(width * height)
    __mapper_args__ = {"polymorphic_identity": "gift box"}


legacy = MetaData(schema="old")
stock = Table("stock", legacy, Column("sku", String, primary_key=True), Column("amount", Integer))


def list_orders(request: Request) -> JSONResponse:
    """List the orders."""
    with SessionMaker() as session:
        return JSONResponse([order.id for order in session.query(Order)])


def show_stock(request: Request) -> JSONResponse:
    with Session(reports_engine) as session:
        return JSONResponse([row.sku for row in session.execute(select(stock))])


def show_customer(request: Request) -> JSONResponse:
    def find(session: Session) -> "Customer | None":
        return None

    return JSONResponse(find(Reports()))


app = Starlette(
    routes=[
        Route("/orders", list_orders),
        Route("/stock", show_stock),
        Route("/customer", show_customer),
    ]
)
