"""What wraps every request: its time and its customer. Plain ASGI."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples.shop.customers import COOKIE, identify

logger = logging.getLogger(__name__)

SLOW_MS = 500


class RequestTiming:
    """Tells the client how long its answer took, and the log when that was long."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                duration_ms = (time.perf_counter() - started) * 1000
                MutableHeaders(scope=message)["server-timing"] = f"app;dur={duration_ms:.1f}"
                if duration_ms > SLOW_MS:
                    logger.warning("%s %s took %.0f ms", scope["method"], scope["path"], duration_ms)
            await send(message)

        await self.app(scope, receive, send_timed)


class CustomerIdentification:
    """Knows the customer of each request; who is new gets a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = identify(headers.get("x-customer", ""), headers.get("cookie", ""))

        async def send_known(message: Message) -> None:
            if message["type"] == "http.response.start" and name.startswith("guest-"):
                MutableHeaders(scope=message).append(
                    "set-cookie", f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax"
                )
            await send(message)

        await self.app(scope, receive, send_known)
