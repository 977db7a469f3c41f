"""SQLAlchemy: engines, session makers, mapped classes and tables as resources, linked as foreign keys and relationships link them.

Mappers are read as they are. They are never configured from here: that fails for good while a model that another names by text has
not been imported yet. Nothing is connected to.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from devtools.errors import OF_THE_APP
from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.columns import Column, table_schema


def inspect(_: Any, found: Found) -> None:  # Any: any app; SQLAlchemy keeps its own lists
    """Describe what SQLAlchemy keeps for the app's own modules."""
    engines = loaded("sqlalchemy.engine")
    if engines is None:
        return
    inspection = Inspection(found)
    inspection.engines(engines)
    orm = loaded("sqlalchemy.orm")
    mappers: list[Any] = []
    if orm is not None:
        inspection.sessions(orm)
        mappers = _mappers(found)
    inspection.tables(mappers)


def _mappers(found: Found) -> list[Any]:
    """The mappers of classes in own modules, by the class's name. Any: SQLAlchemy is not typed here."""
    registries: Iterable[Any] = getattr(loaded("sqlalchemy.orm.mapper"), "_mapper_registries", ())
    mappers: list[Any] = [mapper for registry in tuple(registries) for mapper in registry.mappers]
    own = [mapper for mapper in mappers if found.own.defines(mapper.class_)]
    return sorted(own, key=lambda mapper: naming.element_id(mapper.class_))


class Inspection:
    """One look at what SQLAlchemy knows."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.ids: dict[str, str] = {}
        """Element by full name of the table."""

    # Engines and sessions

    def engines(self, module: Any) -> None:
        """Engines that own modules hold."""
        asynchronous: Any = loaded("sqlalchemy.ext.asyncio")
        kinds = (module.Engine, *((asynchronous.AsyncEngine,) if asynchronous is not None else ()))
        for name, engine in self.found.of(*kinds):
            self._engine(engine, name)

    def _engine(self, engine: Any, name: str) -> str:
        """The element of an engine; one that somebody else holds too keeps its first name."""
        plain = naming.attribute(engine, "sync_engine") or engine
        known = self.found.id_of(engine) or self.found.id_of(plain)
        if known is None:
            known = name
            config = {
                "dialect": plain.dialect.name,
                "driver": plain.dialect.driver,
                "url": plain.url.render_as_string(hide_password=True),
                "pool": type(plain.pool).__name__,
            }
            self.found.describe_global(
                ElementKind.resource,
                name,
                engine,
                title=f"{plain.dialect.name} engine",
                config=masked(config),
            )
        self.found.recognise(engine, known)
        self.found.recognise(plain, known)
        return known

    def sessions(self, orm: Any) -> None:
        """Session makers that own modules hold, each with the engines it is bound to."""
        asynchronous: Any = loaded("sqlalchemy.ext.asyncio")
        makers = [orm.sessionmaker, *((asynchronous.async_sessionmaker,) if asynchronous is not None else ())]
        for name, maker in self.found.of(*makers):
            self._session(name, maker, maker.kw)
        for name, scoped in self.found.of(orm.scoped_session):
            self._session(name, scoped, naming.mapping(naming.attribute(scoped.session_factory, "kw")))

    def _session(self, name: str, maker: Any, keywords: Mapping[str, Any]) -> None:
        bound = [keywords.get("bind"), *dict(keywords.get("binds") or {}).values()]
        engines = [
            self._engine(engine, f"{name}.bind") for engine in bound if naming.attribute(engine, "dialect")
        ]
        options = {key: value for key, value in keywords.items() if isinstance(value, bool | int | str)}
        self.found.describe_global(
            ElementKind.resource,
            name,
            maker,
            title="Session maker",
            depends_on=tuple(dict.fromkeys(engines)),
            config=masked(options),
        )

    # Tables and mapped classes

    def tables(self, mappers: list[Any]) -> None:
        """Every mapped class, and every table that no class is mapped to."""
        tables = self._tables(mappers)
        for mapper in mappers:
            if mapper.inherits is None or mapper.inherits.local_table is not mapper.local_table:
                self.ids.setdefault(_full_name(mapper.local_table), naming.element_id(mapper.class_))
        plain = {name: table for name, table in tables.items() if name not in self.ids}
        for name, table in plain.items():
            self.ids[name] = self.found.own.name_of(table, f"table {name}")
        for mapper in mappers:
            self._mapped(mapper)
        for name, table in plain.items():
            self._plain(self.ids[name], table)
        for name, table in tables.items():
            self.found.recognise(table, self.ids[name])

    def _tables(self, mappers: list[Any]) -> dict[str, Any]:
        """Tables by full name: those of own modules' metadata and of mapped classes."""
        collections = [metadata for _, metadata in self.found.own.of(loaded("sqlalchemy").MetaData)]
        collections += [mapper.registry.metadata for mapper in mappers]
        found = {
            _full_name(table): table for metadata in collections for table in tuple(metadata.tables.values())
        }
        return dict(sorted(found.items()))

    def _mapped(self, mapper: Any) -> None:
        """A mapped class. It may not be the only one of its table: single-table inheritance."""
        mapped = mapper.class_
        identifier = naming.element_id(mapped)
        relationships = dict(self._relationships(mapper))
        config: dict[str, Any] = {"table": _full_name(mapper.local_table)}
        if relationships:
            config["relationships"] = relationships
        base = [naming.element_id(mapper.inherits.class_)] if mapper.inherits is not None else []
        others = [*base, *self._referenced(mapper.local_table), *relationships.values()]
        self.found.describe(
            ElementKind.resource,
            identifier,
            mapped,
            schema=table_schema(_column(column, attribute) for attribute, column in _columns(mapper)),
            config=masked(config),
        )
        self.found.link(identifier, depends_on=others)
        self.found.recognise(mapped, identifier)

    def _plain(self, identifier: str, table: Any) -> None:
        self.found.describe_global(
            ElementKind.resource,
            identifier,
            table,
            title=f"Table {_full_name(table)}",
            schema=table_schema(_column(column, column.name) for column in table.columns),
            config=masked({"table": _full_name(table)}),
        )
        self.found.link(identifier, depends_on=self._referenced(table))

    def _referenced(self, table: Any) -> Iterator[str]:
        """Elements of the tables that foreign keys of this one name."""
        names = {_target(key).rpartition(".")[0] for key in naming.attribute(table, "foreign_keys") or ()}
        return (self.ids[name] for name in sorted(names) if name in self.ids)

    def _relationships(self, mapper: Any) -> Iterator[tuple[str, str]]:
        """Attribute and element of each relationship that can be told without configuring mappers."""
        kind = loaded("sqlalchemy.orm").RelationshipProperty
        for name, member in sorted(mapper._props.items()):
            target = _related(member) if isinstance(member, kind) else None
            if isinstance(target, str):
                target = next(
                    (
                        other.class_
                        for other in mapper.registry.mappers
                        if other.class_.__name__ == target.rpartition(".")[2]
                    ),
                    None,
                )
            if target is not None:
                yield name, naming.element_id(target)


