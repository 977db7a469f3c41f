"""A shop that works with arq."""

from typing import Any

from arq import cron, func
from arq.connections import RedisSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def charge(ctx: dict[str, Any], order: int, amount: float = 0.0) -> None:
    """Charge the card."""
    await ctx["redis"].enqueue_job("receipt", order)


async def send_receipt(ctx: dict[str, Any], order: int) -> None: ...


async def clean_up(ctx: dict[str, Any]) -> None:
    """Clean up."""


async def connect(ctx: dict[str, Any]) -> None:
    """Connect to the database."""


class WorkerSettings:
    """The worker of the shop."""

    functions = [charge, func(send_receipt, name="receipt", max_tries=2)]
    cron_jobs = [cron(clean_up, hour={3, 15}, minute=0)]
    redis_settings = RedisSettings(host="redis.local", password="hunter2")
    on_startup = connect
    max_jobs = 7


class Unrelated:
    functions = [charge]
    something_else = 1


async def buy(request: Request) -> JSONResponse:
    await request.app.state.redis.enqueue_job("charge", 1)
    return JSONResponse({})


app = Starlette(routes=[Route("/buy", buy, methods=["POST"])])
