"""What a diff is made of. Plain values; nothing here knows where a structure came from."""

import enum
from typing import Any

import msgspec

from devtools.introspection.elements import AppInfo, ElementKind


class ChangeKind(enum.Enum):
    """What happened to an element."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Severity(enum.Enum):
    """What a change of an interface does to those who use it, the worst first."""

    BREAKING = "breaking"
    DANGEROUS = "dangerous"
    SAFE = "safe"


SEVERITIES = tuple(Severity)


class FieldChange(msgspec.Struct, frozen=True):
    """One field of an element, as it was and as it is, in plain JSON values."""

    name: str
    old: Any  # Any: JSON
    new: Any  # Any: JSON


class ElementChange(msgspec.Struct, frozen=True, kw_only=True):
    """One element that came, went or is another now. `fields` is empty unless it changed."""

    change: ChangeKind
    id: str
    kind: ElementKind
    fields: tuple[FieldChange, ...] = ()


class SdlChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the app's GraphQL schema."""

    severity: Severity
    code: str
    message: str


class OpenApiChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the app's OpenAPI document."""

    severity: Severity
    code: str
    location: str
    """Where in the interface: `GET /orders parameter query limit`, `Order.total`."""
    message: str
    operations: tuple[str, ...] = ()
    """What it touches: one change of a shared schema may touch many operations."""


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between two structures. Each list is sorted, worst first where there is a worst."""

    old: AppInfo
    new: AppInfo
    entries: tuple[ElementChange, ...] = ()
    sdl: tuple[SdlChange, ...] = ()
    openapi: tuple[OpenApiChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.entries or self.sdl or self.openapi)
