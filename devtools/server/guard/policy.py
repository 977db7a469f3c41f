"""Which routes of ours exist and who may use them: data, read by the guard. A route without a row is answered 404."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import msgspec

from devtools.server.guard.headers import EDITOR, STRICT
from devtools.settings import Limits

GrantedScope = Literal["none", "read", "write", "ingest"]

WEBSOCKET = "WEBSOCKET"
"""Stands among the methods of a row that is a WebSocket."""

GRAPHQL_PROTOCOL = "graphql-transport-ws"
JSON = "application/json"

_PATTERN = re.compile(r"/(?:[A-Za-z0-9._-]+/)*(?:[A-Za-z0-9._-]+|\{path\})?")
_ODD_SEGMENT = re.compile(r"(?:^|/)(?:\.{0,2}(?:/|$))|[\\\x00-\x1f\x7f]")
"""Empty, `.` and `..` segments, backslashes and control characters: never part of a file's name here."""


class Access(Enum):
    """Who may use a route."""

    PAGE = "page"
    """A static page or script: it carries no data, loads without a token, and a link on another site may lead to it."""
    LIVENESS = "liveness"
    """Says that we run, and nothing else. No token."""
    READ = "read"
    """A read or write token; whichever it is, nothing may be changed through this route."""
    GRAPHQL = "graphql"
    """A read or write token; what may be changed is decided later, from the granted scope."""
    WRITE = "write"
    """The write token alone."""
    INGEST = "ingest"
    """The ingest key or the write token."""


OPEN = frozenset({Access.PAGE, Access.LIVENESS})
ADMITTED: dict[Access, frozenset[GrantedScope]] = {
    Access.READ: frozenset({"read", "write"}),
    Access.GRAPHQL: frozenset({"read", "write"}),
    Access.WRITE: frozenset({"write"}),
    Access.INGEST: frozenset({"ingest", "write"}),
}


class Granted(msgspec.Struct, frozen=True):
    """What the caller may do; inner layers find it in `scope["devtools.access"]`.

    `none`: a page, liveness, or a WebSocket whose token has not come yet. `client` is the address, as `Credentials.check` wants it.
    """

    scope: GrantedScope
    actor: str
    client: str

    @property
    def reads(self) -> bool:
        """May see data."""
        return self.scope in {"read", "write"}

    @property
    def writes(self) -> bool:
        """May change data."""
        return self.scope == "write"


@dataclass(frozen=True, kw_only=True)
class RoutePolicy:
    """One row of the table. `path` is exact, or ends in `{path}`, which stands for one or more plain segments.

    `methods`: GET covers HEAD. `accept`: the row holds only for requests whose Accept names this type; rows are tried in order.
    `body_limit`: bytes of an HTTP body, or of one WebSocket message; 0 = no body.
    """

    path: str
    methods: tuple[str, ...]
    access: Access
    content_types: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()
    body_limit: int = 0
    accept: str | None = None
    subprotocols: tuple[str, ...] = ()
    content_security: str = STRICT

    def __post_init__(self) -> None:
        if not _PATTERN.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is not a route: use '/a/b' or '/a/{{path}}'.")
        if not self.methods or not all(method.isupper() for method in self.methods):
            raise ValueError(f"{self.path}: methods cannot be {self.methods!r}; name them in upper case.")

    @property
    def prefix(self) -> str | None:
        """What stands before `{path}`, or None for an exact path."""
        return self.path.removesuffix("{path}") if self.path.endswith("{path}") else None

    def covers(self, path: str) -> bool:
        """Whether this row is about `path`."""
        prefix = self.prefix
        if prefix is None:
            return path == self.path
        rest = path[len(prefix) :]
        return path.startswith(prefix) and rest != "" and not _ODD_SEGMENT.search(rest)

    def fits(self, method: str, accept: str) -> bool:
        """Whether this row is about a request with this method and Accept header."""
        wanted = "GET" if method == "HEAD" else method
        return wanted in self.methods and (self.accept is None or self.accept in accept.lower())


@dataclass(frozen=True)
class Resolution:
    """The row for a request, and the methods known at its path (none = no such path)."""

    policy: RoutePolicy | None
    methods: tuple[str, ...]


class Policies:
    """The table, asked once per request."""

    def __init__(self, rows: Iterable[RoutePolicy]) -> None:
        self.rows = tuple(rows)
        self._exact = {row.path: self._about(row.path) for row in self.rows if row.prefix is None}

    def resolve(self, path: str, method: str, accept: str = "") -> Resolution:
        """The first row that fits."""
        rows, methods = self._exact.get(path) or self._about(path)
        for row in rows:
            if row.fits(method, accept):
                return Resolution(row, methods)
        return Resolution(None, methods)

    def _about(self, path: str) -> tuple[tuple[RoutePolicy, ...], tuple[str, ...]]:
        """The rows about a path, and the methods that they name."""
        rows = tuple(row for row in self.rows if row.covers(path))
        return rows, tuple(sorted({method for row in rows for method in row.methods}))


def core_policies(limits: Limits) -> tuple[RoutePolicy, ...]:
    """The rows of the routes that every DevTools serves; further routes add theirs."""
    graphql = tuple(
        row
        for path in ("/graphql", "/graphql/")
        for row in (
            RoutePolicy(path=path, methods=("GET",), access=Access.PAGE, accept="text/html"),
            RoutePolicy(path=path, methods=("GET",), access=Access.READ),
            RoutePolicy(
                path=path,
                methods=("POST",),
                access=Access.GRAPHQL,
                content_types=(JSON,),
                body_limit=limits.body_bytes,
            ),
            RoutePolicy(
                path=path,
                methods=(WEBSOCKET,),
                access=Access.GRAPHQL,
                subprotocols=(GRAPHQL_PROTOCOL,),
                body_limit=limits.message_bytes,
            ),
        )
    )
    return (
        RoutePolicy(path="/", methods=("GET",), access=Access.PAGE),
        RoutePolicy(path="/graphiql", methods=("GET",), access=Access.PAGE, content_security=EDITOR),
        RoutePolicy(path="/assets/{path}", methods=("GET",), access=Access.PAGE),
        RoutePolicy(path="/static/{path}", methods=("GET",), access=Access.PAGE),
        RoutePolicy(path="/health", methods=("GET",), access=Access.LIVENESS),
        *graphql,
    )
