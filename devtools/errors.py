"""Every error this package raises. Each has a stable `code`; the message says what failed, with which value, and what to do.

DevToolsError                INTERNAL
├── ValidationError          VALIDATION_ERROR     a value that cannot be used; names `field` and `value`
├── NotFoundError            NOT_FOUND            no such row; names operation, kind and id
├── ConflictError            CONFLICT             two things that cannot both be: a second start, a stale version
├── BusyError                BUSY                 locked by another; try again
├── ConstraintError          CONSTRAINT           the database refused a row
├── UnavailableError         UNAVAILABLE          the store or the app is not there now
├── MigrationError           MIGRATION_ERROR      the schema is behind, ahead, or a step failed
├── FeatureDisabledError     FEATURE_DISABLED     switched off; names the switch, or says it is never offered
├── LimitExceededError       LIMIT_EXCEEDED       larger, deeper or more than allowed
├── UnauthenticatedError     UNAUTHENTICATED      no or wrong token
└── ForbiddenError           FORBIDDEN            the token may not do this
"""

from typing import ClassVar

OF_THE_APP = Exception, SystemExit
"""What code of the app may raise where it is imported or looked at, which must end nothing but that look."""


class DevToolsError(Exception):
    """Base of every error this package raises.

    `extensions` is what GraphQL and JSON answers carry beside the message.
    """

    code: ClassVar[str] = "INTERNAL"

    @property
    def extensions(self) -> dict[str, object]:
        """The stable code, and what else a program needs to react."""
        return {"code": self.code}


class ValidationError(DevToolsError, ValueError):
    """A value that cannot be used."""

    code = "VALIDATION_ERROR"

    def __init__(self, message: str, *, field: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.field = field
        self.value = value

    @property
    def extensions(self) -> dict[str, object]:
        """The code, the field and a short form of the value."""
        shown = self.value if isinstance(self.value, str | int | float | bool | None) else repr(self.value)
        if isinstance(shown, str) and len(shown) > 200:
            shown = shown[:200] + "…"
        return {"code": self.code, "field": self.field, "value": shown}


class NotFoundError(DevToolsError, LookupError):
    """No such row. The message says where the ones that there are can be seen."""

    code = "NOT_FOUND"
    _LISTED: ClassVar = {
        "snapshot": "`devtools snapshots list` or the query `snapshots` lists them.",
        "declared task": "The query `tasks` lists them.",
        "declared event": "The query `events` lists them.",
    }

    def __init__(self, operation: str, kind: str, identifier: object) -> None:
        listed = self._LISTED.get(kind, "")
        super().__init__(f"{operation}: there is no {kind} {identifier!r}. {listed}".rstrip())
        self.kind = kind
        self.identifier = identifier


class ConflictError(DevToolsError):
    """Two things that cannot both be."""

    code = "CONFLICT"


class BusyError(DevToolsError):
    """Locked by another; try again."""

    code = "BUSY"


class ConstraintError(DevToolsError):
    """The database refused a row."""

    code = "CONSTRAINT"


class UnavailableError(DevToolsError):
    """The store or the app is not there now."""

    code = "UNAVAILABLE"


class MigrationError(DevToolsError):
    """The schema is behind, ahead, or a step failed."""

    code = "MIGRATION_ERROR"


class FeatureDisabledError(DevToolsError):
    """Switched off, or never offered."""

    code = "FEATURE_DISABLED"


class LimitExceededError(DevToolsError):
    """Larger, deeper or more than allowed."""

    code = "LIMIT_EXCEEDED"


class UnauthenticatedError(DevToolsError):
    """No token, or a wrong one."""

    code = "UNAUTHENTICATED"


class ForbiddenError(DevToolsError):
    """The token may not do this."""

    code = "FORBIDDEN"
