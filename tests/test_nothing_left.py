"""A DevTools per test, fifty reloads in one process: after `close()` everything is as it was before."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from devtools import DevTools, mount
from devtools.telemetry import active

TOKEN = "t" * 43
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
QUERY = """{ live { logs { message } runs { id } memory { rss } eventLoop { lag } } history { runs { totalCount } }
             system { store { kind } kinds { kept } processes { id } structure { state } } tasks { id } }"""
STREAM = "subscription { records { position } }"
WATCHED = (
    "asyncio",
    "concurrent",
    "flask",
    "logging",
    "multiprocessing",
    "peewee",
    "sqlalchemy",
    "starlette",
    "sys",
    "threading",
    "uvicorn",
    "warnings",
)
"""Packages in which something could have been replaced."""


async def hello(_: Request) -> PlainTextResponse:
    logging.getLogger("app").warning("hello")
    return PlainTextResponse("hello", background=BackgroundTask(lambda: None))


async def broken(_: Request) -> PlainTextResponse:
    raise RuntimeError("broken")


def make_app() -> Starlette:
    return Starlette(routes=[Route("/", hello), Route("/broken", broken)])


async def used(app: Any) -> None:
    """The whole life of an app: started, asked, followed, ended."""
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.ensure_future(
        app({"type": "lifespan", "asgi": {"version": "3.0"}}, messages.get, sent.put)
    )
    await messages.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=HEADERS) as client:
        assert (await client.get("/")).text == "hello"
        assert (await client.get("/broken")).status_code == 500
        answer = (await client.post("/devtools/graphql", json={"query": QUERY})).json()
        assert "errors" not in answer, answer
        following = client.post(
            "/devtools/graphql", json={"query": STREAM}, headers={"Accept": "text/event-stream"}
        )
        stream = asyncio.ensure_future(following)
        await asyncio.sleep(0)
        await messages.put({"type": "lifespan.shutdown"})
        assert (await sent.get())["type"] == "lifespan.shutdown.complete"
        await stream
    await life


def mounted(database: str | None) -> None:
    """As under a server."""
    app = make_app()
    mount(app, database=database, token=TOKEN, app="mounted")
    asyncio.run(used(app))


def own_server(database: str | None) -> None:
    """As in a script, with its own server and a stream that is open at the end."""
    with DevTools(database=database, token=TOKEN, app="script").start(port=0) as devtools:
        logging.getLogger("app").warning("hello")
        url = f"{devtools.url}graphql"
        answer = httpx.post(url, json={"query": QUERY}, headers=HEADERS, timeout=20).json()
        assert "errors" not in answer, answer
        headers = {**HEADERS, "Accept": "text/event-stream"}
        with httpx.stream("POST", url, json={"query": STREAM}, headers=headers, timeout=20) as stream:
            assert stream.status_code == 200
            devtools.close()


def descriptors() -> list[str]:
    """What the open descriptors of this process stand for."""
    found: list[str] = []
    for entry in sorted(Path("/dev/fd").iterdir()):
        name = Path(f"/proc/self/fd/{entry.name}")
        with contextlib.suppress(OSError):  # that of the listing itself is closed by now
            os.fstat(int(entry.name))
            found.append(str(name.readlink()) if name.exists() else entry.name)
    return found


def functions() -> dict[str, int]:
    """Every function of the watched packages, those of their classes too, by name: what a patch would change."""
    found: dict[str, int] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in WATCHED and isinstance(module, ModuleType):
            for attribute, value in list(vars(module).items()):
                if isinstance(value, FunctionType):
                    found[f"{name}.{attribute}"] = id(value)
                elif isinstance(value, type) and value.__module__ == name:
                    members = vars(value).items()
                    found |= {
                        f"{name}.{attribute}.{key}": id(member) for key, member in members if callable(member)
                    }
    return found


def loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logger for logger in known if isinstance(logger, logging.Logger)]


def state() -> dict[str, object]:
    """What a process has that could be left behind."""
    handlers = [
        handler for logger in (logging.root, logging.getLogger("devtools")) for handler in logger.handlers
    ]
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "descriptors": descriptors(),
        "logging handlers": handlers,
        "logging filters": [(logger.name, *logger.filters) for logger in loggers() if logger.filters],
        "levels": (logging.root.level, logging.root.manager.disable),
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "collector": list(gc.callbacks),
        "temporary files": sorted(Path(tempfile.gettempdir()).iterdir()),
        "import hooks": list(sys.meta_path),
        "recorder": active.recorder,
        "environment": dict(os.environ),
        "directory": Path.cwd(),
        "functions": functions(),
    }


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for temporary files that nobody else uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def without_token(database: str | None) -> None:
    """Its token is made, and in memory is handed to children by the environment."""
    devtools = DevTools(database=database, app="script")
    for _ in range(2):
        with devtools:
            assert os.environ["DEVTOOLS_TOKEN"] in devtools.link("")


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        (mounted, "memory"),
        (mounted, "file"),
        (mounted, "in memory"),
        (own_server, "file"),
        (without_token, "memory"),
    ],
)
def test_closing_leaves_nothing_behind(
    tmp_path: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[str | None], None],
    kind: str,
) -> None:
    """No hook, handler, thread, connection, temporary file, variable, signal handler or patched function."""
    monkeypatch.delenv("DEVTOOLS_TOKEN", raising=False)
    environment = dict(os.environ)
    database = {"memory": None, "file": f"sqlite:///{tmp_path}/left.db", "in memory": "sqlite:///:memory:"}[
        kind
    ]
    use(database)  # what the first use imports, and threads of the event loop, are not what is looked for
    assert dict(os.environ) == environment
    gc.collect()
    before = state()
    for _ in range(2):
        use(database)
    gc.collect()
    assert state() == before


def test_what_was_running_is_freed(tmp_path: Path) -> None:
    """App, runtime, recorder, store: nobody holds them."""
    app = make_app()
    devtools = mount(app, database=f"sqlite:///{tmp_path}/freed.db", token=TOKEN)
    devtools.open()
    runtime = devtools._runtime
    assert runtime is not None
    runtime.inspect(app)
    runtime.inspected(20)
    parts = (app, devtools, runtime, runtime.recorder, runtime.store, runtime.subscribers, runtime.gauges)
    seen = [weakref.ref(part) for part in parts]
    devtools.close()
    del app, devtools, runtime, parts
    gc.collect()
    assert [reference() for reference in seen] == [None] * len(seen)


def parts_of_stores() -> int:
    """How many parts of stores are alive: of this test, and of any before it that failed and is kept to be shown."""
    parts = {"DatabaseStore", "Sqlite", "Writer", "Follower", "Lease"}
    return sum(
        type(each).__name__ in parts and type(each).__module__.startswith("devtools.storage")
        for each in gc.get_objects()
    )


@pytest.mark.slow
def test_fifty_reloads_leak_nothing(tmp_path: Path) -> None:
    """Threads, descriptors and objects are as many after the fiftieth as after the first."""
    database = f"sqlite:///{tmp_path}/reloads.db"
    mounted(database)
    gc.collect()
    threads, files, stores = threading.active_count(), descriptors(), parts_of_stores()
    for _ in range(50):
        mounted(database)
    gc.collect()
    assert threading.active_count() == threads
    assert descriptors() == files
    assert parts_of_stores() == stores
