"""Resources and events: what an app holds and what it announces."""

import msgspec
import strawberry

from devtools.graphql.declare import field, object_type
from devtools.graphql.elements import (
    BaseElement,
    EventType,
    HookType,
    Registered,
    ResourceType,
    TaskType,
    as_types,
    type_of,
)
from devtools.graphql.middleware import ResourceMiddleware, ResourceMiddlewareUsage, uses_on
from devtools.introspection.elements import ElementKind
from devtools.introspection.schemas import readable


@type_of(ElementKind.event)
@object_type
class Event(Registered):
    """Something that can be emitted and listened to."""

    @field
    def payload_schema(self) -> str | None:
        """JSON Schema of its payload, as text."""
        return self.element.schema

    @field
    def payload_schema_readable(self) -> str | None:
        """The shape of its payload, for people."""
        return readable(self.element.schema)

    @field
    def emitted_by(self) -> list[str]:
        """Ids of what emits it."""
        return [element.id for element in self.graph.emitted_by(self.element.id)]

    @field
    def emitted_by_resolved(self) -> list[BaseElement]:
        """What emits it."""
        return as_types(self.graph, self.graph.emitted_by(self.element.id))

    @field
    def listened_to_by(self) -> list[str]:
        """Ids of its hooks, in the order in which they run."""
        return [element.id for element in self.graph.listened_to_by(self.element.id)]

    @field
    def listened_to_by_resolved(self) -> list[HookType]:
        """Its hooks, in the order in which they run."""
        return as_types(self.graph, self.graph.listened_to_by(self.element.id), ElementKind.hook)


@type_of(ElementKind.resource)
@object_type
class Resource(Registered):
    """Something that lives as long as the app: a connection, a client, a configuration, the app itself."""

    @field
    def depends_on(self) -> list[str]:
        """Ids of what it depends on."""
        return list(self.element.depends_on)

    @field
    def depends_on_resolved(self) -> list[ResourceType]:
        """The resources it depends on."""
        return as_types(self.graph, self.graph.resolve(self.element.depends_on), ElementKind.resource)

    @field
    def config(self) -> str | None:
        """Its configuration as JSON text, secrets masked."""
        return self.element.config

    @field
    def config_schema(self) -> str | None:
        """JSON Schema of its configuration, as text."""
        return self.element.schema

    @field
    def config_schema_readable(self) -> str | None:
        """The shape of its configuration, for people."""
        return readable(self.element.schema)

    @field
    def middleware(self) -> list[str]:
        """Ids of its middleware, from the outside in."""
        return [use.id for use in self.element.middleware]

    @field
    def middleware_resolved(self) -> list[ResourceMiddleware]:
        """Its middleware, from the outside in."""
        return [node for _, node in uses_on(self, ElementKind.resource)]

    @field
    def middleware_resolved_detailed(self) -> list[ResourceMiddlewareUsage]:
        """Its middleware, from the outside in, with what is configured here."""
        return [
            ResourceMiddlewareUsage(id=strawberry.ID(use.id), config=use.config, node=node)
            for use, node in uses_on(self, ElementKind.resource)
        ]

    @field
    def overrides(self) -> list[str]:
        """Ids of what it takes the place of."""
        return list(self.element.overrides)

    @field
    def overrides_resolved(self) -> list[BaseElement]:
        """What it takes the place of."""
        return as_types(self.graph, self.graph.resolve(self.element.overrides))

    @field
    def registers(self) -> list[str]:
        """Ids of what it registers."""
        return [element.id for element in self.graph.registered_by(self.element.id)]

    @field
    def registers_resolved(self) -> list[BaseElement]:
        """What it registers."""
        return as_types(self.graph, self.graph.registered_by(self.element.id))

    @field
    def has_init(self) -> bool:
        """Whether something runs when the app starts."""
        return self.element.has_init

    @field
    def has_dispose(self) -> bool:
        """Whether something runs when it is no longer needed."""
        return self.element.has_dispose

    @field
    def has_ready(self) -> bool:
        """Whether something runs once the app has started."""
        return self.element.has_ready

    @field
    def has_health_check(self) -> bool:
        """Whether it can say how it is."""
        return self.element.has_health_check

    @field
    def used_by(self) -> list[TaskType]:
        """The tasks that depend on it."""
        return as_types(self.graph, self.graph.used_by(self.element.id), ElementKind.task)

    @field
    def emits(self) -> list[EventType]:
        """The events it emits."""
        return as_types(self.graph, self.graph.resolve(self.element.emits), ElementKind.event)

    @field
    def context(self) -> str | None:
        """Ids of the async contexts it sets, as a JSON list; null where it sets none."""
        provides = self.element.provides
        return msgspec.json.encode(provides).decode() if provides else None
