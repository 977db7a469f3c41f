"""Peewee: the app's databases and models as resources, columns as schema, foreign keys as links. Our own tables are left out."""

import datetime
import decimal
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.columns import Column, table_schema

KINDS: Mapping[str, type[Any]] = {
    "Timestamp": datetime.datetime,
    "Integer": int,
    "Auto": int,
    "Identity": int,
    "Boolean": bool,
    "Float": float,
    "Double": float,
    "Decimal": decimal.Decimal,
    "DateTime": datetime.datetime,
    "Date": datetime.date,
    "Time": datetime.time,
    "UUID": uuid.UUID,
    "Char": str,
    "Text": str,
    "Blob": bytes,
    "JSON": dict,
}
"""What the name of a field's class holds, and the Python type; the first that is in it."""


def inspect(_: Any, found: Found) -> None:  # Any: any app; Peewee's classes know their subclasses
    """Describe the models that own modules define, and the databases that they hold."""
    peewee: Any = loaded("peewee")
    if peewee is None:
        return
    _databases(found, peewee)
    models = {naming.element_id(model): model for model in _models(peewee.Model) if found.own.defines(model)}
    for identifier, model in sorted(models.items()):
        found.recognise(model, identifier)
    for identifier, model in sorted(models.items()):
        if not _is_base(model):
            _model(found, identifier, model)


def _databases(found: Found, peewee: Any) -> None:
    proxies = found.of(peewee.Proxy)
    for name, database in (*found.of(peewee.Database), *proxies):
        real = naming.attribute(database, "obj") if (name, database) in proxies else database
        told = naming.mapping(naming.attribute(real, "connect_params"))
        said: dict[str, Any] = {"type": type(real).__name__, "database": naming.attribute(real, "database")}
        said |= {option: told[option] for option in ("host", "port") if option in told}
        config = masked({option: value for option, value in said.items() if isinstance(value, int | str)})
        found.describe_global(
            ElementKind.resource, name, database, title=f"Database {name.rpartition('.')[2]}", config=config
        )
        if real is not None:
            found.recognise(real, name)


def _models(base: Any) -> Iterator[Any]:
    """Every class of models, each once."""
    waiting, seen = [base], {base}
    for kind in waiting:
        for subclass in kind.__subclasses__():
            if subclass not in seen:
                seen.add(subclass)
                waiting.append(subclass)
                yield subclass


def _is_base(model: Any) -> bool:
    """Whether a class only gives others their options: Peewee has put a key into it, and nothing else is there."""
    fields = tuple(model._meta.fields.values())
    return bool(model.__subclasses__()) and all(type(field).__name__ == "AutoField" for field in fields)


def _model(found: Found, identifier: str, model: Any) -> None:
    meta = model._meta
    relations = {
        name: naming.element_id(target)
        for name, field in meta.fields.items()
        if isinstance(target := naming.attribute(field, "rel_model"), type)
    }
    config: dict[str, Any] = {"table": meta.table_name}
    if relations:
        config["relationships"] = relations
    title, description = naming.documentation(model)
    found.describe(
        ElementKind.resource,
        identifier,
        model,
        title=title,
        description=description,
        schema=table_schema(_column(field) for field in meta.sorted_fields),
        config=masked(config),
    )
    database = found.id_of(meta.database)
    found.link(identifier, depends_on=(*relations.values(), *([database] if database is not None else [])))


def _column(field: Any) -> Column:
    related: Any = naming.attribute(field, "rel_model")
    target: Any = naming.attribute(field, "rel_field") if isinstance(related, type) else None
    type_name = type(target or field).__name__
    notes = ["primary key"] if field.primary_key else []
    notes += ["unique"] if field.unique else []
    notes += ["indexed"] if field.index and not field.unique else []
    if target is not None:
        notes.append(f"references {naming.attribute(related, '_meta').table_name}.{target.column_name}")
    length = naming.attribute(field, "max_length")
    return Column(
        name=naming.attribute(field, "object_id_name") or field.name,
        kind=next((kind for name, kind in KINDS.items() if name in type_name), None),
        type_name=type_name,
        is_required=not field.null and field.default is None and not field.primary_key,
        is_nullable=bool(field.null),
        max_length=length if isinstance(length, int) else None,
        notes=tuple(notes),
    )
