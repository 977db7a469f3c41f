"""Celery: apps as resources, tasks with their queue, options and schedule, and the app's receivers of Celery's signals.

Nothing is evaluated from here: tasks that wait for their app to be finalised are read where they wait, and settings that Celery has
not loaded yet stay unread. An app may still be adding to both.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.jobs import add_job
from devtools.introspection.inspectors.receivers import describe_signal

OPTIONS = (
    "acks_late",
    "autoretry_for",
    "countdown",
    "default_retry_delay",
    "expires",
    "ignore_result",
    "max_retries",
    "priority",
    "queue",
    "rate_limit",
    "reject_on_worker_lost",
    "retry_backoff",
    "retry_backoff_max",
    "retry_jitter",
    "retry_kwargs",
    "serializer",
    "soft_time_limit",
    "time_limit",
    "track_started",
)
"""What is said of a task where it is set."""

SETTINGS = (
    "broker_url",
    "enable_utc",
    "imports",
    "include",
    "result_backend",
    "task_always_eager",
    "task_default_queue",
    "timezone",
)
"""What is said of an app."""


class Task(NamedTuple):
    """One task, registered or still waiting. Any: functions of every sort."""

    name: str
    function: Any
    options: Mapping[str, Any]


def inspect(_: Any, found: Found) -> None:  # Any: any app; Celery keeps its own list of apps
    """Describe every Celery app that has tasks of its own or stands in an own module."""
    base, state, local = (loaded(f"celery.{name}") for name in ("app.base", "_state", "local"))
    if base is None or state is None or local is None:
        return
    proxies = _proxies(found, local)
    for name, app in _apps(found, base, state):
        tasks = {task.name: task for task in (*_registered(app), *_waiting(app))}
        if not app.finalized:
            tasks = {**_shared(app, state, proxies), **tasks}
        own = {task.name: task for task in tasks.values() if found.own.defines(task.function)}
        if own or not name.startswith("celery "):
            _describe_app(found, name, app, own)
            _recognise(found, app, own, proxies)
    for name, signal in sorted(naming.members(loaded("celery.signals")).items()):
        if naming.attribute(signal, "receivers"):
            describe_signal(found, f"celery.signals.{name}", signal, framework=True)


def _apps(found: Found, base: Any, state: Any) -> list[tuple[str, Any]]:
    """Apps by the global that holds them, else by their main name; the app that Celery makes for itself only when it is used."""
    apps = [
        (found.own.name_of(app, f"celery {app.main or 'app'}"), app)
        for app in tuple(state._apps)
        if isinstance(app, base.Celery)
    ]
    return sorted(apps, key=lambda pair: pair[0])


# Tasks, wherever they are


def _registered(app: Any) -> Iterator[Task]:
    for name, task in sorted(app._tasks.items()):
        options: dict[str, Any] = {}
        made = naming.kind_of(task)
        for kind in reversed(made.__mro__):
            if not naming.module_name(kind).startswith("celery."):
                options |= {key: value for key, value in vars(kind).items() if key in OPTIONS}
        for option, setting in naming.attribute(made, "from_config"):
            # A registered task has taken what it was not given from the settings.
            if option in options and options[option] == app.conf.get(setting):
                del options[option]
        # Celery makes a class of a function; what a person wrote as a class stands for itself.
        function = vars(made).get("_decorated_fun") or vars(made).get("__wrapped__")
        yield Task(name, made if function is None else naming.unwrapped(function), options)


def _waiting(app: Any) -> Iterator[Task]:
    for proxy in tuple(app._pending):
        task = _kept(proxy)
        if task is not None:
            yield task._replace(name=task.name or _name(app, task.function))


def _kept(proxy: Any) -> Task | None:
    """What a proxy will make a task of, None once it has."""
    try:
        (function,) = object.__getattribute__(proxy, "_Proxy__args")
        options: Mapping[str, Any] = object.__getattribute__(proxy, "_Proxy__kwargs")
    except (AttributeError, ValueError):
        return None
    return Task(options.get("name") or "", function, options)


def _shared(app: Any, state: Any, proxies: list[Any]) -> dict[str, Task]:
    """Tasks of `shared_task`, which every app takes over when it is finalised."""
    options = {
        id(kept["fun"]): kept.get("options", {})
        for kept in map(naming.closure, tuple(state._on_app_finalizers))
        if "fun" in kept
    }
    found: dict[str, Task] = {}
    for proxy in proxies:
        function = _shared_function(proxy)
        if function is not None:
            given: Mapping[str, Any] = options.get(id(function), {})
            name = given.get("name") or _name(app, function)
            found[name] = Task(name, function, given)
    return found


def _shared_function(proxy: Any) -> Any:
    """The function behind a shared task, without asking for the task."""
    try:
        return naming.closure(object.__getattribute__(proxy, "_Proxy__local")).get("fun")
    except AttributeError:
        return None


def _name(app: Any, function: Any) -> str:
    return app.gen_task_name(function.__name__, function.__module__)


# Elements


def _describe_app(found: Found, identifier: str, app: Any, tasks: Mapping[str, Task]) -> None:
    settings = _settings(app)
    said = {name: settings[name] for name in SETTINGS if settings.get(name)}
    found.describe_global(
        ElementKind.resource,
        identifier,
        app,
        title=f"Celery app {app.main or ''}".strip(),
        config=masked(said),
    )
    schedule = _schedule(app, settings)
    for name, task in sorted(tasks.items()):
        options = {key: task.options[key] for key in OPTIONS if task.options.get(key) is not None}
        options = {**_route(settings, name), **options}
        options.setdefault("queue", settings.get("task_default_queue") or "celery")
        if name in schedule:
            options["schedule"] = schedule[name]
        add_job(found, name, task.function, options, identifier)


def _settings(app: Any) -> Mapping[str, Any]:
    """The settings as far as Celery has loaded them, else those that were given in code."""
    if app.configured:
        return {name: app.conf.get(name) for name in (*SETTINGS, "beat_schedule", "task_routes")}
    source = app._config_source
    module = loaded(source) if isinstance(source, str) else source
    return {**(vars(module) if module is not None and hasattr(module, "__dict__") else {}), **app._preconf}


def _schedule(app: Any, settings: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By task: the entries of the beat schedule, and when they come."""
    entries = dict(settings.get("beat_schedule") or {})
    entries |= dict(pending[0] for pending in app._pending_periodic_tasks)
    found: dict[str, dict[str, str]] = {}
    for entry, given in sorted(entries.items(), key=lambda pair: str(pair[0])):
        told = naming.mapping(given)
        if told:
            found.setdefault(str(told.get("task")), {})[str(entry)] = when(told.get("schedule"))
    return found


