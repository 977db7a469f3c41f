"""`python -m examples.shop`: the shop on 127.0.0.1:$PORT (8000), its customers unless TRAFFIC=0, and a link to devtools."""

import asyncio
import errno
import logging
import os
import socket
import subprocess
import sys

import uvicorn

from devtools.server.pages import find_web_directory
from examples.shop.app import app, devtools

HOST = "127.0.0.1"
GRACE_S = 1


class ShopServer(uvicorn.Server):
    """Says where it is when it is there, and brings its customers along."""

    def __init__(self, config: uvicorn.Config, base_url: str, *, traffic: bool) -> None:
        super().__init__(config)
        self.base_url = base_url
        self.traffic = traffic
        self.customers: subprocess.Popen[bytes] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then invite."""
        await super().startup(sockets)
        if not self.started:
            return
        if self.traffic:
            self.customers = invite(self.base_url)
        print(devtools.link(self.base_url) if devtools.enabled else self.base_url, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send the customers home, then close."""
        if self.customers is not None:
            self.customers.kill()
            await asyncio.to_thread(self.customers.wait)
        await super().shutdown(sockets)


def invite(base_url: str) -> subprocess.Popen[bytes]:
    """Start the customers, in a process that ends when ours does."""
    command = [sys.executable, "-m", "examples.shop.traffic", base_url]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own module


def listen(port: int) -> socket.socket:
    """A socket on the port. Ends the process where it is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "in use" if error.errno == errno.EADDRINUSE else "not yours to use"
        sys.exit(f"Port {port} is {why}. Choose another one: PORT={port + 1}")
    return listening


def read_port() -> int:
    """The port that PORT names."""
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        sys.exit(f"PORT cannot be {text!r}: it must be a number from 0 to 65535.")
    return int(text)


def configure_logging(*, traffic: bool) -> None:
    """Print what the shop logs; with traffic that is too much to read here, and devtools has it all."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        if traffic:
            handler.addFilter(lambda record: record.levelno >= logging.WARNING and not _is_shop(record.name))


def _is_shop(name: str) -> bool:
    return name.startswith("examples.shop")


def main() -> None:
    """Run the shop until it is told to stop."""
    traffic = os.environ.get("TRAFFIC", "1") != "0"
    listening = listen(read_port())
    configure_logging(traffic=traffic)
    if devtools.enabled and find_web_directory() is None:
        print(
            "The web files are not built: devtools shows plain pages. Build them with `make web`.", flush=True
        )
    base_url = f"http://{HOST}:{listening.getsockname()[1]}"
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S)
    try:
        ShopServer(config, base_url, traffic=traffic).run(sockets=[listening])
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
