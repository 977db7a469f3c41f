"""What the app is made of: the root fields of structure, and what looks wrong in it."""

import sys
from typing import Annotated, Any

import strawberry

from devtools.graphql.context import Context, Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.elements import BaseElement, as_types, of
from devtools.graphql.middleware import Middleware, ResourceMiddleware, TaskMiddleware
from devtools.graphql.resources import Event, Resource
from devtools.graphql.runnables import Hook, Task
from devtools.graphql.tags import AsyncContext, Error, Tag
from devtools.introspection.diagnostics import blocking, diagnose
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.introspector import find_project_root

Id = Annotated[strawberry.ID, strawberry.argument(name="id")]
IdIncludes = strawberry.ID | None


@object_type
class Diagnostic:
    """Something that looks wrong in the structure."""

    severity: str
    code: str
    message: str
    node_id: strawberry.ID | None
    node_kind: str | None
    hint: Annotated[str | None, strawberry.field(description="What to do about it.")]
    documentation: Annotated[
        str, strawberry.field(description="Page of the docs and anchor that explain it.")
    ]
    ignored: Annotated[
        str | None, strawberry.field(description="Why it is no finding here, from the setting `ignore`.")
    ]


@object_type
class RunOptions:
    """How the app runs."""

    mode: Annotated[str, strawberry.field(description="Which part of the app this is: main, worker, …")]
    debug: Annotated[bool, strawberry.field(description="Whether Python runs in development mode.")]
    debug_mode: str | None
    logs_enabled: Annotated[bool, strawberry.field(description="Whether logs are recorded.")]
    dry_run: Annotated[
        bool, strawberry.field(description="Whether there is structure without a running app.")
    ]
    root_id: Annotated[str, strawberry.field(description="Id of the resource that stands for the app.")]


@object_type
class SwappedTask:
    """A task whose code was replaced while it runs; this server never does that."""

    task_id: str
    swapped_at: float
    original_code: str | None


@strawberry.input(description="Which events.")
class EventFilterInput:
    """Which events."""

    has_no_hooks: bool | None = strawberry.UNSET
    hide_system: bool | None = strawberry.UNSET
    id_includes: str | None = strawberry.UNSET


def _one(info: Info, identifier: str, kind: ElementKind) -> Any:  # Any: see `elements.Many`
    found = info.context.graph.get(identifier, kind)
    return None if found is None else of(info.context.graph, found)


def _listed(info: Info, kind: ElementKind | None, includes: str | None) -> list[Element]:
    return info.context.graph.list(kind, includes if isinstance(includes, str) else None)


def _many(info: Info, kind: ElementKind | None, includes: str | None = None) -> Any:
    return as_types(info.context.graph, _listed(info, kind, includes))


def _middleware(info: Info, includes: str | None, made: type[BaseElement], of_resources: bool | None) -> Any:
    graph = info.context.graph
    return [
        made(element=element, graph=graph)
        for element in _listed(info, ElementKind.middleware, includes)
        if of_resources in (None, element.applies_to is ElementKind.resource)
    ]


def _passes(context: Context, event: Element, where: EventFilterInput) -> bool:
    if where.hide_system is True and event.framework:
        return False
    if isinstance(where.id_includes, str) and where.id_includes not in event.id:
        return False
    return not isinstance(where.has_no_hooks, bool) or where.has_no_hooks is not bool(
        context.graph.listened_to_by(event.id)
    )


