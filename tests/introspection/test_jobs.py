"""What is read off job queues and schedulers: Huey, Taskiq, arq, APScheduler."""

import pytest

from .inspected import Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def huey() -> Inspected:
    return inspected("huey_shop", needs="huey")


@pytest.fixture(scope="module")
def taskiq() -> Inspected:
    return inspected("taskiq_shop", needs="taskiq")


@pytest.fixture(scope="module")
def arq() -> Inspected:
    return inspected("arq_shop", needs="arq")


@pytest.fixture(scope="module")
def apscheduler() -> Inspected:
    return inspected("apscheduler_shop", app="none", needs="apscheduler")


@pytest.mark.parametrize(
    ("queue", "job", "registrar"),
    [
        ("huey", "huey_shop.charge", "huey_shop.queue"),
        ("taskiq", "taskiq_shop.charge", "taskiq_shop.broker"),
        ("arq", "arq_shop.charge", "arq_shop.WorkerSettings"),
    ],
)
def test_a_job_is_a_task_with_words_input_and_its_queue(
    request: pytest.FixtureRequest, queue: str, job: str, registrar: str
) -> None:
    shop: Inspected = request.getfixturevalue(queue)
    charge = shop.element(job)
    assert (charge.title, charge.registered_by, charge.file_path) == (
        "Charge the card.",
        registrar,
        f"{queue}_shop.py",
    )
    assert shop.schema(job) == {
        "type": "object",
        "properties": {"order": {"type": "integer"}, "amount": {"type": "number"}},
        "required": ["order"],
    }


@pytest.mark.parametrize(
    ("queue", "job", "receipt"),
    [
        ("huey", "huey_shop.charge", "huey_shop.receipt"),
        ("taskiq", "taskiq_shop.charge", "shop.receipt"),
        ("arq", "arq_shop.charge", "receipt"),
    ],
)
def test_code_that_sends_a_job_depends_on_it(
    request: pytest.FixtureRequest, queue: str, job: str, receipt: str
) -> None:
    shop: Inspected = request.getfixturevalue(queue)
    assert shop.element("POST /buy").depends_on == (job,)
    assert receipt in shop.element(job).depends_on


def test_huey_says_retries_schedules_and_hooks(huey: Inspected) -> None:
    assert huey.config("huey_shop.charge") == {"retries": 3, "retry_delay": 10}
    assert huey.config("huey_shop.clean_up") == {"schedule": "0 3,15 * * *"}
    assert huey.config("huey_shop.report")["schedule"].startswith("huey_shop.lambda:L")
    assert huey.element("huey_shop.connect").events == ("huey.startup",)
    assert huey.element("huey_shop.check").events == ("huey.pre_execute",)


def test_taskiq_says_labels_middleware_dependencies_and_hooks(taskiq: Inspected) -> None:
    assert taskiq.config("taskiq_shop.charge") == {"max_retries": 5, "retry_on_error": True}
    assert taskiq.config("taskiq_shop.clean_up") == {"schedule": [{"cron": "0 3 * * *"}]}
    assert "taskiq_shop.connection" in taskiq.element("taskiq_shop.charge").depends_on
    assert [use.id for use in taskiq.element("shop.receipt").middleware] == [
        "taskiq_shop.Timing",
        "taskiq.middlewares.simple_retry_middleware.SimpleRetryMiddleware",
    ]
    assert taskiq.element("taskiq_shop.connect").events == ("taskiq.WORKER_STARTUP",)
    assert taskiq.element("taskiq_shop.scheduler").depends_on == ("taskiq_shop.broker",)


def test_arq_says_settings_without_the_password_cron_jobs_and_hooks(arq: Inspected) -> None:
    settings = arq.element("arq_shop.WorkerSettings")
    assert (settings.title, settings.line) == ("The worker of the shop.", 29)
    assert arq.config(settings.id) == {"database": 0, "host": "redis.local", "max_jobs": 7, "port": 6379}
    assert arq.config("arq_shop.clean_up")["schedule"] == {
        "clean_up": {"hour": [3, 15], "minute": 0, "second": 0}
    }
    assert arq.config("receipt") == {"max_tries": 2}
    assert arq.element("arq_shop.connect").events == ("arq.on_startup",)
    assert "arq_shop.Unrelated" not in arq.by_id


def test_apscheduler_says_every_trigger_of_a_function(apscheduler: Inspected) -> None:
    assert apscheduler.config("apscheduler_shop.clean_up") == {
        "max_instances": 2,
        "schedule": {"nightly": "cron[hour='3']"},
    }
    assert apscheduler.config("apscheduler_shop.poll")["schedule"] == {
        "poll": "interval[0:00:30]",
        "poll#2": "interval[0:01:00]",
        "post": "interval[1:00:00]",
    }
    assert apscheduler.element("apscheduler_shop.Reports.write").title == "Write the report."
    assert apscheduler.element("apscheduler_shop.alert").events == ("apscheduler.event",)
    assert apscheduler.element("apscheduler_shop.scheduler").title == "Scheduler BackgroundScheduler"
