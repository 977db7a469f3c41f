"""Our own application: pages, GraphQL and liveness, behind the guard. Everything it does is marked as our own work."""

from collections.abc import Awaitable

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, Router

from devtools.graphql.services import Services
from devtools.server.credentials import Credentials
from devtools.server.graphql_endpoint import PATHS, GraphQLEndpoint
from devtools.server.guard.middleware import Guard, route_path
from devtools.server.guard.policy import core_policies
from devtools.server.pages import find_web_directory, page_routes
from devtools.sources.asgi_types import ASGIApp, Message, Receive, Scope, Send
from devtools.telemetry.context import internal, own_work
from devtools.telemetry.threads import Threads


async def health(_: Request) -> Response:
    """Liveness: we answer. No data."""
    return JSONResponse({"status": "ok"})


def routes() -> list[BaseRoute]:
    """Every route of ours but GraphQL. Each needs a row in the guard's table, or it answers 404."""
    return [*page_routes(find_web_directory()), Route("/health", health, methods=["GET"])]


def application(
    services: Services, credentials: Credentials, threads: Threads, *, mounted: bool = True
) -> ASGIApp:
    """Our ASGI application, to be called with `root_path` set to where it is mounted. Operations run in `threads`."""
    graphql = GraphQLEndpoint(services, credentials, threads)
    router = ExceptionMiddleware(Router(routes(), redirect_slashes=False))

    async def below_the_mount(scope: Scope, receive: Receive, send: Send) -> None:
        path = None if scope["type"] == "lifespan" else route_path(scope)
        if path in PATHS:
            await graphql(scope, receive, send)
        elif path == "/" and not scope["path"].endswith("/"):
            # Relative links on the page need the slash.
            last = scope["path"].rpartition("/")[2]
            await RedirectResponse(f"{last}/", 307)(scope, receive, send)
        else:
            await router(scope, receive, send)

    guarded = Guard(
        below_the_mount,
        policies=core_policies(services.settings.limits),
        settings=services.settings,
        credentials=credentials,
        mounted=mounted,
    )

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        is_within = internal.get()

        def to_server(message: Message) -> Awaitable[None]:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            return _send_last(send, message, is_within) if is_last else send(message)

        with own_work():
            await guarded(scope, receive, to_server)

    return served


async def _send_last(send: Send, message: Message, is_within: bool) -> None:
    """Send it as no work of ours: servers begin the connection's next request, the app's perhaps, inside of this."""
    token = internal.set(is_within)
    try:
        await send(message)
    finally:
        internal.reset(token)
