"""A shop that works with Taskiq."""

from typing import Annotated, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from taskiq import (
    Context,
    InMemoryBroker,
    SimpleRetryMiddleware,
    TaskiqDepends,
    TaskiqEvents,
    TaskiqMiddleware,
    TaskiqScheduler,
    TaskiqState,
)
from taskiq.schedule_sources import LabelScheduleSource


class Timing(TaskiqMiddleware):
    """Say how long a job took."""


broker = InMemoryBroker().with_middlewares(Timing(), SimpleRetryMiddleware())
scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker)])


async def connection() -> str:
    """A connection to the database."""
    return "connection"


@broker.task(retry_on_error=True, max_retries=5)
async def charge(
    order: int,
    database: Annotated[str, TaskiqDepends(connection)],
    amount: float = 0.0,
    context: Context = TaskiqDepends(),
) -> None:
    """Charge the card."""
    await send_receipt.kiq(order)


@broker.task(task_name="shop.receipt")
async def send_receipt(order: int) -> None: ...


@broker.task(schedule=[{"cron": "0 3 * * *"}])
async def clean_up() -> None:
    """Clean up."""


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect(state: TaskiqState) -> None:
    """Connect to the database."""


async def buy(request: Request) -> JSONResponse:
    await charge.kiq(1)
    return JSONResponse({})


class Unrelated:
    value: Any = None


app = Starlette(routes=[Route("/buy", buy, methods=["POST"])])