def _columns(mapper: Any) -> list[tuple[str, Any]]:
    """The column of each attribute. With joined-table inheritance a key has one in each table: the class's own stands for both."""
    found: dict[str, Any] = {}
    for attribute, column in mapper.columns.items():
        if attribute not in found or naming.attribute(column, "table") is mapper.local_table:
            found[attribute] = column
    return sorted(found.items())


def _related(relationship: Any) -> Any:
    """What a relationship leads to: a class, or its name; None where only a call would tell."""
    target: Any = naming.members(relationship).get("entity") or relationship.argument
    for name in ("class_", "entity"):
        target = naming.attribute(target, name) or target
    return target if isinstance(target, str | type) else None


def _full_name(table: Any) -> str:
    return str(naming.attribute(table, "fullname") or naming.attribute(table, "name"))


def _target(key: Any) -> str:
    """`customers.id`, which a foreign key names; the table may not be there yet."""
    with suppress(*OF_THE_APP):
        return key.target_fullname
    return ""


def _column(column: Any, name: str) -> Column:
    kind: Any = None
    with suppress(*OF_THE_APP):  # many types have no Python type
        kind = column.type.python_type
    kind, type_name = kind if isinstance(kind, type) else None, type(column.type).__name__
    if not isinstance(column, loaded("sqlalchemy.schema").Column):
        return Column(name, kind, type_name, notes=("computed",))  # `column_property`
    notes = ["primary key"] if column.primary_key else []
    notes += ["unique"] if column.unique else []
    notes += ["indexed"] if column.index else []
    notes += sorted(f"references {_target(key)}" for key in naming.attribute(column, "foreign_keys") or ())
    has_value = column.default is not None or column.server_default is not None or column.primary_key
    length = naming.attribute(column.type, "length")
    return Column(
        name=name,
        kind=kind,
        type_name=type_name,
        is_required=not column.nullable and not has_value,
        is_nullable=bool(column.nullable),
        max_length=length if isinstance(length, int) else None,
        notes=tuple(notes),
    )
