"""One HTTP answer and one WebSocket as the guard sees them: what comes in is counted, what goes out carries our headers."""

from collections.abc import Iterable

from starlette.types import Message, Receive, Scope, Send

from devtools.server.guard.headers import STRICT, Refusal, secured
from devtools.server.guard.policy import Access, RoutePolicy

TOO_LARGE_CLOSE = 1009
POLICY_CLOSE = 1008
ERROR_CLOSE = 1011
MAX_REASON = 120
"""A close frame carries 125 bytes, two of them the code (RFC 6455, 5.5)."""

FAILED = "This request failed inside DevTools. The server's log says why."


class Exchange:
    """Wraps `receive` and `send` of one HTTP request. After `answered` nothing of the inner layers reaches the client."""

    def __init__(
        self, receive: Receive, send: Send, policy: RoutePolicy | None, *, plain: bool, origin: str | None
    ) -> None:
        self._receive = receive
        self._send = send
        self._policy = policy
        self._plain = plain
        self._origin = origin
        self._limit = 0 if policy is None else policy.body_limit
        self._received = 0
        self.started = False
        self.finished = False
        self.answered = False
        self.disconnected = False

    async def receive(self) -> Message:
        """The next part of the body. One byte over the limit is answered 413, and the inner layers see a client that left."""
        if self.answered:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.disconnected = True
        elif message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limit:
                await self.refuse(too_large(self._limit))
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on, secured. A failure that is not told as JSON (a text, a traceback page) is told by us instead."""
        if self.answered:
            return
        if message["type"] == "http.response.start":
            if message["status"] >= 500 and not _is_json(message):
                await self.refuse(Refusal(500, FAILED))
                return
            self.started = True
            message = {**message, "headers": self._secured(message["status"], message.get("headers", ()))}
        elif message["type"] == "http.response.body":
            self.finished = not message.get("more_body", False)
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer in place of the inner layers; where they have begun to answer, only end the request."""
        self.answered = True
        if self.started:
            return
        self.started = True
        headers, body = refusal.render(plain=self._plain)
        await self._send(
            {
                "type": "http.response.start",
                "status": refusal.status,
                "headers": self._secured(refusal.status, headers),
            }
        )
        await self._send({"type": "http.response.body", "body": body})

    async def allow_preflight(self, methods: str) -> None:
        """Answer the preflight of a configured origin."""
        self.answered = True
        headers = self._secured(204, ())
        headers += [
            (b"access-control-allow-methods", methods.encode()),
            (b"access-control-allow-headers", b"authorization, content-type, last-event-id"),
        ]
        await self._send({"type": "http.response.start", "status": 204, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    def _secured(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        policy = self._policy
        return secured(
            headers,
            content_security=STRICT if policy is None else policy.content_security,
            storable=policy is not None and policy.access is Access.PAGE and status < 400,
            origin=self._origin,
        )


class Socket:
    """Wraps `receive` and `send` of one WebSocket that was let in."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = limit
        self._connected = False
        self.accepted = False
        self.closed = False

    async def receive(self) -> Message:
        """The next message. One byte over the limit closes the socket, and the inner layers see a client that left."""
        if self.closed:
            return {"type": "websocket.disconnect", "code": TOO_LARGE_CLOSE}
        message = await self._receive()
        if message["type"] == "websocket.connect":
            self._connected = True
        elif message["type"] == "websocket.disconnect":
            self.closed = True
        elif _size(message, self._limit) > self._limit:
            await self.close(TOO_LARGE_CLOSE, f"A message may have {self._limit} bytes.")
            return {"type": "websocket.disconnect", "code": TOO_LARGE_CLOSE}
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on; nothing after the close."""
        if self.closed:
            return
        if message["type"] == "websocket.accept":
            self.accepted = True
        elif message["type"] == "websocket.close":
            self.closed = True
        elif message["type"] == "websocket.http.response.start":
            self._start_denial(message)
        elif message["type"] == "websocket.http.response.body":
            self.closed = not message.get("more_body", False)
        await self._send(message)

    async def close(self, code: int, reason: str) -> None:
        """Close an accepted socket, once."""
        if not self.closed:
            self.closed = True
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def deny(self, refusal: Refusal) -> None:
        """Answer the handshake with a status where the server can, else close it (which servers tell as 403)."""
        if not self._connected and (await self._receive())["type"] != "websocket.connect":
            return
        if "websocket.http.response" not in self._scope.get("extensions", {}):
            await self.close(POLICY_CLOSE, refusal.message[:MAX_REASON].encode("ascii", "replace").decode())
            return
        headers, body = refusal.render(plain=False)
        await self.send(
            {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers}
        )
        await self.send({"type": "websocket.http.response.body", "body": body})

    def _start_denial(self, message: Message) -> None:
        message["headers"] = secured(
            message.get("headers", ()), content_security=STRICT, storable=False, origin=None
        )


def too_large(limit: int) -> Refusal:
    """The refusal of a body over `limit` bytes. The connection ends with it: the rest of the body is not read."""
    return Refusal(
        413,
        f"The body is larger than {limit} bytes. Send less, or raise the limit in the settings.",
        [(b"connection", b"close")],
    )


def _is_json(message: Message) -> bool:
    for name, value in message.get("headers", ()):
        if name.lower() == b"content-type":
            return b"json" in value.lower()
    return False


def _size(message: Message, limit: int) -> int:
    data: bytes | None = message.get("bytes")
    if data is not None:
        return len(data)
    text: str = message.get("text") or ""
    # A character has one to four bytes: only a text near the limit has to be encoded.
    return len(text.encode("utf-8", "surrogatepass")) if len(text) <= limit < 4 * len(text) else len(text)
