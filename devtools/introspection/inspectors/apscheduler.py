"""APScheduler 3: schedulers as resources, jobs as tasks with their triggers, listeners as hooks. Only memory is asked for jobs."""

import re
from collections.abc import Iterator
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.jobs import add_hook, add_job

_RANDOM = re.compile(r"[0-9a-f]{32}")
"""The id of a job that was given none: another one at every start."""

OPTIONS = ("coalesce", "max_instances", "misfire_grace_time")


def inspect(_: Any, found: Found) -> None:  # Any: any app; schedulers stand in modules
    """Describe the schedulers of own modules."""
    base: Any = loaded("apscheduler.schedulers.base")
    if base is None:
        return
    for name, scheduler in found.of(base.BaseScheduler):
        kind = naming.kind_of(scheduler)
        said = {"timezone": str(scheduler.timezone), "stores": sorted(map(str, scheduler._jobstores))}
        found.describe_global(
            ElementKind.resource, name, scheduler, title=f"Scheduler {kind.__name__}", config=masked(said)
        )
        _jobs(found, scheduler, name)
        for callback, _mask in scheduler._listeners:
            add_hook(found, "apscheduler.event", callback, name)


def _jobs(found: Found, scheduler: Any, registrar: str) -> None:
    """One task a function, with every trigger that starts it."""
    options: dict[str, dict[str, Any]] = {}
    functions: dict[str, Any] = {}
    for job in _known(scheduler):
        identifier = naming.element_id(job.func)
        functions[identifier] = job.func
        told = options.setdefault(identifier, {"schedule": {}})
        told |= {name: value for name in OPTIONS if (value := naming.attribute(job, name)) is not None}
        label = str(job.name if _RANDOM.fullmatch(str(job.id)) else job.id)
        triggers: dict[str, str] = told["schedule"]
        names = (label, *(f"{label}#{number}" for number in range(2, len(triggers) + 3)))
        triggers[next(name for name in names if name not in triggers)] = str(job.trigger)
    for identifier, told in sorted(options.items()):
        add_job(found, identifier, functions[identifier], told, registrar)


def _known(scheduler: Any) -> Iterator[Any]:
    """Jobs that wait for the scheduler to start, and those in memory; by trigger, so that their order is always the same."""
    jobs = [pending[0] for pending in tuple(scheduler._pending_jobs)]
    for store in tuple(scheduler._jobstores.values()):
        jobs += [kept[0] for kept in naming.sequence(naming.attribute(store, "_jobs"))]
    yield from sorted(jobs, key=lambda job: str(job.trigger))
