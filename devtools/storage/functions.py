"""Tests that SQLite has no equal words for, as functions of the connection: the code that the rings use. Called by the driver."""

from peewee import SqliteDatabase

from devtools.telemetry.context import mark_own
from devtools.telemetry.filters import is_like, json_at

LIKE_FUNCTION = "devtools_like"
JSON_FUNCTION = "devtools_json"


def register(database: SqliteDatabase) -> None:
    """Give every connection of the database these functions, and mark it as ours."""
    mark_own(database)
    database.register_function(_like, LIKE_FUNCTION, 2, deterministic=True)
    database.register_function(_json, JSON_FUNCTION, 3, deterministic=True)


def _like(text: object, pattern: str) -> bool:
    return isinstance(text, str) and is_like(text, pattern)


def _json(text: object, path: str, wanted: str) -> bool:
    return isinstance(text, str) and json_at(text, path.split(".")) == wanted
