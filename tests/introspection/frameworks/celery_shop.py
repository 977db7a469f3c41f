"""A shop whose web part sends work to Celery: bound, retried, shared and scheduled tasks, a class as a task, signals."""

from celery import Celery, Task, shared_task
from celery.schedules import crontab
from celery.signals import task_failure, worker_ready
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

queue = Celery("shop", broker="redis://:hunter2@localhost:6379/0", backend="redis://localhost/1")
queue.conf.task_routes = {"celery_shop.send_*": {"queue": "mail"}}
queue.conf.beat_schedule = {
    "nightly": {"task": "celery_shop.clean_up", "schedule": crontab(minute=0, hour=3)},
    "often": {"task": "celery_shop.clean_up", "schedule": 30.0},
}
queue.conf.timezone = "Europe/Berlin"


class CardError(Exception):
    pass


@queue.task(bind=True, max_retries=5, autoretry_for=(CardError,), retry_backoff=True, queue="payments")
def charge(self: Task, order: int, amount: float = 0.0) -> str:
    """Charge the card.

    Tried five times.
    """
    send_receipt.delay(order)
    return "charged"


@queue.task
def send_receipt(order: int) -> None:
    """Mail the receipt."""


@shared_task(rate_limit="10/m", name="shop.clean_up_shared")
def clean_up_shared() -> None:
    """Shared between apps."""


@queue.task
def clean_up() -> None:
    clean_up_shared.delay()


class Report(Task):
    """Write the report."""

    name = "shop.report"
    time_limit = 60

    def run(self, day: str) -> None:
        send_receipt.delay(1)


@queue.on_after_configure.connect
def later(sender: Celery, **_: object) -> None:
    sender.add_periodic_task(10, send_receipt.s(1), name="never at inspection")


@worker_ready.connect
def warm_up(**_: object) -> None:
    """Warm the caches."""


@task_failure.connect(weak=False)
def alert(**_: object) -> None: ...


def buy(request: Request) -> JSONResponse:
    charge.delay(1, 2.0)
    return JSONResponse({})


def clean(request: Request) -> JSONResponse:
    from celery_shop import clean_up_shared as clean_shared

    clean_shared.apply_async()
    return JSONResponse({})


app = Starlette(routes=[Route("/buy", buy, methods=["POST"]), Route("/clean", clean, methods=["POST"])])
