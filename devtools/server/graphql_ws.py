"""GraphQL over WebSocket, protocol graphql-transport-ws: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

One `Connection` per socket. The guard has checked host, origin and subprotocol before it gets here.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from devtools.graphql.executor import ServerStops

logger = logging.getLogger("devtools")

SUBPROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT = 5.0
"""Seconds a client has to send `connection_init`."""


class CloseCode:
    """Close codes of the protocol, and two of RFC 6455."""

    GOING_AWAY = 1001
    TOO_BIG = 1009
    INVALID_MESSAGE = 4400
    UNAUTHORIZED = 4401
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429


class Payload(msgspec.Struct, rename="camel"):
    """What a `subscribe` message asks for."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None  # Any: JSON
    extensions: dict[str, Any] | None = None  # Any: JSON


class Incoming(msgspec.Struct):
    """A message of the client."""

    type: Literal["connection_init", "ping", "pong", "subscribe", "complete"]
    id: str | None = None
    payload: msgspec.Raw = msgspec.Raw()


Run = Callable[[Payload], AsyncGenerator[bytes]]
"""Run one operation: a JSON execution result for every value of a subscription, one for a query."""
Authorize = Callable[[Any], Run | None]  # Any: the JSON payload of connection_init
"""Check the payload of `connection_init`; what operations run with, or None when refused."""


class Closed(Exception):
    """The socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """One socket and its running operations."""

    def __init__(
        self, socket: WebSocket, authorize: Authorize, *, subscriptions: int, message_bytes: int
    ) -> None:
        self.socket = socket
        self.authorize = authorize
        self.subscriptions = subscriptions
        self.message_bytes = message_bytes
        self.run: Run | None = None
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.sending = asyncio.Lock()

    async def serve(self, stopped: Callable[[], Any]) -> None:  # Any: a coroutine
        """Speak the protocol until the client leaves, breaks it, or `stopped()` returns."""
        await self.socket.accept(SUBPROTOCOL)
        receiving = asyncio.ensure_future(self._receive_all())
        stopping = asyncio.ensure_future(stopped())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                receiving.result()
            else:
                raise Closed(CloseCode.GOING_AWAY, "The server stops")
        except Closed as closed:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.close(closed.code, closed.reason)
        except WebSocketDisconnect:
            pass
        finally:
            await _cancel(receiving, stopping, *self.operations.values())

    async def _receive_all(self) -> None:
        try:
            async with asyncio.timeout(INIT_TIMEOUT):
                while self.run is None:
                    await self._handle(await self._receive())
        except TimeoutError:
            raise Closed(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout") from None
        while True:
            await self._handle(await self._receive())

    async def _receive(self) -> Incoming:
        try:
            text = await self.socket.receive_text()
        except KeyError:
            raise Closed(CloseCode.INVALID_MESSAGE, "Messages must be text") from None
        if len(text) > self.message_bytes or len(text.encode()) > self.message_bytes:
            raise Closed(CloseCode.TOO_BIG, f"A message may hold {self.message_bytes} bytes")
        try:
            return msgspec.json.decode(text, type=Incoming)
        except (msgspec.DecodeError, UnicodeError):
            raise Closed(CloseCode.INVALID_MESSAGE, "Invalid message") from None

    async def _handle(self, message: Incoming) -> None:
        if message.type == "connection_init":
            await self._init(message)
        elif message.type == "ping":
            await self._send(b'{"type":"pong"}')
        elif message.type == "subscribe":
            await self._subscribe(message)
        elif message.type == "complete":
            await _cancel(*filter(None, [self.operations.pop(message.id or "", None)]))

    async def _init(self, message: Incoming) -> None:
        if self.run is not None:
            raise Closed(CloseCode.TOO_MANY_INITS, "Too many initialisation requests")
        run = self.authorize(_json(message.payload))
        if run is None:
            raise Closed(CloseCode.UNAUTHORIZED, "Unauthorized")
        self.run = run
        await self._send(b'{"type":"connection_ack"}')

    async def _subscribe(self, message: Incoming) -> None:
        if self.run is None:
            raise Closed(CloseCode.UNAUTHORIZED, "Unauthorized")
        identifier = message.id
        if not identifier:
            raise Closed(CloseCode.INVALID_MESSAGE, "A subscribe message needs an id")
        if identifier in self.operations:
            raise Closed(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {identifier[:50]} already exists")
        try:
            payload = msgspec.json.decode(message.payload, type=Payload)
        except msgspec.DecodeError:
            raise Closed(CloseCode.INVALID_MESSAGE, "Invalid payload of a subscribe message") from None
        if len(self.operations) >= self.subscriptions:
            await self._send(_refusal(identifier, self.subscriptions))
            return
        self.operations[identifier] = asyncio.ensure_future(self._operate(self.run, identifier, payload))

    async def _operate(self, run: Run, identifier: str, payload: Payload) -> None:
        try:
            await self._send_results(run, identifier, payload)
        except ServerStops:
            pass  # no `complete`: the socket is closed with a code that says so
        except Exception:
            logger.exception("A subscription failed.")
            await self._send(
                _error(identifier, "Internal error; the log of the server says more.", "INTERNAL")
            )
        finally:
            self.operations.pop(identifier, None)

    async def _send_results(self, run: Run, identifier: str, payload: Payload) -> None:
        name = msgspec.json.encode(identifier)
        async with contextlib.aclosing(run(payload)) as results:
            async for result in results:
                if not result:
                    continue  # the server itself pings
                if result.startswith(b'{"errors":'):
                    # The operation failed before it ran: the protocol has a message of its own for that, and it ends the operation.
                    errors = msgspec.json.decode(result, type=dict[str, msgspec.Raw])["errors"]
                    await self._send(b'{"id":%b,"type":"error","payload":%b}' % (name, bytes(errors)))
                    return
                await self._send(b'{"id":%b,"type":"next","payload":%b}' % (name, result))
        self.operations.pop(identifier, None)  # the client may use the id again at once
        await self._send(b'{"id":%b,"type":"complete"}' % name)

    async def _send(self, message: bytes) -> None:
        """One text frame: browsers cannot read binary ones as JSON."""
        async with self.sending:
            with contextlib.suppress(WebSocketDisconnect):
                await self.socket.send_text(message.decode())


def _json(raw: msgspec.Raw) -> Any:  # Any: JSON
    if not bytes(raw):
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None


def _refusal(identifier: str, limit: int) -> bytes:
    message = (
        f"This socket has {limit} operations, as many as limits.subscriptions allows. Complete one first."
    )
    return _error(identifier, message, "LIMIT_EXCEEDED")


def _error(identifier: str, message: str, code: str) -> bytes:
    error = {"message": message, "extensions": {"code": code}}
    return msgspec.json.encode({"id": identifier, "type": "error", "payload": [error]})


async def _cancel(*tasks: "asyncio.Task[Any] | asyncio.Future[Any]") -> None:  # Any: whatever they return
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
