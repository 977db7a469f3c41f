"""A shop with a database of its own, alone or with devtools mounted, and a client for it."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.types import Message

from examples.shop import middleware
from examples.shop.payment import gateway
from examples.shop.routes import make_app


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[AsyncClient]:
    """A client of the app, started and stopped as a server does it."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan", "state": {}}, told.get, heard.put))
    await told.put({"type": "lifespan.startup"})
    assert await heard.get() == {"type": "lifespan.startup.complete"}
    transport = ASGITransport(app, client=("127.0.0.1", 50_000))
    async with AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as client:
        yield client
    await told.put({"type": "lifespan.shutdown"})
    assert await heard.get() == {"type": "lifespan.shutdown.complete"}
    await running


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    """The shop, which keeps its data in a new file."""
    monkeypatch.setenv("SHOP_DATABASE", str(tmp_path / "data" / "shop.db"))
    # A busy machine may be slow, and the shop would log it.
    monkeypatch.setattr(middleware, "SLOW_MS", math.inf)
    gateway.timeouts.clear()
    return make_app()


@pytest.fixture
async def shop(app: Starlette) -> AsyncIterator[AsyncClient]:
    """A client of the shop on its own: no devtools runs."""
    async with client_of(app) as client:
        yield client
