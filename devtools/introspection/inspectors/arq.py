"""arq: the settings of a worker as a resource, its functions and cron jobs as tasks, its hooks. Code names a job by text."""

import inspect as signatures
import json
from collections.abc import Iterator, Mapping
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.jobs import add_hook, add_job

SETTINGS = ("queue_name", "max_jobs", "job_timeout", "max_tries", "keep_result", "health_check_interval")
OPTIONS = ("timeout_s", "keep_result_s", "max_tries")
HOOKS = ("on_startup", "on_shutdown", "on_job_start", "on_job_end", "after_job_end")
CRON = ("minute", "hour", "day", "month", "weekday", "second")


def inspect(_: Any, found: Found) -> None:  # Any: any app; settings stand in modules
    """Describe the workers that own modules hold, as objects or as classes of settings."""
    arq: Any = loaded("arq.worker")
    if arq is None:
        return
    for name, worker in found.own.of(arq.Worker):
        _worker(found, name, worker, naming.members(worker))
    for name, kind in found.own.of(type):
        members = naming.members(kind)
        if found.own.defines(kind) and naming.element_id(kind) == name and _is_settings(members, arq):
            _worker(found, name, kind, members)


def _is_settings(members: Mapping[str, Any], arq: Any) -> bool:
    """Whether a class is what `arq module.Class` takes: it lists functions or cron jobs, and otherwise options of a worker."""
    known = signatures.signature(arq.Worker).parameters.keys()
    public = {name for name in members if not name.startswith("_")}
    return bool(public & {"functions", "cron_jobs"}) and public <= known


def _worker(found: Found, name: str, thing: Any, members: Mapping[str, Any]) -> None:
    said = {
        option: members[option] for option in SETTINGS if isinstance(members.get(option), int | str | float)
    }
    redis = members.get("redis_settings")
    for option in ("host", "port", "database"):
        value = naming.attribute(redis, option)
        if isinstance(value, int | str):
            said[option] = value
    title, description = naming.documentation(thing)
    found.describe_global(
        ElementKind.resource,
        name,
        thing,
        title=title or "arq worker",
        description=description,
        config=masked(said),
    )
    crons = list(_crons(members))
    for function in _functions(members):
        coroutine = naming.attribute(function, "coroutine") or function
        options = {option: naming.attribute(function, option) for option in OPTIONS}
        _job(found, coroutine, naming.attribute(function, "name"), options, name)
    for cron in crons:
        _job(
            found, cron.coroutine, None, {option: naming.attribute(cron, option) for option in OPTIONS}, name
        )
        _schedule(found, cron)
    for hook in HOOKS:
        add_hook(found, f"arq.{hook}", members.get(hook), name)


def _functions(members: Mapping[str, Any]) -> Iterator[Any]:
    """Functions and what `func()` made; those given as text are not imported from here."""
    listed = members.get("functions")
    for function in naming.mapping(listed).values() or naming.sequence(listed):
        if not isinstance(function, str) and naming.attribute(function, "minute") is None:
            yield function


def _crons(members: Mapping[str, Any]) -> Iterator[Any]:
    for cron in naming.sequence(members.get("cron_jobs")):
        if naming.attribute(cron, "coroutine") is not None:
            yield cron


def _job(found: Found, coroutine: Any, given: Any, options: Mapping[str, Any], registrar: str) -> None:
    plain = naming.attribute(naming.unwrapped(coroutine), "__qualname__")
    name = given if isinstance(given, str) and given != plain else None
    identifier = name or naming.element_id(coroutine)
    add_job(found, identifier, coroutine, options, registrar, without=("ctx",))
    found.name(str(given or plain), identifier, "enqueue_job")
    found.recognise(naming.unwrapped(coroutine), identifier)


def _schedule(found: Found, cron: Any) -> None:
    """Add when a cron job comes to the options of its task."""
    identifier = found.id_of(naming.unwrapped(cron.coroutine))
    if identifier is None:
        return
    options: dict[str, Any] = json.loads(found.elements[identifier].config or "{}")
    parts = {name: naming.attribute(cron, name) for name in CRON}
    said: dict[str, Any] = {
        name: sorted(naming.sequence(value)) if isinstance(value, set) else value
        for name, value in parts.items()
        if value is not None
    }
    schedule = {**options.get("schedule", {}), cron.name.removeprefix("cron:"): said}
    found.change(identifier, config=masked({**options, "schedule": schedule}))
