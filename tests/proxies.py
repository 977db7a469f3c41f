"""A reverse proxy for tests: takes a prefix off the path, or keeps it, and passes bytes both ways, WebSockets and streams too."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator


class Proxy:
    """One prefix in front of one server. What is not below the prefix is 404."""

    def __init__(self, upstream: int, prefix: str, *, strips: bool) -> None:
        self.upstream = upstream
        self.prefix = prefix
        self.strips = strips
        self.port = 0
        self.exchanges: set[asyncio.Task[None]] = set()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    async def serve(self, up: threading.Event, end: asyncio.Event) -> None:
        server = await asyncio.start_server(self._exchange, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        up.set()
        await end.wait()
        server.close()
        for exchange in self.exchanges:
            exchange.cancel()
        await asyncio.gather(*self.exchanges)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = asyncio.current_task()
        assert exchange is not None
        self.exchanges.add(exchange)
        # Cancelled at the end, which is no failure: streams of asyncio make a noise of it otherwise.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._pass_both_ways(reader, writer)
        await _close(writer)
        self.exchanges.discard(exchange)

    async def _pass_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = self._forwarded(await reader.readuntil(b"\r\n\r\n"))
        if head is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nproxy")
            return
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        asking = asyncio.create_task(_pass_on(reader, upstream_writer))
        try:
            upstream_writer.write(head)
            await _pass_on(upstream_reader, writer)
        finally:
            asking.cancel()
            await _close(upstream_writer)

    def _forwarded(self, head: bytes) -> bytes | None:
        """The head of the request for the server behind: one request a connection, as most proxies do unless told otherwise."""
        request_line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, path, version = request_line.split(" ")
        if not f"{path.partition('?')[0]}/".startswith(f"{self.prefix}/"):
            return None
        path = path.removeprefix(self.prefix) if self.strips else path
        upgrades = any(line.lower().startswith("upgrade:") for line in lines)
        kept = [line for line in lines if upgrades or not line.lower().startswith("connection:")]
        more = ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", f"X-Forwarded-Prefix: {self.prefix}"]
        if not upgrades:
            more.append("Connection: close")
        return "\r\n".join([f"{method} {path or '/'} {version}", *kept, *more, "", ""]).encode("latin-1")


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


@contextlib.contextmanager
def proxied(upstream: int, prefix: str, *, strips: bool) -> Iterator[Proxy]:
    """A proxy in a thread, ended at the end."""
    proxy, up = Proxy(upstream, prefix, strips=strips), threading.Event()
    loop, end = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=_run, args=(loop, proxy.serve(up, end)), name="proxy")
    thread.start()
    try:
        assert up.wait(10)
        yield proxy
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)


def _run(loop: asyncio.AbstractEventLoop, work) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work)
