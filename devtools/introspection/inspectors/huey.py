"""Huey: instances as resources, tasks with their retries and schedule, hooks of the consumer."""

from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.jobs import add_hook, add_job

OPTIONS = ("retries", "retry_delay", "retry_backoff", "priority", "expires", "timeout")
HOOKS = ("pre_execute", "post_execute", "startup", "shutdown")

_FIELDS = (("M", 60), ("H", 24), ("d", 31), ("m", 12), ("w", 7))
"""Parts of a crontab in the order people write them, and how many values each has."""
_ORDER = ("m", "d", "w", "H", "M")
"""The order in which Huey keeps them."""


def inspect(_: Any, found: Found) -> None:  # Any: any app; instances stand in modules
    """Describe the Huey instances of own modules."""
    api: Any = loaded("huey.api")
    if api is None:
        return
    for name, huey in found.own.of(api.Huey):
        said = {"storage": type(huey.storage).__name__, "immediate": huey.immediate, "name": huey.name}
        found.describe_global(
            ElementKind.resource, name, huey, title=f"Huey {huey.name}", config=masked(said)
        )
        for task, kind in sorted(huey._registry._registry.items()):
            _job(found, task, kind, name)
        for hook in HOOKS:
            for order, function in enumerate(naming.mapping(naming.attribute(huey, f"_{hook}")).values()):
                add_hook(found, f"huey.{hook}", function, name, order)
    for _name, wrapper in found.own.of(api.TaskWrapper):
        identifier = _identifier(wrapper.task_class)
        if identifier in found.elements:
            found.recognise(wrapper, identifier)


def _job(found: Found, task: str, kind: Any, registrar: str) -> None:
    function = naming.closure(kind.execute).get("func")
    if function is None or not found.own.defines(naming.unwrapped(function)):
        return
    options: dict[str, Any] = {name: naming.attribute(kind, f"default_{name}") or None for name in OPTIONS}
    validate = naming.closure(naming.members(kind).get("validate_datetime")).get("validate_datetime")
    if validate is not None:
        options["schedule"] = _crontab(validate) or naming.element_id(validate)
    add_job(found, task, function, options, registrar, without=("task",) if kind.context else ())


def _identifier(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def _crontab(validate: Any) -> str | None:
    """What `crontab()` was told, `0 3 * * *`; None where the app decides itself when to run."""
    settings = naming.sequence(naming.closure(validate).get("cron_settings"))
    kept: dict[str, Any] = dict(zip(_ORDER, settings, strict=False))
    if kept.keys() != set(_ORDER):
        return None
    fields = (
        ("*" if len(set(kept[name])) >= size else ",".join(map(str, kept[name]))) for name, size in _FIELDS
    )
    return " ".join(fields)
