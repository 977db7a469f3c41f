"""What the inspectors of job queues and schedulers share: a job is a task with its options, and a worker's hooks have events."""

from collections.abc import Iterable, Mapping
from typing import Any

from devtools.introspection import naming, schemas
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.inspectors import Found, masked


def add_job(
    found: Found,
    identifier: str,
    function: Any,
    options: Mapping[str, Any],
    registrar: str,
    *,
    without: Iterable[str] = (),
    **fields: Any,
) -> None:
    """Add what a queue runs. Options that are not set, and parameters that the queue fills in, are left out. Any: see Found."""
    found.describe(
        ElementKind.task,
        identifier,
        function,
        schema=schemas.of_call(naming.attribute(function, "run") or function, without=frozenset(without)),
        config=masked({name: value for name, value in options.items() if value is not None}),
        registered_by=registrar,
        **fields,
    )


def add_hook(
    found: Found, event: str, function: Any, registrar: str | None = None, order: int | None = None
) -> None:
    """Add an app's own function that a framework calls at a moment of its life. Any: callables of every sort."""
    if function is not None and found.own.defines(naming.unwrapped(function)):
        found.add(Element(id=event, kind=ElementKind.event, framework=True))
        found.listen(event, function, order=order, registered_by=registrar)
