"""Where the data is: reads the setting `database` in all its forms and finds the driver. Called by the store."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from devtools.errors import ValidationError

DRIVERS: dict[str, str] = {"sqlite": "devtools.storage.sqlite:Sqlite"}
"""Scheme to the class that opens it, imported where used. A database is added here."""

MEMORY = ":memory:"
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_CREDENTIALS = re.compile(r"://[^/@]*@")


@dataclass(frozen=True)
class Target:
    """One database: the scheme of its driver, and what that driver needs to find it."""

    scheme: str
    location: str
    """For SQLite the path as given, or `:memory:`."""


def parse(database: str | Path | Mapping[str, Any]) -> Target:  # Any: driver options are open
    """The target that the setting means: a URL, a path with any suffix, or `{"driver": …, "options": {…}}`.

    Raises ValidationError naming field, value and what is supported.
    """
    if isinstance(database, Mapping):
        return _from_mapping(database)
    text = str(database).strip()
    match = _SCHEME.match(text)
    if match is None:
        return Target("sqlite", _path(str(Path(text).expanduser()) if text else "", text))
    scheme = match[1].lower()
    _known(scheme, text)
    rest = text[match.end() :]
    if not rest.startswith("/") or "?" in rest or "#" in rest:
        raise ValidationError(
            f"database cannot be {shown(text)!r}: write sqlite:///relative.db or sqlite:////absolute.db, "
            "without a host and without a query.",
            field="database",
            value=shown(text),
        )
    return Target(scheme, _path(unquote(rest[1:]), text))


def driver(target: Target) -> type[Any]:  # Any: the driver's class, imported by name
    """The class that opens the target."""
    module, _, name = DRIVERS[target.scheme].partition(":")
    return getattr(import_module(module), name)


def is_kept(database: str | Path | Mapping[str, Any] | None) -> bool:  # Any: driver options are open
    """Whether the setting means something that outlives the process. Raises ValidationError as `parse` does."""
    return database is not None and parse(database).location != MEMORY


def shown(url: str) -> str:
    """A URL without its credentials."""
    return _CREDENTIALS.sub("://***@", url)


def _from_mapping(database: Mapping[str, Any]) -> Target:  # Any: checked here
    unknown = set(database) - {"driver", "options"}
    options = database.get("options", {})
    if unknown or not isinstance(options, Mapping) or set(options) - {"file_path"}:
        names = ", ".join(
            sorted(map(str, unknown or (options if isinstance(options, Mapping) else ["options"])))
        )
        raise ValidationError(
            f'database does not know {names}. Write {{"driver": "sqlite", "options": {{"file_path": "…"}}}}.',
            field="database",
            value=names,
        )
    scheme = str(database.get("driver", "")).lower()
    _known(scheme, scheme)
    return Target(scheme, _path(str(options.get("file_path", "")), scheme))


def _known(scheme: str, value: str) -> None:
    if scheme not in DRIVERS:
        raise ValidationError(
            f"database cannot be {shown(value)!r}: there is no driver {scheme!r}. Supported: {', '.join(DRIVERS)}.",
            field="database",
            value=shown(value),
        )


def _path(path: str, value: str) -> str:
    if not path or "\0" in path:
        raise ValidationError(
            f"database cannot be {value!r}: the path of the file is missing. Write sqlite:///name.db.",
            field="database",
            value=value,
        )
    return path
