"""Tasks and hooks: the elements that run."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from devtools.graphql.context import Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.elements import (
    BaseElement,
    EventType,
    HookType,
    Many,
    Overridable,
    ResourceType,
    as_types,
    type_of,
)
from devtools.graphql.middleware import TaskMiddleware, TaskMiddlewareUsage, uses_on
from devtools.graphql.reading import newest
from devtools.introspection.elements import ElementKind
from devtools.introspection.schemas import readable
from devtools.records import Run
from devtools.telemetry.filters import Condition, Filter

if TYPE_CHECKING:
    from devtools.graphql.records import RunFilterInput, RunRecord

_RECORDS = strawberry.lazy("devtools.graphql.records")


@object_type
class Route:
    """Where a task answers HTTP: method (`WS` for WebSockets) and composed path template."""

    method: str
    path: str


@object_type
class Runnable(Overridable):
    """What tasks and hooks have in common. Not itself a type of the schema."""

    @field
    def emits(self) -> list[str]:
        """Ids of the events it emits."""
        return list(self.element.emits)

    @field
    def emits_resolved(self) -> list[EventType]:
        """The events it emits."""
        return as_types(self.graph, self.graph.resolve(self.element.emits), ElementKind.event)

    @field
    def depends_on(self) -> list[str]:
        """Ids of what it depends on."""
        return list(self.element.depends_on)

    @field
    def depenends_on_resolved(self) -> list[BaseElement]:
        """What it depends on. (The spelling is that of the interface this is compatible with.)"""
        return as_types(self.graph, self.graph.resolve(self.element.depends_on))

    @field
    def middleware(self) -> list[str]:
        """Ids of its middleware, from the outside in."""
        return [use.id for use in self.element.middleware]

    @field
    def middleware_resolved(self) -> list[TaskMiddleware]:
        """Its middleware, from the outside in."""
        return [node for _, node in uses_on(self, ElementKind.task)]

    @field
    def middleware_resolved_detailed(self) -> list[TaskMiddlewareUsage]:
        """Its middleware, from the outside in, with what is configured here and who put it there."""
        found = uses_on(self, ElementKind.task)
        return [
            TaskMiddlewareUsage(id=strawberry.ID(use.id), config=use.config, origin=use.origin, node=node)
            for use, node in found
        ]

    @field
    def config(self) -> str | None:
        """Its options as JSON text, secrets masked: the queue, retries and schedule of a job."""
        return self.element.config

    @field
    def input_schema(self) -> str | None:
        """JSON Schema of its input, as text."""
        return self.element.schema

    @field
    def input_schema_readable(self) -> str | None:
        """The shape of its input, for people."""
        return readable(self.element.schema)

    @field
    def runs(
        self,
        info: Info,
        after_timestamp: float | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        where: Annotated[
            Annotated["RunFilterInput", _RECORDS] | None, strawberry.argument(name="filter")
        ] = strawberry.UNSET,
    ) -> list[Annotated["RunRecord", _RECORDS]]:
        """The newest runs of it in memory, oldest of them first. See `live { runs }`."""
        mine = Filter((Condition("node_id", "one_of", (self.element.id,)),))
        return newest(info.context, Run, after_timestamp, last, where, mine)


@object_type
class TaskDependsOn:
    """What a task depends on, by kind, and the events it emits."""

    tasks: list[BaseElement]
    hooks: list[HookType]
    resources: list[ResourceType]
    emitters: list[EventType]


@type_of(ElementKind.task)
@object_type
class Task(Runnable):
    """A function that the app runs. One that answers HTTP is a route."""

    @field
    def route(self) -> Route | None:
        """Where it answers HTTP, if it does."""
        route = self.element.route
        return None if route is None else Route(method=route.method, path=route.path)

    @field
    def result_schema(self) -> str | None:
        """JSON Schema of what it answers, as text."""
        return self.element.result_schema

    @field
    def result_schema_readable(self) -> str | None:
        """The shape of what it answers, for people."""
        return readable(self.element.result_schema)

    @field
    def scopes(self) -> list[str]:
        """OAuth 2 scopes that a caller needs."""
        return list(self.element.scopes)

    @field
    def deprecated(self) -> bool:
        """Whether callers are told to stop using it."""
        return self.element.deprecated

    @field
    def depends_on_resolved(self) -> TaskDependsOn:
        """What it depends on, by kind."""
        graph, found = self.graph, self.graph.resolve(self.element.depends_on)
        return TaskDependsOn(
            tasks=as_types(graph, found, ElementKind.task),
            hooks=as_types(graph, found, ElementKind.hook),
            resources=as_types(graph, found, ElementKind.resource),
            emitters=as_types(graph, graph.resolve(self.element.emits), ElementKind.event),
        )


@type_of(ElementKind.hook)
@object_type
class Hook(Runnable):
    """A function that runs when an event is emitted."""

    @field
    def event(self) -> str | None:
        """Id of the first event it listens to."""
        return next(iter(self.element.events), None)

    @field
    def events(self) -> list[str]:
        """Ids of the events it listens to; `*` is every event."""
        return list(self.element.events)

    @field
    def events_resolved(self) -> list[EventType]:
        """The events it listens to."""
        graph = self.graph
        heard = (
            graph.list(ElementKind.event)
            if "*" in self.element.events
            else graph.resolve(self.element.events)
        )
        found: Many = as_types(graph, heard, ElementKind.event)
        return found

    @field
    def hook_order(self) -> int | None:
        """Its place among the hooks of its event."""
        return self.element.order
