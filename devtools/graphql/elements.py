"""What all elements have in GraphQL, and how an element becomes the type of its kind. Called by every module of structure."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import strawberry

from devtools.graphql.context import Info
from devtools.graphql.declare import field, interface, object_type
from devtools.graphql.source_text import read_lines
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph
from devtools.introspection.markdown import describe
from devtools.introspection.observed import Relation
from devtools.records import NANOSECONDS_PER_MILLISECOND

if TYPE_CHECKING:
    from devtools.graphql.resources import Event, Resource
    from devtools.graphql.runnables import Hook, Task
    from devtools.graphql.tags import Tag

T = TypeVar("T", bound=type)

_RESOURCES = strawberry.lazy("devtools.graphql.resources")
_RUNNABLES = strawberry.lazy("devtools.graphql.runnables")
TaskType = Annotated["Task", _RUNNABLES]
HookType = Annotated["Hook", _RUNNABLES]
EventType = Annotated["Event", _RESOURCES]
ResourceType = Annotated["Resource", _RESOURCES]
TagType = Annotated["Tag", strawberry.lazy("devtools.graphql.tags")]

Many = list[Any]
"""Elements as the types of their kinds. Any: which type it is, is known by their kind alone."""

strawberry.enum(
    ElementKind, name="ElementKind", description="The kinds of element. A route is a task with a `route`."
)


@object_type
class MetaTagUsage:
    """A tag on an element, with the configuration given there as JSON text."""

    id: strawberry.ID
    config: str | None


@object_type
class Meta:
    """What people call an element."""

    title: str | None
    description: str | None
    tags: list[MetaTagUsage]


@object_type
class TagUsage:
    """A tag on an element, with the tag's own schema and the configuration given there, both as JSON text."""

    id: str
    config_schema: str | None
    config: str | None


strawberry.enum(Relation, name="ObservedRelation", description="What an element did to another one.")


@object_type
class ObservedLink:
    """A link that was seen in telemetry: this element in fact emitted, called or used that one, or a model was used by it."""

    relation: Relation
    id: Annotated[strawberry.ID, strawberry.field(description="The event or element at the other end.")]
    count: Annotated[int, strawberry.field(description="How often, in the records in memory.")]
    last_ms: float
    declared: Annotated[bool, strawberry.field(description="Whether the structure says so too.")]


@interface
class BaseElement:
    """What every element has."""

    element: strawberry.Private[Element]
    graph: strawberry.Private[Graph]

    @field
    def id(self) -> strawberry.ID:
        """Stable across restarts."""
        return strawberry.ID(self.element.id)

    @field
    def kind(self) -> ElementKind:
        """What sort of element it is."""
        return self.element.kind

    @field
    def meta(self) -> Meta | None:
        """Title, description and tags."""
        element = self.element
        tags = [MetaTagUsage(id=strawberry.ID(use.id), config=use.config) for use in element.tags]
        return Meta(title=element.title, description=element.description, tags=tags)

    @field
    def file_path(self) -> str | None:
        """Where it is defined: relative to the project root where it lies inside, else absolute."""
        return self.element.file_path

    @field
    def line(self) -> int | None:
        """Line at which its definition begins, from 1."""
        return self.element.line

    @field
    def is_private(self) -> bool:
        """Whether it is meant for its own module alone."""
        return self.element.is_private

    @field
    def visibility_reason(self) -> str | None:
        """Why it is private."""
        return self.element.visibility_reason

    @field
    def file_contents(
        self, start_line: int | None = strawberry.UNSET, end_line: int | None = strawberry.UNSET
    ) -> str | None:
        """Source text of its file, inside the project only; lines from 1, both included. Null where there is none to show."""
        return read_lines(self.element.file_path, start_line, end_line)

    @field
    def markdown_description(self) -> str:
        """The element for people, as Markdown."""
        return describe(self.element, self.graph)

    @field
    def observed_links(self, info: Info) -> list[ObservedLink]:
        """What it was seen to emit, call and use, from the records in memory, the most frequent first."""
        return [
            ObservedLink(
                relation=seen.relation,
                id=strawberry.ID(seen.target),
                count=seen.count,
                last_ms=seen.last_ns / NANOSECONDS_PER_MILLISECOND,
                declared=seen.is_declared(self.element, self.graph),
            )
            for seen in info.context.observations.get(self.element.id, ())
        ]

    @field
    def tags(self) -> list[TagType] | None:
        """The tags it carries."""
        return _tags(self)

    @field
    def tags_detailed(self) -> list[TagUsage] | None:
        """The tags it carries, with what is configured here."""
        schemas = [tag.element.schema for tag in _tags(self)]
        uses = zip(self.element.tags, schemas, strict=True)
        return [TagUsage(id=use.id, config_schema=schema, config=use.config) for use, schema in uses]


def _tags(carrier: BaseElement) -> Many:
    return [named(carrier.graph, use.id, ElementKind.tag) for use in carrier.element.tags]


@object_type
class All(BaseElement):
    """An element of any kind, without what only its kind has."""


@object_type
class Registered(BaseElement):
    """What elements that a resource registers have in common. Not itself a type of the schema."""

    @field
    def registered_by(self) -> str | None:
        """Id of the resource that registers it."""
        return self.element.registered_by

    @field
    def registered_by_resolved(self) -> ResourceType | None:
        """The resource that registers it."""
        found = self.graph.get(self.element.registered_by or "", ElementKind.resource)
        resolved: Any = None if found is None else of(self.graph, found)  # Any: see `Many`
        return resolved


@object_type
class Overridable(Registered):
    """What elements that others may take the place of have in common. Not itself a type of the schema."""

    @field
    def overridden_by(self) -> str | None:
        """Id of the element that takes its place."""
        found = self.graph.overridden_by(self.element.id)
        return None if found is None else found.id


_TYPES: dict[tuple[ElementKind, ElementKind | None], type[BaseElement]] = {}


def type_of(kind: ElementKind, applies_to: ElementKind | None = None) -> Callable[[T], T]:
    """Mark the type of a kind of element; middleware has one for each kind of element it wraps."""

    def remember(cls: T) -> T:
        _TYPES[kind, applies_to] = cls
        return cls

    return remember


def of(graph: Graph, element: Element) -> BaseElement:
    """The element as the type of its kind."""
    found = _TYPES.get((element.kind, element.applies_to)) or _TYPES[element.kind, None]
    return found(element=element, graph=graph)


def as_types(graph: Graph, elements: Iterable[Element], kind: ElementKind | None = None) -> Many:
    """The elements, of one kind where one is given, as the types of their kinds."""
    return [of(graph, element) for element in elements if kind in (None, element.kind)]


def named(graph: Graph, identifier: str, kind: ElementKind | None = None) -> Any:  # Any: see `Many`
    """The element with this id; a minimal one where it is not known."""
    element = graph.get(identifier, kind)
    if element is not None:
        return of(graph, element)
    if kind is not None:
        return of(graph, Element(id=identifier, kind=kind))
    return All(element=Element(id=identifier, kind=ElementKind.task), graph=graph)
