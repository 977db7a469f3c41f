"""Headers of every answer of ours, and the bodies of the guard's refusals."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]

STRICT = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
EDITOR = (
    STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    + "; font-src 'self' data:; worker-src 'self'"
)
"""GraphiQL's editor writes style elements, inlines a font and starts workers; no other page may."""

_FIXED: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
_REPLACED = {name for name, _ in _FIXED} | {b"content-security-policy", b"server", b"x-powered-by"}
_CORS = b"access-control-"
_CACHING = b"cache-control"

CODES = {
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    413: "LIMIT_EXCEEDED",
    429: "LIMIT_EXCEEDED",
    500: "INTERNAL",
}
"""The stable code of a refusal; where nothing stands here, 421 and 403 are FORBIDDEN and the rest VALIDATION_ERROR."""


@dataclass(eq=False)
class Refusal(Exception):
    """The guard says no: the status, what to do, and headers that belong to the status."""

    status: int
    message: str
    headers: RawHeaders = field(default_factory=lambda: RawHeaders())

    @property
    def code(self) -> str:
        """The stable code in the body."""
        return CODES.get(self.status, "FORBIDDEN" if self.status in {403, 421} else "VALIDATION_ERROR")

    def render(self, *, plain: bool) -> tuple[RawHeaders, bytes]:
        """Headers and body: one line of text for pages, the shape of a GraphQL error for everything else."""
        if plain:
            body, kind = f"{self.status} {self.message}\n".encode(), b"text/plain; charset=utf-8"
        else:
            error = {"message": self.message, "extensions": {"code": self.code}}
            body, kind = json.dumps({"errors": [error]}).encode(), b"application/json"
        return [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *self.headers], body


class RequestHeaders:
    """The headers of one request. A repeated header reads as its values joined by commas, which no check below accepts."""

    def __init__(self, scope: Scope) -> None:
        found: dict[bytes, bytes] = {}
        for raw, value in scope["headers"]:
            name = raw.lower()
            found[name] = found[name] + b"," + value if name in found else value
        self._found = found

    def get(self, name: bytes) -> str | None:
        """The value, or None when the header is missing. `name` is lower case."""
        value = self._found.get(name)
        return None if value is None else value.decode("latin-1")


def secured(
    headers: Iterable[tuple[bytes, bytes]], *, content_security: str, storable: bool, origin: str | None
) -> RawHeaders:
    """The headers of an answer with ours in place of whatever was set before.

    `storable` leaves the caching to the page; all else is never stored. `origin` is a configured origin that may read the answer.
    """
    kept = [
        (name, value)
        for name, value in headers
        if (lower := name.lower()) not in _REPLACED
        and (storable or lower != _CACHING)
        and not lower.startswith(_CORS)
    ]
    if not (storable and any(name.lower() == _CACHING for name, _ in kept)):
        kept.append((_CACHING, b"no-store"))
    kept.append((b"content-security-policy", content_security.encode()))
    kept.extend(_FIXED)
    if origin is not None:
        kept.extend([(b"access-control-allow-origin", origin.encode()), (b"vary", b"Origin")])
    return kept
