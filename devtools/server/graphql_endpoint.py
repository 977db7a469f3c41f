"""The GraphQL endpoint: HTTP by https://graphql.github.io/graphql-over-http/draft/, subscriptions by server-sent events, WebSocket.

Operations run whole in worker threads, but for those that take less time than that (`graphql/brief.py`); of the others, only
subscriptions touch the app's event loop.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, Literal

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from devtools.errors import DevToolsError
from devtools.graphql import http
from devtools.graphql.executor import ServerStops, execute, is_known_brief, names_mutation, subscribe
from devtools.graphql.services import Request, Services
from devtools.server.credentials import Credentials, token_from_payload
from devtools.server.graphql_ws import Connection, Payload, Run
from devtools.server.guard.middleware import ACCESS_KEY, HEADERS_KEY
from devtools.server.guard.policy import Granted
from devtools.telemetry.threads import Threads

PATHS = frozenset({"/graphql", "/graphql/"})
"""Both are answered, without a redirect from one to the other."""
ACCESS: dict[str, Literal["read", "write"]] = {"read": "read", "write": "write"}
"""What an operation may do by what the guard granted. Who was granted anything else runs none."""
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(StreamingResponse):
    """Events, the first of which has come: once a client sees that its stream begins, nothing escapes it."""

    def __init__(self, events: AsyncGenerator[bytes], first: bytes) -> None:
        self.events = events
        super().__init__(self._from(first), headers=STREAM_HEADERS, media_type=http.EVENTS)

    async def _from(self, first: bytes) -> AsyncGenerator[bytes]:
        yield first
        async for event in self.events:
            yield event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. The client may be gone before the first event is sent: then nobody else would end what it follows."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.events.aclose()


class GraphQLEndpoint:
    """One address, three protocols. An ASGI app: a router and a response object would be a tenth of a small operation."""

    def __init__(self, services: Services, credentials: Credentials, threads: Threads) -> None:
        self.services = services
        self.credentials = credentials
        self.limits = services.settings.limits
        self.threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: a request or a WebSocket that the guard has let in."""
        if scope["type"] == "websocket":
            await self.socket(WebSocket(scope, receive, send))
            return
        found = await (self.post(scope, receive) if scope["method"] == "POST" else self.get(scope))
        if isinstance(found, Response):
            await found(scope, receive, send)
        else:
            await _send(found, send)

    async def get(self, scope: Scope) -> http.Answer | Response:
        """A browser goes to GraphiQL; others may ask and subscribe, and change nothing."""
        granted: Granted = scope[ACCESS_KEY]
        request = HttpRequest(scope)
        if not granted.reads:
            # Without a token the guard lets nobody in but a browser that opens the address as a page.
            return RedirectResponse("../graphiql" if request.url.path.endswith("/") else "graphiql", 307)
        asked = http.parse_get(request.query_params, scope[HEADERS_KEY].get(b"accept"))
        if isinstance(asked, http.Operation) and await self.threads.run(
            partial(names_mutation, asked.query, asked.operation_name, self.limits)
        ):
            return http.not_by_get()
        return await self._answer(granted, asked)

    async def post(self, scope: Scope, receive: Receive) -> http.Answer | Response:
        """Run one operation."""
        header = scope[HEADERS_KEY].get
        asked = http.parse_post(await _body(receive), header(b"content-type"), header(b"accept"), self.limits)
        return await self._answer(scope[ACCESS_KEY], asked)

    async def _answer(self, granted: Granted, asked: http.Operation | http.Answer) -> http.Answer | Response:
        if isinstance(asked, http.Answer):
            return asked
        operation = self._request(granted)
        if asked.media_type == http.EVENTS:
            events = _events(
                self._results(operation, Payload(asked.query, asked.operation_name, asked.variables))
            )
            return EventStream(events, await anext(events, b""))
        run = partial(execute, operation, asked.query, asked.variables, asked.operation_name)
        at_once = is_known_brief(asked.query) and self.services.is_at_hand
        return http.respond(run() if at_once else await self.threads.run(run), asked.media_type)

    async def socket(self, socket: WebSocket) -> None:
        """Speak graphql-transport-ws."""
        granted: Granted = socket.scope[ACCESS_KEY]

        def authorize(payload: Any) -> Run | None:  # Any: JSON
            allowed = granted
            if allowed.scope == "none":
                try:
                    allowed = self.credentials.check(token_from_payload(payload), granted.client)
                except DevToolsError:
                    return None
            return partial(self._results, self._request(allowed)) if allowed.reads else None

        connection = Connection(
            socket,
            authorize,
            subscriptions=self.limits.subscriptions,
            message_bytes=self.limits.message_bytes,
        )
        await connection.serve(self.services.subscribers.until_stopped)

    def _request(self, granted: Granted) -> Request:
        return Request(self.services, ACCESS[granted.scope], granted.actor, granted.client)

    def _results(self, operation: Request, asked: Payload) -> AsyncGenerator[bytes]:
        """One result for a query or mutation, one per batch for a subscription."""
        return subscribe(
            operation, asked.query, asked.variables, asked.operation_name, in_thread=self.threads.run
        )


async def _body(receive: Receive) -> bytes:
    """The whole body; the guard counts it. Raises ClientDisconnect."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(answer: http.Answer, send: Send) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _events(results: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Results as the "distinct connections mode" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md"""
    async with aclosing(results):
        try:
            async for result in results:
                yield b"event: next\ndata: " + result + b"\n\n" if result else b":\n\n"
        except ServerStops:
            return  # not complete: a client that goes on elsewhere knows it by that
    yield b"event: complete\ndata:\n\n"
