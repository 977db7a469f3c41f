"""What of Django stands without a request: apps, models with fields and relations, databases. Called by the inspector of Django."""

import datetime
import decimal
import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from devtools.introspection import naming
from devtools.introspection.elements import ElementKind
from devtools.introspection.inspectors import Found, loaded, masked
from devtools.introspection.inspectors.columns import Column, table_schema

KINDS: Mapping[str, type[Any]] = {
    "Integer": int,
    "Auto": int,
    "Boolean": bool,
    "Float": float,
    "Decimal": decimal.Decimal,
    "DateTime": datetime.datetime,
    "Date": datetime.date,
    "Time": datetime.time,
    "Duration": datetime.timedelta,
    "UUID": uuid.UUID,
    "Char": str,
    "Text": str,
    "Email": str,
    "Slug": str,
    "URL": str,
    "File": str,
    "Image": str,
    "IPAddress": str,
    "Binary": bytes,
}
"""What the name of a field's type holds, and the Python type; the first that is in it."""


def inspect(apps: Any, found: Found) -> None:
    """Add the databases, apps and models of a registry of apps. Any: Django is not typed here."""
    databases = _databases(found)
    for config in apps.get_app_configs():
        _app(config, found)
    models = sorted(apps.get_models(include_auto_created=True), key=naming.element_id)
    for model in models:
        found.recognise(model, naming.element_id(model))
    for model in models:
        _model(model, databases, found)


def _databases(found: Found) -> list[str]:
    connections: Any = naming.attribute(loaded("django.db"), "connections")
    settings = naming.mapping(naming.attribute(connections, "settings"))
    identifiers: list[str] = []
    for alias, options in sorted(settings.items()):
        told = naming.mapping(options)
        if not told.get("ENGINE") or str(told["ENGINE"]).endswith(".dummy"):
            continue
        said = {
            name: str(told[name.upper()])
            for name in ("engine", "host", "port", "name")
            if told.get(name.upper())
        }
        identifier = f"django.db.{alias}"
        found.describe(ElementKind.resource, identifier, None, title=f"Database {alias}", config=masked(said))
        identifiers.append(identifier)
    return identifiers


def _app(config: Any, found: Found) -> None:
    kind = naming.kind_of(config)
    found.describe(
        ElementKind.resource,
        config.name,
        kind if found.own.defines(kind) else None,
        title=str(config.verbose_name),
        framework=not found.own.holds(sys.modules.get(config.name)),
        has_ready="ready" in vars(kind),
    )


def _model(model: Any, databases: list[str], found: Found) -> None:
    meta = model._meta
    identifier = naming.element_id(model)
    relations = dict(_relations(meta))
    parents = [naming.element_id(parent) for parent in meta.parents]
    config: dict[str, Any] = {"table": meta.db_table}
    if relations:
        config["relationships"] = relations
    title, description = naming.documentation(model)
    if (title or "").startswith(f"{model.__name__}("):  # Django writes one where there is none
        title = description = None
    found.describe(
        ElementKind.resource,
        identifier,
        model,
        title=title or str(meta.verbose_name),
        description=description,
        schema=table_schema(_column(field) for field in meta.concrete_fields),
        config=masked(config),
        framework=not found.own.defines(model),
        registered_by=meta.app_config.name,
    )
    only = databases if len(databases) == 1 else []
    found.link(identifier, depends_on=(*parents, *relations.values(), *only))


def _relations(meta: Any) -> Iterator[tuple[str, str]]:
    """Field and model of every relation that the model itself declares."""
    for field in (*meta.local_fields, *meta.local_many_to_many):
        target = naming.attribute(field, "related_model")
        if isinstance(target, type):
            yield field.name, naming.element_id(target)


def _column(field: Any) -> Column:
    target = naming.attribute(field, "target_field")
    related: Any = naming.attribute(naming.attribute(field, "related_model"), "_meta")
    type_name = str((target or field).get_internal_type())
    notes = ["primary key"] if field.primary_key else []
    notes += ["unique"] if field.unique and not field.primary_key else []
    notes += ["indexed"] if field.db_index and not field.unique else []
    notes += (
        [f"references {related.db_table}.{target.column}"]
        if related is not None and target is not None
        else []
    )
    length = field.max_length
    return Column(
        name=field.attname,
        kind=next((kind for name, kind in KINDS.items() if name in type_name), None),
        type_name=type_name,
        is_required=not (field.null or field.blank or field.has_default() or field.primary_key),
        is_nullable=bool(field.null),
        max_length=length if isinstance(length, int) else None,
        notes=tuple(notes),
    )
