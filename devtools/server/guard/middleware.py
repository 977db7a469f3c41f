"""The guard: first in our stack for every route of ours, HTTP and WebSocket alike, before anything is parsed.

The application wraps itself once: `Guard(app, policies=..., settings=..., credentials=...)`. What a route needs is a row of the
table in `policy`; a path without a row is answered 404. Inner layers find what was granted in `scope["devtools.access"]`.
"""

import logging
import traceback
from collections.abc import Iterable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from devtools.errors import UnauthenticatedError
from devtools.server.credentials import Credentials, TooManyFailuresError, bearer_token
from devtools.server.guard.clients import REMOTE_TOKEN_LENGTH, check_access, is_loopback
from devtools.server.guard.exchange import ERROR_CLOSE, FAILED, Exchange, Socket, too_large
from devtools.server.guard.headers import Refusal, RequestHeaders
from devtools.server.guard.hosts import Authority, Names, own_origin, parse_host, parse_origin, shown
from devtools.server.guard.policy import (
    ADMITTED,
    OPEN,
    WEBSOCKET,
    Access,
    Granted,
    Policies,
    Resolution,
    RoutePolicy,
)
from devtools.settings import Settings, variable

ACCESS_KEY = "devtools.access"
"""The key of the scope under which inner layers find what was granted."""
HEADERS_KEY = "devtools.headers"
"""The key of the scope of a request under which they find its headers, as `RequestHeaders`."""

logger = logging.getLogger("devtools.server")


class Guard:
    """Pure ASGI middleware that lets in what the table allows, and secures every answer.

    `mounted`: we live inside an app that chose its own address, so refusals name the keyword of `mount`, not the command's option.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        policies: Policies | Iterable[RoutePolicy],
        settings: Settings,
        credentials: Credentials,
        mounted: bool = False,
    ) -> None:
        check_access(settings)
        self._app = app
        self._policies = policies if isinstance(policies, Policies) else Policies(policies)
        self._names = Names(settings)
        self._remote = settings.allow_remote and settings.auth is not None
        self._credentials = credentials
        self._remote_switch = "mount(app, allow_remote=True)" if mounted else "--allow-remote"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: everything but HTTP and WebSocket (the lifespan) passes."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = RequestHeaders(scope)
        accept = headers.get(b"accept") or ""
        resolution = self._policies.resolve(route_path(scope), scope["method"], accept)
        policy = resolution.policy
        origin = self._names.configured_origin(headers.get(b"origin"))
        plain = "text/html" in accept if policy is None else policy.access is Access.PAGE
        exchange = Exchange(receive, send, policy, plain=plain, origin=origin)
        try:
            self._admit(scope, headers, resolution)
            if origin and scope["method"] == "OPTIONS" and headers.get(b"access-control-request-method"):
                await exchange.allow_preflight(", ".join(resolution.methods))
                return
            policy = _routed(resolution)
            granted = self._authorise(scope, headers, policy)
            _check_body(headers, policy)
        except Refusal as refusal:
            await exchange.refuse(refusal)
            return
        await self._run_http({**scope, ACCESS_KEY: granted, HEADERS_KEY: headers}, exchange)

    async def _run_http(self, scope: Scope, exchange: Exchange) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            return
        except Exception:
            # An answer that has begun cannot be mended: the server must break the connection, or half is taken for the whole.
            if exchange.started and not exchange.finished and not exchange.answered:
                raise
            self._log_failure(scope)
            await exchange.refuse(Refusal(500, FAILED))
            return
        if not exchange.started and not exchange.disconnected:
            logger.error("No answer was given to %s %s.", scope["method"], ascii(route_path(scope)))
            await exchange.refuse(Refusal(500, FAILED))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = RequestHeaders(scope)
        resolution = self._policies.resolve(route_path(scope), WEBSOCKET)
        limit = 0 if resolution.policy is None else resolution.policy.body_limit
        socket = Socket(scope, receive, send, limit)
        try:
            self._admit(scope, headers, resolution)
            policy = _routed(resolution)
            subprotocols = _offered(scope, policy)
            granted = self._authorise_handshake(scope, headers, policy)
        except Refusal as refusal:
            await socket.deny(refusal)
            return
        inner = {**scope, "subprotocols": subprotocols, ACCESS_KEY: granted}
        try:
            await self._app(inner, socket.receive, socket.send)
        except Exception:
            self._log_failure(scope)
            if socket.accepted:
                await socket.close(ERROR_CLOSE, FAILED)
            elif not socket.closed:
                await socket.deny(Refusal(500, FAILED))

    def _admit(self, scope: Scope, headers: RequestHeaders, resolution: Resolution) -> None:
        """What holds for every path, known or not: our name, a client that may reach us, a page that may call us."""
        host = self._check_host(headers)
        self._check_client(scope)
        if self._is_foreign(scope, headers, host, resolution.policy):
            raise Refusal(
                403,
                f"A page of another site may not use this server (Origin {shown(headers.get(b'origin') or 'not sent')}). "
                f"If that page is yours, add its origin to allowed_origins ({variable('allowed_origins')}).",
            )

    def _check_host(self, headers: RequestHeaders) -> Authority:
        value = headers.get(b"host")
        if value is None:
            raise Refusal(421, "The request names no host. Send one Host header with a name of this server.")
        host = parse_host(value)
        if host is None or not self._names.knows(host):
            raise Refusal(
                421,
                f"Host {shown(value)} is not a name of this server. Open it as localhost; if the name is yours, "
                f"add it to allowed_hosts ({variable('allowed_hosts')}).",
            )
        return host

    def _check_client(self, scope: Scope) -> None:
        if not self._remote and not is_loopback(client_address(scope)):
            raise Refusal(
                403,
                "Only clients on this machine are answered. To let others in: "
                f"{self._remote_switch} ({variable('allow_remote')}=1), with a token of at least {REMOTE_TOKEN_LENGTH} characters.",
            )

    def _is_foreign(
        self, scope: Scope, headers: RequestHeaders, host: Authority, policy: RoutePolicy | None
    ) -> bool:
        """Whether a browser says that a page of another site asks. Other clients say nothing and are judged by their token."""
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if self._names.configured_origin(origin) is not None or _is_navigation(scope, headers, policy):
            return False
        if origin == "null":
            return True
        if site is not None:
            return site not in {"same-origin", "none"}
        return origin is not None and parse_origin(origin) != own_origin(scope.get("scheme", "http"), host)

    def _authorise(self, scope: Scope, headers: RequestHeaders, policy: RoutePolicy) -> Granted:
        client = client_address(scope)
        if policy.access in OPEN:
            return Granted("none", "", client)
        try:
            granted = self._credentials.check(bearer_token(headers.get(b"authorization")), client)
        except TooManyFailuresError as error:
            raise Refusal(429, str(error), [(b"retry-after", b"%d" % error.retry_after)]) from None
        except UnauthenticatedError as error:
            raise Refusal(401, str(error), [(b"www-authenticate", b"Bearer")]) from None
        if granted.scope not in ADMITTED[policy.access]:
            needed = " or ".join(sorted(ADMITTED[policy.access]))
            raise Refusal(
                403, f"The {granted.actor} does not open this address: it needs one that may {needed}."
            )
        return Granted("read", granted.actor, client) if policy.access is Access.READ else granted

    def _authorise_handshake(self, scope: Scope, headers: RequestHeaders, policy: RoutePolicy) -> Granted:
        """The token of the handshake when it has one; browsers cannot send it and name it in `connection_init`."""
        if headers.get(b"authorization") is None and self._credentials.required:
            return Granted("none", "", client_address(scope))
        return self._authorise(scope, headers, policy)

    def _log_failure(self, scope: Scope) -> None:
        """Log the exception being handled, without our tokens; the query string stays out."""
        what = scope.get("method", WEBSOCKET)
        details = self._credentials.conceal(traceback.format_exc())
        logger.error("%s %s failed inside DevTools.\n%s", what, ascii(route_path(scope)), details)


def route_path(scope: Scope) -> str:
    """The path below the mount, as Starlette's router sees it; the mount itself is `/`."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    return path or "/"


