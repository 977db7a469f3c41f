"""A real Chromium on a real server. What the machine lacks is a skip with its reason, or a failure with DEVTOOLS_TEST_REQUIRE=1."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from devtools.server.pages import find_web_directory
from tests.machine import lacking

HERE = Path(__file__).parent
TOKEN = "browser-test-token-of-more-than-32-characters"
PATH = "/x/devtools"
DEADLINE = 60.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


expect.set_options(timeout=DEADLINE * 1000)


@dataclass
class Server:
    """The test app under uvicorn. It keeps its port when it is stopped and started again."""

    environment: dict[str, str] = field(default_factory=dict[str, str])
    reserved: socket.socket = field(default_factory=socket.socket)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        # Bound and never listening: nobody else is given the port while the server is down.
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return self.reserved.getsockname()[1]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, page: str = "", *, token: bool = True) -> str:
        """The address of one of our pages."""
        return f"{self.origin}{PATH}/{page}{f'#token={TOKEN}' if token else ''}"

    def start(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        environment = os.environ | {"DEVTOOLS_TOKEN": TOKEN, "DEVTOOLS_PATH": PATH} | self.environment
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "--log-level", "warning"]
        with listener:
            self.process = subprocess.Popen(
                [*command, "--fd", str(listener.fileno()), "application:app"],
                env=environment,
                pass_fds=[listener.fileno()],
            )
        self._await_answer()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            finally:
                self.process.kill()
                self.process = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self.reserved.close()

    def order(self, number: int = 1) -> None:
        """One request to the app: a run, a task, an emission and a log line."""
        httpx.get(f"{self.origin}/orders/{number}", timeout=DEADLINE).raise_for_status()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Orders, one after another, as long as the block lasts: somebody is served whenever a page begins to follow."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.1):
                self.order()

        customers = threading.Thread(target=work)
        customers.start()
        try:
            yield
        finally:
            ended.set()
            customers.join()

    def _await_answer(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + 2 * DEADLINE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.origin}{PATH}/health", timeout=DEADLINE).is_success:
                    return
        self.stop()
        pytest.fail(f"The test app does not answer at {self.origin}{PATH}/health")


@pytest.fixture(scope="session")
def web_files() -> Path:
    directory = find_web_directory()
    return directory if directory is not None else lacking("The web files are not built. Run: make web")


@pytest.fixture(scope="session")
def server(web_files: Path) -> Iterator[Server]:
    """The app with the built pages."""
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def bare_server() -> Iterator[Server]:
    """The app as where no web files were built."""
    server = Server({"DEVTOOLS_TEST_NO_WEB": "1"})
    server.start()
    yield server
    server.close()


@pytest.fixture
def own_server(web_files: Path) -> Iterator[Server]:
    """An app for one test, which may stop it."""
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not longer than a module: Playwright's event loop runs in this thread all the while, and asynchronous tests want their own.
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        lacking(f"No Chromium on PATH; looked for {', '.join(BROWSERS)}.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=list(FLAGS), timeout=DEADLINE * 1000
        )
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page did that it must not do. `allowed`: texts of console errors that a test provokes."""

    offences: list[str] = field(default_factory=list[str])
    origins: set[str] = field(default_factory=set[str])
    allowed: tuple[str, ...] = ()

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.offences.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._address(request.url))
        page.on("websocket", lambda opened: self._address(opened.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(text in message.text for text in self.allowed):
            self.offences.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"}:
            self.origins.add(parts.netloc)


Open = Callable[..., Page]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def open_page(browser: Browser, watch: Watch) -> Iterator[Open]:
    """Open a page in a fresh profile. The test fails when it asks another origin or complains on the console."""
    contexts = contextlib.ExitStack()

    def open_page(url: str, *, width: int = 1440, height: int = 900, theme: str = "light") -> Page:
        context = contexts.enter_context(
            browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]  # a plain str
        )
        page = context.new_page()
        page.set_default_timeout(DEADLINE * 1000)
        watch.attach(page)
        page.goto(url)
        return page

    yield open_page
    contexts.close()
    assert watch.offences == []
    assert len(watch.origins) == 1, f"The page asked other origins: {watch.origins}"
    assert all(origin.startswith("127.0.0.1:") for origin in watch.origins), watch.origins