def when(schedule: Any) -> str:
    """A schedule in words: `every 30 s`, `0 3 * * *`."""
    seconds = naming.attribute(naming.attribute(schedule, "run_every"), "total_seconds")
    seconds = seconds or naming.attribute(schedule, "total_seconds")
    if callable(seconds):
        return f"every {seconds():g} s"
    if isinstance(schedule, int | float):
        return f"every {schedule:g} s"
    parts = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    fields = [naming.attribute(schedule, f"_orig_{name}") for name in parts]
    return " ".join(map(str, fields)) if None not in fields else type(schedule).__name__


def _route(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What `task_routes` says of a task: a name, a pattern with `*`, or a compiled one."""
    routes = settings.get("task_routes")
    for mapping in (*naming.sequence(routes), routes):
        for pattern, target in naming.mapping(mapping).items():
            # A pattern may be compiled already.
            matches = naming.attribute(pattern, "match") or re.compile(fnmatch.translate(str(pattern))).match
            if matches(name):
                return {"queue": target} if isinstance(target, str) else {"queue": dict(target).get("queue")}
    return {}


# Code that names a task


def _proxies(found: Found, local: Any) -> list[Any]:
    """The proxies that stand in own modules where people see a task. Any: to look at one closer would wake it."""
    return [proxy for _, proxy in found.own.of(local.Proxy)]


def _recognise(found: Found, app: Any, tasks: Mapping[str, Task], proxies: list[Any]) -> None:
    """The task objects, the functions inside, and the proxies that stand for them."""
    by_function = {id(task.function): name for name, task in tasks.items()}
    for name in tasks:
        found.name(name, name, "send_task", "signature")
        if name in app._tasks:
            found.recognise(app._tasks[name], name)
    for proxy in proxies:
        made = _made(proxy)
        task = _kept(proxy)
        function = _shared_function(proxy) if task is None else task.function
        name = by_function.get(id(function)) if made is None else made.name
        if name in tasks:
            found.recognise(proxy, str(name))


def _made(proxy: Any) -> Any:
    """The task that a proxy has made, None while it has not."""
    try:
        return object.__getattribute__(proxy, "__thing")
    except AttributeError:
        return None
