"""What the shop sells."""

import logging
import sqlite3
from dataclasses import dataclass

from devtools import task
from examples.shop.database import database, read

logger = logging.getLogger(__name__)

PRODUCTS = "SELECT id, name, description, price_cents, stock - reserved AS available, sold FROM product"


@dataclass(frozen=True)
class Product:
    """A product as customers see it. Prices are in cents."""

    id: str
    name: str
    description: str
    price_cents: int
    available: int
    sold: int


@task(depends_on=[database])
async def list_products() -> list[Product]:
    """Every product, the best sold first."""
    return _products(await read(PRODUCTS + " ORDER BY sold DESC, id"))


@task(depends_on=[database])
async def search_products(text: str) -> list[Product]:
    """Products with the text in name or description."""
    pattern = f"%{text}%"
    rows = await read(
        PRODUCTS + " WHERE name LIKE ? OR description LIKE ? ORDER BY sold DESC, id",
        pattern,
        pattern,
    )
    if not rows:
        logger.info("nothing found for %r", text)
    return _products(rows)


@task(depends_on=[database])
async def find_product(product_id: str) -> Product | None:
    """The product with this id."""
    rows = await read(PRODUCTS + " WHERE id = ?", product_id)
    return _products(rows)[0] if rows else None


def _products(rows: list[sqlite3.Row]) -> list[Product]:
    return [Product(**dict(row)) for row in rows]
