"""The shop's own SQLite file: its schema, its first catalogue, and SQL that runs in threads, never on the event loop."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from devtools import resource

DEFAULT_PATH = ".devtools/shop-data.db"

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS product (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents > 0),
    stock INTEGER NOT NULL CHECK (stock >= 0),
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved BETWEEN 0 AND stock),
    sold INTEGER NOT NULL DEFAULT 0,
    restocked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS cart_line (
    customer TEXT NOT NULL,
    product_id TEXT NOT NULL REFERENCES product (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (customer, product_id)
);
CREATE TABLE IF NOT EXISTS shop_order (
    id INTEGER PRIMARY KEY,
    customer TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'paid', 'failed'))
);
CREATE TABLE IF NOT EXISTS order_line (
    order_id INTEGER NOT NULL REFERENCES shop_order (id),
    product_id TEXT NOT NULL REFERENCES product (id),
    quantity INTEGER NOT NULL,
    price_cents INTEGER NOT NULL,
    PRIMARY KEY (order_id, product_id)
);
CREATE TABLE IF NOT EXISTS receipt (
    order_id INTEGER PRIMARY KEY REFERENCES shop_order (id),
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);
"""

CATALOGUE = (
    ("espresso-cup", "Espresso cup", "Stoneware, 80 ml, glazed by hand", 1_450, 40, 1),
    ("moka-pot", "Moka pot", "Aluminium, for three cups on the stove", 3_290, 25, 1),
    ("hand-grinder", "Hand grinder", "Steel burrs, forty clicks from fine to coarse", 8_900, 15, 1),
    ("filter-papers", "Filter papers", "A hundred unbleached papers, size 02", 590, 120, 1),
    ("pour-over-kettle", "Pour-over kettle", "Gooseneck, one litre, for the stove", 5_450, 18, 1),
    ("scale", "Scale", "A tenth of a gram, with a timer", 4_200, 22, 1),
    ("beans-yirgacheffe", "Yirgacheffe beans", "Ethiopia, washed, 250 g", 1_390, 60, 1),
    ("beans-huila", "Huila beans", "Colombia, washed, 250 g", 1_240, 60, 1),
    ("milk-jug", "Milk jug", "Steel, 350 ml, with a sharp spout", 1_990, 30, 1),
    ("lever-machine", "Lever machine", "Brass boiler, no electronics", 68_000, 6, 1),
    ("signed-cookbook", "Signed cookbook", "One hundred coffee recipes; the last copy", 3_900, 1, 0),
)


def connect() -> sqlite3.Connection:
    """A new connection to the file that SHOP_DATABASE names. The caller closes it."""
    connection = sqlite3.connect(os.environ.get("SHOP_DATABASE") or DEFAULT_PATH, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


async def health() -> None:
    """Raises where the file cannot be read."""
    await read("SELECT count(*) FROM product")


database = resource(
    "shop.database",
    config={"journal_mode": "wal", "foreign_keys": True},
    health=health,
    title="Database",
    description="The SQLite file of products, carts, orders and receipts",
)


async def prepare() -> None:
    """Make the file, its directory, its tables and the first catalogue where they are missing."""
    await asyncio.to_thread(_prepare)


async def read(sql: str, *parameters: str | int) -> list[sqlite3.Row]:
    """The rows of one query."""

    def run() -> list[sqlite3.Row]:
        with closing(connect()) as connection:
            return connection.execute(sql, parameters).fetchall()

    return await asyncio.to_thread(run)


async def write(work: Callable[[sqlite3.Connection], T]) -> T:
    """What `work` answers, run in one transaction: all of it is kept or, when it raises, nothing."""
    return await asyncio.to_thread(_transaction, work)


def _transaction(work: Callable[[sqlite3.Connection], T]) -> T:
    with closing(connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result


def _prepare() -> None:
    Path(os.environ.get("SHOP_DATABASE") or DEFAULT_PATH).parent.mkdir(parents=True, exist_ok=True)
    with closing(connect()) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO product (id, name, description, price_cents, stock, restocked) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            CATALOGUE,
        )
