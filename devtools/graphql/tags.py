"""Tags, errors and async contexts: what elements carry, throw and share."""

import enum

import strawberry

from devtools.graphql.declare import field, object_type
from devtools.graphql.elements import (
    All,
    BaseElement,
    EventType,
    HookType,
    Many,
    ResourceType,
    TaskType,
    as_types,
    type_of,
)
from devtools.graphql.middleware import ResourceMiddleware, TaskMiddleware
from devtools.introspection.elements import Element, ElementKind


@strawberry.enum(description="What a tag is used on.")
class TagTarget(enum.Enum):
    """What a tag is used on."""

    TASKS = "TASKS"
    RESOURCES = "RESOURCES"
    EVENTS = "EVENTS"
    HOOKS = "HOOKS"
    TASK_MIDDLEWARES = "TASK_MIDDLEWARES"
    RESOURCE_MIDDLEWARES = "RESOURCE_MIDDLEWARES"
    ERRORS = "ERRORS"


_TARGETS = {
    ElementKind.task: TagTarget.TASKS,
    ElementKind.resource: TagTarget.RESOURCES,
    ElementKind.event: TagTarget.EVENTS,
    ElementKind.hook: TagTarget.HOOKS,
    ElementKind.error: TagTarget.ERRORS,
}


def _target(element: Element) -> TagTarget | None:
    if element.kind is not ElementKind.middleware:
        return _TARGETS.get(element.kind)
    of_resources = element.applies_to is ElementKind.resource
    return TagTarget.RESOURCE_MIDDLEWARES if of_resources else TagTarget.TASK_MIDDLEWARES


@type_of(ElementKind.tag)
@object_type
class Tag(BaseElement):
    """A mark on elements, with configuration."""

    @field
    def config_schema(self) -> str | None:
        """JSON Schema of its configuration, as text."""
        return self.element.schema

    @field
    def config(self) -> str | None:
        """Its own configuration as JSON text."""
        return self.element.config

    @field
    def targets(self) -> list[TagTarget]:
        """What it is used on."""
        used = {_target(element) for element in self.graph.tagged(self.element.id)}
        return [target for target in TagTarget if target in used]

    @field
    def tasks(self) -> list[TaskType]:
        """Tasks that carry it."""
        return _carriers(self, TagTarget.TASKS)

    @field
    def hooks(self) -> list[HookType]:
        """Hooks that carry it."""
        return _carriers(self, TagTarget.HOOKS)

    @field
    def resources(self) -> list[ResourceType]:
        """Resources that carry it."""
        return _carriers(self, TagTarget.RESOURCES)

    @field
    def task_middlewares(self) -> list[TaskMiddleware]:
        """Middleware of tasks that carries it."""
        return _carriers(self, TagTarget.TASK_MIDDLEWARES)

    @field
    def resource_middlewares(self) -> list[ResourceMiddleware]:
        """Middleware of resources that carries it."""
        return _carriers(self, TagTarget.RESOURCE_MIDDLEWARES)

    @field
    def events(self) -> list[EventType]:
        """Events that carry it."""
        return _carriers(self, TagTarget.EVENTS)

    @field
    def errors(self) -> list["Error"]:
        """Errors that carry it."""
        return _carriers(self, TagTarget.ERRORS)

    @field
    def all(self) -> list[BaseElement]:
        """Everything that carries it."""
        return as_types(self.graph, self.graph.tagged(self.element.id))


def _carriers(tag: BaseElement, target: TagTarget) -> Many:
    found = tag.graph.tagged(tag.element.id)
    return as_types(tag.graph, (element for element in found if _target(element) is target))


@type_of(ElementKind.error)
@object_type
class Error(BaseElement):
    """An exception that is part of the app's design."""

    @field
    def data_schema(self) -> str | None:
        """JSON Schema of what it carries, as text."""
        return self.element.schema

    @field
    def thrown_by(self) -> list[All]:
        """What throws it."""
        return [All(element=element, graph=self.graph) for element in self.graph.thrown_by(self.element.id)]

    @field
    def handled_by(self) -> list[All]:
        """What handles it."""
        handlers = self.graph.resolve(self.element.handlers)
        return [All(element=element, graph=self.graph) for element in handlers]


@type_of(ElementKind.async_context)
@object_type
class AsyncContext(BaseElement):
    """A context variable that elements share."""

    @field
    def serialize(self) -> str | None:
        """How it is written for other processes; context variables of Python are not."""
        return None

    @field
    def parse(self) -> str | None:
        """How it is read from other processes; context variables of Python are not."""
        return None

    @field
    def used_by(self) -> list[BaseElement]:
        """What reads it."""
        return as_types(self.graph, self.graph.reading_context(self.element.id))

    @field
    def required_by(self) -> list[BaseElement]:
        """What cannot run without it."""
        return as_types(self.graph, self.graph.used_by(self.element.id))

    @field
    def provided_by(self) -> list[ResourceType]:
        """Resources that set it."""
        return as_types(self.graph, self.graph.providing_context(self.element.id), ElementKind.resource)
