"""A shop that works with Huey."""

from huey import MemoryHuey, crontab
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

queue = MemoryHuey("shop")


@queue.task(retries=3, retry_delay=10)
def charge(order: int, amount: float = 0.0) -> None:
    """Charge the card."""
    send_receipt(order)


@queue.task(context=True, name="receipt")
def send_receipt(order: int, task: object = None) -> None: ...


@queue.periodic_task(crontab(minute="0", hour="3,15"))
def clean_up() -> None:
    """Clean up."""


@queue.periodic_task(lambda now: now.day == 1)
def report() -> None: ...


@queue.on_startup()
def connect() -> None:
    """Connect to the database."""


@queue.pre_execute()
def check(task: object) -> None: ...


def buy(request: Request) -> JSONResponse:
    charge(1)
    return JSONResponse({})


app = Starlette(routes=[Route("/buy", buy, methods=["POST"])])
