"""A shop with work at times, on APScheduler."""

import functools

from apscheduler.events import EVENT_JOB_ERROR
from apscheduler.schedulers.background import BackgroundScheduler

scheduler = BackgroundScheduler(timezone="UTC")


@scheduler.scheduled_job("cron", hour=3, id="nightly", max_instances=2)
def clean_up() -> None:
    """Clean up."""


@scheduler.scheduled_job("interval", seconds=30)
def poll(source: str = "mail") -> None: ...


class Reports:
    def write(self, day: str) -> None:
        """Write the report."""


def alert(event: object) -> None:
    """Tell somebody."""


scheduler.add_job(poll, "interval", seconds=60)
scheduler.add_job(Reports().write, "cron", day=1, id="monthly", args=["monday"])
scheduler.add_job(functools.partial(poll, "post"), "interval", hours=1, id="post")
scheduler.add_listener(alert, EVENT_JOB_ERROR)