def client_address(scope: Scope) -> str:
    """The caller's address; empty when the server does not know it (a Unix socket), which is not this machine for sure."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_navigation(scope: Scope, headers: RequestHeaders, policy: RoutePolicy | None) -> bool:
    """A link or bookmark opened as a page of its own: harmless, as the page carries no data and cannot be framed."""
    return (
        policy is not None
        and policy.access is Access.PAGE
        and scope.get("method") == "GET"
        and headers.get(b"sec-fetch-mode") == "navigate"
        and headers.get(b"sec-fetch-dest") == "document"
    )


def _routed(resolution: Resolution) -> RoutePolicy:
    if resolution.policy is not None:
        return resolution.policy
    methods = [method for method in resolution.methods if method != WEBSOCKET]
    if not methods:
        raise Refusal(404, "There is nothing at this address.")
    allowed = ", ".join(methods)
    raise Refusal(405, f"This address answers {allowed} alone.", [(b"allow", allowed.encode())])


def _offered(scope: Scope, policy: RoutePolicy) -> list[str]:
    """The subprotocols that we speak, of those the client offers."""
    spoken = [name for name in scope.get("subprotocols", ()) if name in policy.subprotocols]
    if policy.subprotocols and not spoken:
        raise Refusal(
            403, f"This WebSocket speaks {', '.join(policy.subprotocols)} alone. Ask for it as subprotocol."
        )
    return spoken


def _check_body(headers: RequestHeaders, policy: RoutePolicy) -> None:
    if policy.content_types:
        kind = (headers.get(b"content-type") or "").partition(";")[0].strip().lower()
        if kind not in policy.content_types:
            raise Refusal(
                415, f"The body must be {' or '.join(policy.content_types)}: say so in Content-Type."
            )
        encoding = (headers.get(b"content-encoding") or "identity").strip().lower()
        if encoding not in {"identity", *policy.encodings}:
            raise Refusal(415, "This Content-Encoding is not understood here: send the body as it is.")
    length = headers.get(b"content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise Refusal(400, "Content-Length must be one whole number.")
    if int(length) > policy.body_limit:
        raise too_large(policy.body_limit)
