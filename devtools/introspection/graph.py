"""One structure, indexed: look up by id, list by kind, follow links both ways. GraphQL reads structure only through this."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

import msgspec

from devtools.introspection.elements import EMPTY, Element, ElementKind, Structure

Elements = list[Element]
Identifiers = list[str]


class Graph:
    """The links of one `Structure` in both directions, built once. The same for the running app and for a snapshot."""

    def __init__(self, structure: Structure = EMPTY) -> None:
        self.structure = structure
        self.by_id: dict[str, Element] = {element.id: element for element in structure.elements}

    def get(self, identifier: str, kind: ElementKind | None = None) -> Element | None:
        """The element with this id, if it is of this kind."""
        element = self.by_id.get(identifier) or self._answering(identifier)
        return element if element is not None and kind in (None, element.kind) else None

    def _answering(self, identifier: str) -> Element | None:
        """The route that answers where none has this method: the one for GET answers HEAD, the one for any method the rest."""
        method, space, path = identifier.partition(" ")
        if not space or not path.startswith("/"):
            return None
        for other in ("GET", "ANY") if method == "HEAD" else ("ANY",):
            if (found := self.by_id.get(f"{other} {path}")) is not None:
                return found
        return None

    def list(self, kind: ElementKind | None = None, id_includes: str | None = None) -> Elements:
        """Elements of a kind (all without one) whose id holds the text, by kind and id."""
        return [
            element
            for element in self.structure.elements
            if (kind is None or element.kind is kind) and (id_includes is None or id_includes in element.id)
        ]

    def resolve(self, identifiers: Iterable[str]) -> Elements:
        """The elements with these ids, in the given order, unknown ones left out."""
        return [self.by_id[identifier] for identifier in identifiers if identifier in self.by_id]

    def matching(self, identifier: str) -> Identifiers:
        """Known ids that equal the text or end with `.text`: what an id filter stands for."""
        suffix = f".{identifier}"
        return [known for known in self.by_id if known == identifier or known.endswith(suffix)]

    def listened_to_by(self, event_id: str) -> Elements:
        """Hooks of an event by order, then id, with those of every event (`*`)."""
        hooks = [*self._listeners.get(event_id, ()), *self._listeners.get("*", ())]
        return sorted(hooks, key=lambda hook: (hook.order or 0, hook.id))

    def emitted_by(self, event_id: str) -> Elements:
        """Elements that emit an event."""
        return self._emitters.get(event_id, [])

    def used_by(self, identifier: str) -> Elements:
        """Elements that depend on this one."""
        return self._dependents.get(identifier, [])

    def thrown_by(self, error_id: str) -> Elements:
        """Elements that throw an error."""
        return self._throwers.get(error_id, [])

    def wrapped_by(self, middleware_id: str) -> Elements:
        """Elements that carry a middleware."""
        return self._wrapped.get(middleware_id, [])

    def registered_by(self, resource_id: str) -> Elements:
        """Elements that a resource registers."""
        return self._registered.get(resource_id, [])

    def overriders(self, identifier: str) -> Elements:
        """Elements that override this one; more than one is a conflict."""
        return self._overriders.get(identifier, [])

    def overridden_by(self, identifier: str) -> Element | None:
        """The element that overrides this one."""
        return next(iter(self.overriders(identifier)), None)

    def tagged(self, tag_id: str) -> Elements:
        """Elements that carry a tag."""
        return self._tagged.get(tag_id, [])

    def reading_context(self, context_id: str) -> Elements:
        """Elements that read an async context."""
        return self._readers.get(context_id, [])

    def providing_context(self, context_id: str) -> Elements:
        """Elements that set an async context."""
        return self._providers.get(context_id, [])

    def models_of(self, table: str) -> Identifiers:
        """The resources that say in their configuration that they stand for this table, whatever the case of its name.

        Of several classes in one table, the one that the others build on.
        """
        name = table.casefold()
        schema, _, bare = name.rpartition(".")
        return self._models.get(name) or self._models.get(bare if schema in _DEFAULT_SCHEMAS else "", [])

    def _reverse(self, attribute: str) -> dict[str, Elements]:
        links: defaultdict[str, Elements] = defaultdict(list)
        for element in self.structure.elements:
            for target in getattr(element, attribute):
                links[target if isinstance(target, str) else target.id].append(element)
        return dict(links)

    @cached_property
    def _models(self) -> dict[str, Identifiers]:
        tables: defaultdict[str, Elements] = defaultdict(list)
        for element in self.list(ElementKind.resource):
            table = _table_of(element.config)
            if table is not None:
                tables[table.casefold()].append(element)
        return {table: _bases(models) for table, models in tables.items()}

    @cached_property
    def _listeners(self) -> dict[str, Elements]:
        return self._reverse("events")

    @cached_property
    def _emitters(self) -> dict[str, Elements]:
        return self._reverse("emits")

    @cached_property
    def _dependents(self) -> dict[str, Elements]:
        return self._reverse("depends_on")

    @cached_property
    def _throwers(self) -> dict[str, Elements]:
        return self._reverse("throws")

    @cached_property
    def _wrapped(self) -> dict[str, Elements]:
        return self._reverse("middleware")

    @cached_property
    def _overriders(self) -> dict[str, Elements]:
        return self._reverse("overrides")

    @cached_property
    def _tagged(self) -> dict[str, Elements]:
        return self._reverse("tags")

    @cached_property
    def _readers(self) -> dict[str, Elements]:
        return self._reverse("contexts")

    @cached_property
    def _providers(self) -> dict[str, Elements]:
        return self._reverse("provides")

    @cached_property
    def _registered(self) -> dict[str, Elements]:
        links: defaultdict[str, Elements] = defaultdict(list)
        for element in self.structure.elements:
            if element.registered_by is not None:
                links[element.registered_by].append(element)
        return dict(links)


_DEFAULT_SCHEMAS = frozenset({"public", "main", "dbo"})
"""Of PostgreSQL, SQLite and SQL Server: what statements may write and models leave out."""


class _Configured(msgspec.Struct, frozen=True):
    table: str | None = None


def _table_of(config: str | None) -> str | None:
    """The table that inspectors of models write into the configuration."""
    if config is None or '"table"' not in config:
        return None
    try:
        return msgspec.json.decode(config, type=_Configured).table
    except (msgspec.DecodeError, UnicodeError):  # of any resource it may be anything
        return None


def _bases(models: Elements) -> Identifiers:
    ids = {model.id for model in models}
    bases = [model.id for model in models if ids.isdisjoint(set(model.depends_on) - {model.id})]
    return bases or sorted(ids)