@object_type
class StructureQuery:
    """The root fields of structure. Not itself a type of the schema."""

    @field
    def tags(self, info: Info) -> list[Tag]:
        """All tags."""
        return _many(info, ElementKind.tag)

    @field
    def tag(self, info: Info, identifier: Id) -> Tag | None:
        """One tag."""
        return _one(info, identifier, ElementKind.tag)

    @field
    def root(self, info: Info) -> Resource | None:
        """The resource that stands for the app."""
        return _one(info, info.context.graph.structure.root_id or "", ElementKind.resource)

    @field
    def run_options(self, info: Info) -> RunOptions:
        """How the app runs."""
        services = info.context.services
        sources = services.settings.sources
        return RunOptions(
            mode=services.role,
            debug=sys.flags.dev_mode,
            debug_mode=None,
            logs_enabled=sources is None or "logging" in sources,
            dry_run=services.structure().state != "live",
            root_id=info.context.graph.structure.root_id or services.app,
        )

    @field
    def all(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[BaseElement]:
        """All elements, by kind and id."""
        return _many(info, None, id_includes)

    @field
    def event(self, info: Info, identifier: Id) -> Event | None:
        """One event."""
        return _one(info, identifier, ElementKind.event)

    @field
    def events(
        self,
        info: Info,
        where: Annotated[EventFilterInput | None, strawberry.argument(name="filter")] = strawberry.UNSET,
    ) -> list[Event]:
        """Events that pass."""
        found = _listed(info, ElementKind.event, None)
        if isinstance(where, EventFilterInput):
            found = [event for event in found if _passes(info.context, event, where)]
        return as_types(info.context.graph, found)

    @field
    def task(self, info: Info, identifier: Id) -> Task | None:
        """One task."""
        return _one(info, identifier, ElementKind.task)

    @field
    def tasks(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[Task]:
        """Tasks, routes among them."""
        return _many(info, ElementKind.task, id_includes)

    @field
    def hook(self, info: Info, identifier: Id) -> Hook | None:
        """One hook."""
        return _one(info, identifier, ElementKind.hook)

    @field
    def hooks(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[Hook]:
        """Hooks."""
        return _many(info, ElementKind.hook, id_includes)

    @field
    def middleware(self, info: Info, identifier: Id) -> Middleware | None:
        """One middleware, whatever it wraps."""
        found = info.context.graph.get(identifier, ElementKind.middleware)
        return None if found is None else Middleware(element=found, graph=info.context.graph)

    @field
    def middlewares(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[Middleware]:
        """All middleware."""
        return _middleware(info, id_includes, Middleware, None)

    @field
    def task_middlewares(
        self, info: Info, id_includes: IdIncludes = strawberry.UNSET
    ) -> list[TaskMiddleware]:
        """Middleware of tasks: requests and functions."""
        return _middleware(info, id_includes, TaskMiddleware, of_resources=False)

    @field
    def resource_middlewares(
        self, info: Info, id_includes: IdIncludes = strawberry.UNSET
    ) -> list[ResourceMiddleware]:
        """Middleware of resources."""
        return _middleware(info, id_includes, ResourceMiddleware, of_resources=True)

    @field
    def resource(self, info: Info, identifier: Id) -> Resource | None:
        """One resource."""
        return _one(info, identifier, ElementKind.resource)

    @field
    def resources(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[Resource]:
        """Resources."""
        return _many(info, ElementKind.resource, id_includes)

    @field
    def error(self, info: Info, identifier: Id) -> Error | None:
        """One declared error."""
        return _one(info, identifier, ElementKind.error)

    @field
    def errors(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[Error]:
        """Declared errors. For errors that happened, see `live` and `history`."""
        return _many(info, ElementKind.error, id_includes)

    @field
    def async_context(self, info: Info, identifier: Id) -> AsyncContext | None:
        """One async context."""
        return _one(info, identifier, ElementKind.async_context)

    @field
    def async_contexts(self, info: Info, id_includes: IdIncludes = strawberry.UNSET) -> list[AsyncContext]:
        """Async contexts."""
        return _many(info, ElementKind.async_context, id_includes)

    @field
    def diagnostics(
        self,
        info: Info,
        include_framework: bool | None = strawberry.UNSET,
        include_ignored: bool | None = strawberry.UNSET,
    ) -> list[Diagnostic]:
        """What looks wrong; the framework's own elements and what the setting `ignore` names only when asked for."""
        graph, services = info.context.graph, info.context.services
        found = diagnose(
            graph,
            include_framework=include_framework is True,
            ignore=services.settings.ignore,
            include_ignored=include_ignored is True,
            measured=blocking(graph, services.gauges.stalls(), find_project_root()),
        )
        return [
            Diagnostic(
                severity=finding.severity,
                code=finding.code,
                message=finding.message,
                node_id=strawberry.ID(finding.node_id),
                node_kind=finding.node_kind,
                hint=finding.hint,
                documentation=finding.documentation,
                ignored=finding.ignored,
            )
            for finding in found
        ]

    @field
    def swapped_tasks(self) -> list[SwappedTask]:
        """Tasks whose code was replaced while the app runs: none, because this server never does that."""
        return []
