"""Middleware: what wraps tasks and resources, and where it is used."""

import enum
from typing import Any

import strawberry

from devtools.graphql.declare import field, object_type
from devtools.graphql.elements import (
    BaseElement,
    EventType,
    Many,
    Overridable,
    ResourceType,
    TaskType,
    as_types,
    of,
    type_of,
)
from devtools.introspection.elements import Element, ElementKind, MiddlewareUse
from devtools.introspection.schemas import readable


@strawberry.enum(description="Which elements a middleware that applies itself wraps.")
class MiddlewareApplyScope(enum.Enum):
    """Which elements a middleware that applies itself wraps."""

    WHERE_VISIBLE = "WHERE_VISIBLE"
    SUBTREE = "SUBTREE"


@object_type
class MiddlewareAutoApply:
    """Whether a middleware wraps elements that do not name it."""

    enabled: bool
    scope: MiddlewareApplyScope | None
    has_predicate: bool


@object_type
class MiddlewareTaskUsage:
    """A task or hook that a middleware wraps, with what is configured there and who put it there."""

    id: strawberry.ID
    config: str | None
    origin: str | None
    node: BaseElement


@object_type
class MiddlewareResourceUsage:
    """A resource that a middleware wraps, with what is configured there."""

    id: strawberry.ID
    config: str | None
    node: ResourceType


@object_type
class Wrapping(Overridable):
    """What all middleware has in common. Not itself a type of the schema."""

    @field
    def auto_apply(self) -> MiddlewareAutoApply:
        """Whether it wraps elements that do not name it."""
        enabled = self.element.auto_apply
        scope = MiddlewareApplyScope.WHERE_VISIBLE if enabled else None
        return MiddlewareAutoApply(enabled=enabled, scope=scope, has_predicate=False)

    @field
    def emits(self) -> list[EventType]:
        """The events it emits."""
        return as_types(self.graph, self.graph.resolve(self.element.emits), ElementKind.event)

    @field
    def config_schema(self) -> str | None:
        """JSON Schema of its configuration, as text."""
        return self.element.schema

    @field
    def config_schema_readable(self) -> str | None:
        """The shape of its configuration, for people."""
        return readable(self.element.schema)


@object_type
class Middleware(Wrapping):
    """What wraps tasks or resources."""

    @field
    def used_by_tasks(self) -> list[str]:
        """Ids of the tasks and hooks it wraps."""
        return [element.id for element in _runnables(self)]

    @field
    def used_by_tasks_resolved(self) -> list[TaskType]:
        """The tasks it wraps."""
        return _wrapped(self, ElementKind.task)

    @field
    def used_by_resources(self) -> list[str]:
        """Ids of the resources it wraps."""
        return [node.element.id for node in _wrapped(self, ElementKind.resource)]

    @field
    def used_by_resources_resolved(self) -> list[ResourceType]:
        """The resources it wraps."""
        return _wrapped(self, ElementKind.resource)

    @field
    def used_by_tasks_detailed(self) -> list[MiddlewareTaskUsage]:
        """The tasks and hooks it wraps, with what is configured there."""
        return _task_usages(self)

    @field
    def used_by_resources_detailed(self) -> list[MiddlewareResourceUsage]:
        """The resources it wraps, with what is configured there."""
        return _resource_usages(self)


@type_of(ElementKind.middleware)
@object_type
class TaskMiddleware(Wrapping):
    """What wraps tasks: requests and functions."""

    @field
    def used_by(self) -> list[TaskType]:
        """The tasks it wraps."""
        return _wrapped(self, ElementKind.task)

    @field
    def used_by_detailed(self) -> list[MiddlewareTaskUsage]:
        """The tasks and hooks it wraps, with what is configured there."""
        return _task_usages(self)


@type_of(ElementKind.middleware, ElementKind.resource)
@object_type
class ResourceMiddleware(Wrapping):
    """What wraps resources."""

    @field
    def used_by(self) -> list[ResourceType]:
        """The resources it wraps."""
        return _wrapped(self, ElementKind.resource)

    @field
    def used_by_detailed(self) -> list[MiddlewareResourceUsage]:
        """The resources it wraps, with what is configured there."""
        return _resource_usages(self)


@object_type
class TaskMiddlewareUsage:
    """A middleware on a task or hook, with what is configured there and who put it there."""

    id: strawberry.ID
    config: str | None
    origin: str | None
    node: TaskMiddleware


@object_type
class ResourceMiddlewareUsage:
    """A middleware on a resource, with what is configured there."""

    id: strawberry.ID
    config: str | None
    node: ResourceMiddleware


def uses_on(carrier: BaseElement, wraps: ElementKind) -> list[tuple[MiddlewareUse, Any]]:  # Any: see `Many`
    """The known middleware on an element, from the outside in, as the type for what it wraps."""
    made = ResourceMiddleware if wraps is ElementKind.resource else TaskMiddleware
    graph = carrier.graph
    found = ((use, graph.get(use.id, ElementKind.middleware)) for use in carrier.element.middleware)
    return [(use, made(element=element, graph=graph)) for use, element in found if element is not None]


def _runnables(middleware: BaseElement) -> list[Element]:
    wrapped = middleware.graph.wrapped_by(middleware.element.id)
    return [element for element in wrapped if element.kind in {ElementKind.task, ElementKind.hook}]


def _wrapped(middleware: BaseElement, kind: ElementKind) -> Many:
    return as_types(middleware.graph, middleware.graph.wrapped_by(middleware.element.id), kind)


def _use(middleware: BaseElement, on: Element) -> MiddlewareUse:
    return next(use for use in on.middleware if use.id == middleware.element.id)


def _task_usages(middleware: BaseElement) -> list[MiddlewareTaskUsage]:
    found = ((element, _use(middleware, element)) for element in _runnables(middleware))
    return [
        MiddlewareTaskUsage(
            id=strawberry.ID(element.id),
            config=use.config,
            origin=use.origin,
            node=of(middleware.graph, element),
        )
        for element, use in found
    ]


def _resource_usages(middleware: BaseElement) -> list[MiddlewareResourceUsage]:
    nodes = _wrapped(middleware, ElementKind.resource)
    return [
        MiddlewareResourceUsage(
            id=strawberry.ID(node.element.id), config=_use(middleware, node.element).config, node=node
        )
        for node in nodes
    ]
