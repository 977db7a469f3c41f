"""What is read off Celery: in the web process, where tasks wait to be finalised, and in the worker."""

import pytest

from .inspected import Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def web() -> Inspected:
    return inspected("celery_shop", needs="celery")


@pytest.fixture(scope="module")
def worker() -> Inspected:
    return inspected("celery_worker", needs="celery")


@pytest.fixture(params=["web", "worker"])
def shop(request: pytest.FixtureRequest) -> Inspected:
    return request.getfixturevalue(request.param)


def test_the_app_is_a_resource_that_registers_its_tasks(shop: Inspected) -> None:
    queue = shop.element("celery_shop.queue")
    assert (queue.title, queue.line) == ("Celery app shop", 11)
    said = shop.config(queue.id)
    assert said["broker_url"] == "redis://:[masked]@localhost:6379/0"
    assert said["timezone"] == "Europe/Berlin"
    registered = {element.id for element in shop.registered_by(queue.id)}
    assert registered >= {"celery_shop.charge", "celery_shop.send_receipt", "shop.clean_up_shared"}


def test_a_task_has_words_input_queue_and_retry_options(shop: Inspected) -> None:
    charge = shop.element("celery_shop.charge")
    assert (charge.title, charge.description) == ("Charge the card.", "Tried five times.")
    assert shop.schema(charge.id) == {
        "type": "object",
        "properties": {"order": {"type": "integer"}, "amount": {"type": "number"}},
        "required": ["order"],
    }
    assert shop.config(charge.id) == {
        "autoretry_for": ["celery_shop.CardError"],
        "max_retries": 5,
        "queue": "payments",
        "retry_backoff": True,
    }


def test_the_queue_is_the_one_that_the_task_is_routed_to(shop: Inspected) -> None:
    assert shop.config("celery_shop.send_receipt")["queue"] == "mail"
    assert shop.config("shop.clean_up_shared") == {"queue": "celery", "rate_limit": "10/m"}


def test_the_entries_of_the_schedule_stand_at_their_task(shop: Inspected) -> None:
    assert shop.config("celery_shop.clean_up")["schedule"] == {"nightly": "0 3 * * *", "often": "every 30 s"}


def test_a_task_that_calls_another_depends_on_it(shop: Inspected) -> None:
    assert shop.element("celery_shop.charge").depends_on == ("celery_shop.send_receipt",)
    assert shop.element("celery_shop.clean_up").depends_on == ("shop.clean_up_shared",)


def test_a_route_that_sends_work_depends_on_the_task(web: Inspected) -> None:
    assert web.element("POST /buy").depends_on == ("celery_shop.charge",)
    assert web.element("POST /clean").depends_on == ("shop.clean_up_shared",)


def test_only_the_worker_has_what_is_added_when_celery_is_configured(
    web: Inspected, worker: Inspected
) -> None:
    assert "schedule" not in web.config("celery_shop.send_receipt")
    assert worker.config("celery_shop.send_receipt")["schedule"] == {"never at inspection": "every 10 s"}


def test_a_task_written_as_a_class_is_one(worker: Inspected) -> None:
    report = worker.element("shop.report")
    assert report.title == "Write the report."
    assert "celery_shop.send_receipt" in report.depends_on
    assert worker.config(report.id)["time_limit"] == 60
    assert worker.schema(report.id)["required"] == ["day"]


def test_receivers_of_signals_are_hooks(shop: Inspected) -> None:
    warm_up = shop.element("celery_shop.warm_up")
    assert (warm_up.title, warm_up.events) == ("Warm the caches.", ("celery.signals.worker_ready",))
    assert shop.element("celery.signals.task_failure").framework
    assert "celery.signals.task_success" not in shop.by_id
