"""Taskiq: brokers and schedulers as resources, tasks with their labels, middleware, dependencies and hooks."""

import inspect as signatures
from collections.abc import Iterator
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, is_made_by, loaded, masked
from devtools.introspection.inspectors.jobs import add_hook, add_job
from devtools.introspection.inspectors.web import add_middleware

_SUFFIX = "__taskiq_original"
"""What Taskiq adds to the name of a decorated function."""


def inspect(_: Any, found: Found) -> None:  # Any: any app; brokers stand in modules
    """Describe the brokers and schedulers of own modules."""
    broker_module: Any = loaded("taskiq.abc.broker")
    if broker_module is None:
        return
    for name, broker in found.own.of(broker_module.AsyncBroker):
        if naming.kind_of(broker).__name__ == "AsyncSharedBroker":
            continue
        title = f"Taskiq broker {naming.kind_of(broker).__name__}"
        found.describe_global(ElementKind.resource, name, broker, title=title)
        uses = tuple(
            add_middleware(
                found, naming.kind_of(used), name, framework=is_made_by(naming.kind_of(used), "taskiq")
            )
            for used in broker.middlewares
        )
        for task in sorted(broker.get_all_tasks().values(), key=lambda task: task.task_name):
            if found.own.defines(task.original_func):
                _job(found, task, name, uses)
        for event, handlers in broker.event_handlers.items():
            for order, handler in enumerate(handlers):
                add_hook(found, f"taskiq.{naming.attribute(event, 'name') or event}", handler, name, order)
    _schedulers(found)


def _job(found: Found, task: Any, registrar: str, uses: tuple[Any, ...]) -> None:
    identifier = task.task_name.replace(":", ".")
    dependencies = dict(_dependencies(task.original_func))
    add_job(
        found, identifier, task.original_func, task.labels, registrar, without=dependencies, middleware=uses
    )
    found.recognise(task, identifier)
    for dependency in dependencies.values():
        if dependency is not None:
            resource = naming.element_id(dependency).removesuffix(_SUFFIX)
            found.describe(ElementKind.resource, resource, dependency)
            found.link(identifier, depends_on=(resource,))


def _dependencies(function: Any) -> Iterator[tuple[str, Any]]:
    """Parameters that Taskiq fills in, and what makes their values: `value: T = TaskiqDepends(make)`."""
    kind: Any = naming.attribute(loaded("taskiq_dependencies.dependency"), "Dependency")
    context: Any = naming.attribute(loaded("taskiq.context"), "Context")
    try:
        parameters = signatures.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    for parameter in parameters:
        marks = (parameter.default, *naming.sequence(naming.attribute(parameter.annotation, "__metadata__")))
        mark = next((mark for mark in marks if kind is not None and isinstance(mark, kind)), None)
        if mark is not None:
            dependency = mark.dependency or parameter.annotation
            yield parameter.name, None if dependency is context else dependency
        elif parameter.annotation is context and context is not None:
            yield parameter.name, None


def _schedulers(found: Found) -> None:
    module: Any = loaded("taskiq.scheduler.scheduler")
    for name, scheduler in found.own.of(module.TaskiqScheduler) if module is not None else ():
        broker = found.id_of(scheduler.broker)
        said = {"sources": [naming.kind_of(source).__name__ for source in scheduler.sources]}
        found.describe_global(
            ElementKind.resource,
            name,
            scheduler,
            title="Taskiq scheduler",
            config=masked(said),
            depends_on=(broker,) if broker is not None else (),
        )
