"""mount, wrap, start and close: one DevTools a process, nothing left behind."""

import asyncio
import contextlib
import gc
import io
import logging
import os
import signal
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from devtools import DevTools, mount
from devtools.errors import ConflictError, ValidationError
from devtools.records import Log, Run
from devtools.runtime import Runtime
from devtools.settings import load
from devtools.storage.store import DatabaseStore
from devtools.telemetry import active
from devtools.telemetry.filters import EVERYTHING
from devtools.telemetry.gauges import Gauges
from devtools.telemetry.pages import PageRequest
from tests.servers import our_threads

TOKEN = "t" * 43


def make_app() -> Starlette:
    return Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"))])


async def get(app, path="/", **headers):
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        return await client.get(path)


def test_mounting_twice_is_one_devtools():
    """Not two layers."""
    app = make_app()
    assert mount(app, token=TOKEN) is mount(app, token=TOKEN)


def test_mounting_after_the_start_is_refused():
    """The middleware stack is built: it would be without effect."""
    app = make_app()
    asyncio.run(get(app))
    with pytest.raises(ConflictError, match="has started"):
        mount(app, token=TOKEN)


def test_mounting_a_class_is_refused():
    """It would be without effect on the app."""
    with pytest.raises(ConflictError, match="the class Starlette: call mount with an app of it"):
        mount(Starlette, token=TOKEN)


def test_mounting_what_is_no_starlette_names_the_way():
    """`wrap` takes any ASGI app."""
    with pytest.raises(ConflictError, match="wrap"):
        mount(lambda scope, receive, send: None, token=TOKEN)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"databse": "x"}, "databse"),
        ({"database": "oracle://x"}, "database"),
        ({"port": -1}, "port"),
        ({"sources": ("nope",)}, "sources"),
    ],
)
def test_wrong_settings_are_refused_before_anything_starts(settings, field):
    """At the line that mounts, with no thread and no file."""
    before = our_threads()
    with pytest.raises(ValidationError) as caught:
        mount(make_app(), **{"token": TOKEN, **settings})
    assert caught.value.field == field
    assert our_threads() <= before


def test_disabled_installs_nothing(tmp_path, monkeypatch):
    """The app itself, no thread, no file."""
    monkeypatch.chdir(tmp_path)
    app = make_app()
    devtools = mount(app, enabled=False, database="sqlite:///x.db")
    assert devtools.wrap(app) is app
    answer = asyncio.run(get(app))
    assert "x-correlation-id" not in answer.headers
    assert list(tmp_path.iterdir()) == []
    assert active.recorder is None


def test_a_second_start_in_one_process_is_a_conflict():
    """Records of one would land in the other. Both are named, and what to do."""
    with DevTools(token=TOKEN, app="one"), pytest.raises(ConflictError, match=r"'two'.*'one'.*outermost"):
        DevTools(token=TOKEN, app="two").open()


def test_of_two_mounted_apps_in_one_process_the_first_runs(caplog):
    """An app mounted into another brings a second DevTools: one line naming both, and both apps answer, recorded once."""
    inner, outer = make_app(), make_app()
    mount(inner, app="inner", token=TOKEN)
    outer.mount("/below", inner)
    devtools = mount(outer, app="outer", token=TOKEN)

    async def ask():
        return [(await get(outer, path)).text for path in ("/", "/below/", "/below/")]

    assert asyncio.run(ask()) == ["hello"] * 3
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1
    assert "'inner'" in told[0]
    assert "'outer'" in told[0]
    runs = active.recorder.rings.of(Run).snapshot()
    assert [run.node_id for run in runs] == ["GET /", "GET /below/", "GET /below/"]
    devtools.close()


def test_first_requests_from_several_loops_are_all_answered():
    """As of test clients in threads, each with a loop of its own: one start, and nobody waits for another loop."""
    for _ in range(5):
        app = make_app()
        devtools = mount(app, token=TOKEN)
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(lambda app=app: asyncio.run(get(app))) for _ in range(4)]
            assert [request.result(20).text for request in asked] == ["hello"] * 4
        devtools.close()


def test_threads_that_open_it_at_once_open_one(monkeypatch):
    """The others have the same: none is left running when it is closed."""
    started = []
    start = Runtime.start
    monkeypatch.setattr(Runtime, "start", lambda *given: started.append(start(*given)) or started[-1])
    for count in range(1, 11):
        devtools = DevTools(token=TOKEN)
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _, devtools=devtools: devtools.open(), range(4))) == {devtools}
        devtools.close()
        assert len(started) == count


def no_stream():
    return None


def closed_stream():
    stream = io.StringIO()
    stream.close()
    return stream


def unread_stream():
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w", buffering=1)


@pytest.mark.parametrize("stream", [no_stream, closed_stream, unread_stream])
def test_an_app_whose_standard_error_is_gone_starts(monkeypatch, stream):
    """As of a daemon, or where what read it has ended: by lifespan, by a request, and with a server of our own."""
    monkeypatch.delenv("DEVTOOLS_TOKEN", raising=False)
    broken = stream()
    monkeypatch.setattr(sys, "stderr", broken)
    app = make_app()
    devtools = mount(app, app="daemon")
    assert asyncio.run(started_and_ended(app)) == "daemon"
    assert asyncio.run(get(app)).text == "hello"
    assert devtools._runtime is not None
    devtools.close()
    with devtools.start(port=0):
        assert devtools.port
    with contextlib.suppress(AttributeError, OSError):
        broken.close()


def test_an_app_that_is_made_anew_takes_over_from_one_that_nobody_ends(caplog):
    """As in a test suite whose client runs no lifespan: each app has devtools, and nothing is logged as wrong."""
    apps = []
    for _ in range(3):
        app = make_app()
        apps.append((app, mount(app, app="shop", token=TOKEN)))
        assert "x-correlation-id" in asyncio.run(get(app)).headers
        assert [run.node_id for run in active.recorder.rings.of(Run).snapshot()] == ["GET /"]
    asyncio.run(get(apps[0][0]))
    assert [devtools._runtime is not None for _, devtools in apps] == [False, False, True]
    assert asyncio.run(started_and_ended(apps[0][0])) == "shop", "a lifespan starts it again"
    assert active.recorder is None
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_what_somebody_ends_is_not_taken_over(caplog):
    """Neither that of a `with`, nor that of a lifespan, nor that of an app of another name."""
    first = make_app()
    devtools = mount(first, app="shop", token=TOKEN)
    second, other = make_app(), make_app()
    mount(second, app="shop", token=TOKEN)
    mount(other, app="other", token=TOKEN)
    with devtools:
        assert "x-correlation-id" not in asyncio.run(get(second)).headers
        assert active.owner == "shop"
    assert "another app of that name" in caplog.text
    asyncio.run(get(first))
    assert "x-correlation-id" not in asyncio.run(get(other)).headers
    devtools.close()


def test_an_app_within_another_of_the_same_name_does_not_take_over():
    """Both are mounted in one module, and a request starts the outer one: it goes on."""
    inner, outer = make_app(), make_app()
    mount(inner, app="shop", token=TOKEN)
    outer.mount("/below", inner)
    devtools = mount(outer, app="shop", token=TOKEN)
    assert [asyncio.run(get(outer, path)).text for path in ("/", "/below/")] == ["hello"] * 2
    assert devtools._runtime is not None
    devtools.close()


async def started_and_ended(app):
    """One life of the app under a server."""
    sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return sent.pop(0)

    async def send(message):
        started.append((message["type"], active.owner))

    started = []
    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return dict(started)["lifespan.startup.complete"]


def test_a_start_that_failed_is_tried_again_by_the_next_one(caplog):
    """What was in the way is gone: neither the end of that life nor `close` leaves it failed."""
    app = make_app()
    devtools = mount(app, app="second", token=TOKEN)
    with DevTools(token=TOKEN, app="first"):
        assert asyncio.run(started_and_ended(app)) == "first"
        for _ in range(3):
            asyncio.run(get(app))  # the first of them is another start, without a lifespan
        assert devtools.started
    devtools.close()
    assert asyncio.run(started_and_ended(app)) == "second"
    assert ["does not run" in record.message for record in caplog.records].count(True) == 2


def test_a_part_that_cannot_be_closed_leaves_the_others_closed(tmp_path, monkeypatch):
    """It is raised after them: no recorder, thread or log handler stays for it."""
    close = Gauges.close

    def failing(gauges):
        close(gauges)
        raise OSError("broken")

    monkeypatch.setattr(Gauges, "close", failing)
    before = set(threading.enumerate()), logging.root.handlers[:]
    devtools = DevTools(token=TOKEN, database=f"sqlite:///{tmp_path}/closed.db").open()
    with pytest.raises(OSError, match="broken"):
        devtools.close()
    assert active.recorder is None
    assert (set(threading.enumerate()), logging.root.handlers) == before


def test_wrapping_twice_is_one_layer():
    """By the same DevTools the same layer; by another one a conflict that names both."""
    first, second = DevTools(token=TOKEN, app="first"), DevTools(token=TOKEN, app="second")
    layer = first.wrap(make_app())
    assert first.wrap(layer) is layer
    with pytest.raises(ConflictError, match=r"'second'.*'first'"):
        second.wrap(layer)
    with pytest.raises(ConflictError, match="'first', wraps Starlette already"):
        first.wrap(make_app())
    mounted = make_app()
    mount(mounted, token=TOKEN, app="mounted")
    with pytest.raises(ConflictError, match=r"'second'.*'mounted'"):
        second.wrap(CORSMiddleware(mounted))


def test_every_layer_that_was_built_is_told():
    """A middleware stack may be built anew while the old one serves: both record, and neither outlives a close."""
    app = make_app()
    devtools = mount(app, token=TOKEN)
    asyncio.run(get(app))
    app.build_middleware_stack()

    def seen():
        answers = asyncio.run(get(app)), asyncio.run(get(app, "/devtools/health"))
        return [answer.status_code for answer in answers], active.recorder and len(
            active.recorder.rings.of(Run).snapshot()
        )

    try:
        assert seen() == ([200, 200], 2)
        devtools.close()
        assert active.recorder is None
        assert seen() == ([200, 200], 1)  # it starts again, with what is recorded from then on
    finally:
        devtools.close()


@pytest.mark.parametrize("scope", [{"root_path": None}, {"path": ["a"]}, {"type": "rpc", "root_path": None}])
def test_a_scope_that_we_cannot_read_is_for_the_app_to_judge(scope):
    """Whether it is recorded or not."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    with DevTools(token=TOKEN) as devtools:
        layer = devtools.wrap(app)
        for paused in (False, True):
            active.recorder.paused = paused
            asyncio.run(
                layer({"type": "http", "method": "GET", "headers": [], "path": "/x", **scope}, None, None)
            )
    assert len(seen) == 2


def wsgi_app(environ, start_response): ...


class OlderInterface:
    def __init__(self, scope): ...

    async def __call__(self, receive, send): ...


def factory(): ...


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (wsgi_app, "wsgi_app is a WSGI app.*wrap_wsgi"),
        (OlderInterface, "ASGI 2 app.*guarantee_single_callable"),
        (factory, "factory cannot be called.*call it"),
        ({}, "dict cannot be an app"),
    ],
)
def test_only_asgi_3_apps_are_wrapped(app, told):
    """What has another interface is refused where it is wrapped, with the way there is for it."""
    with pytest.raises(ValidationError, match=told):
        DevTools(token=TOKEN).wrap(app)


def test_the_name_of_the_app_is_its_module_unless_said(monkeypatch):
    """Argument, then environment, then the module that makes the DevTools."""
    assert mount(make_app(), token=TOKEN).settings.app == __name__
    assert DevTools(token=TOKEN).settings.app == __name__
    monkeypatch.setenv("DEVTOOLS_APP", "billing")
    assert mount(make_app(), token=TOKEN).settings.app == "billing"
    assert mount(make_app(), token=TOKEN, app="shop").settings.app == "shop"


def test_close_leaves_nothing_behind(tmp_path):
    """Hooks, handlers, threads, descriptors: as before."""

    def state():
        return (
            sys.excepthook,
            threading.excepthook,
            sys.unraisablehook,
            logging.Logger.callHandlers,
            logging.Logger.getEffectiveLevel,
            signal.getsignal(signal.SIGTERM),
            sorted(thread.name for thread in threading.enumerate()),
            active.recorder,
        )

    before = state()
    for number in range(3):
        app = make_app()
        devtools = mount(app, database=f"sqlite:///{tmp_path}/{number}.db", token=TOKEN)
        answer = asyncio.run(get(app))
        assert answer.headers["x-correlation-id"]
        assert devtools.flush()
        devtools.close()
        devtools.close()
    assert state() == before


def test_a_store_that_cannot_open_does_not_harm_the_app(tmp_path, caplog):
    """One error line; the app answers, our pages do not."""
    (tmp_path / "file").write_text("")
    app = make_app()
    mount(app, database=f"sqlite:///{tmp_path}/file/below.db", token=TOKEN)
    assert asyncio.run(get(app)).text == "hello"
    assert asyncio.run(get(app, "/devtools/health")).status_code == 404
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1
    assert "file" in told[0]


def test_a_prefix_of_the_servers_own(tmp_path):
    """`root_path` before ours: pages answer below both."""
    app = make_app()
    devtools = mount(app, token=TOKEN)
    transport = httpx.ASGITransport(app, root_path="/behind", client=("127.0.0.1", 1))

    async def ask():
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [
                (await client.get(path)).status_code
                for path in ("/behind/devtools/health", "/devtools/health", "/behind/")
            ]

    assert asyncio.run(ask()) == [200, 200, 200]
    devtools.close()


async def lifespan(app, *, fails=False):
    """Run the app's lifespan as a server does; answers what it sent."""
    sent = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return sent


def test_starting_again_records_anew():
    """A test client per test: the second lifespan has one layer, and its own records."""
    app = make_app()
    devtools = mount(app, token=TOKEN)
    recorders = []

    async def once():
        sent = []
        started, ended = asyncio.Event(), asyncio.Event()

        async def receive():
            if started.is_set():
                await ended.wait()
                return {"type": "lifespan.shutdown"}
            return {"type": "lifespan.startup"}

        async def send(message):
            sent.append(message["type"])
            started.set()

        running = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
        await started.wait()
        await get(app)
        recorders.append(active.recorder)
        ended.set()
        await running
        return sent

    for _ in range(3):
        assert asyncio.run(once()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert [len(recorder.rings.of(Run).snapshot()) for recorder in recorders] == [1, 1, 1]
    assert active.recorder is None
    assert devtools.started is False


def test_a_refused_start_leaves_nothing_running(monkeypatch, caplog):
    """A part that cannot start: one error line, no thread, no recorder; the app answers."""
    before = our_threads()
    app = make_app()
    mount(app, token=TOKEN)
    monkeypatch.setattr(Gauges, "start", lambda self: 1 / 0)
    assert asyncio.run(get(app)).text == "hello"
    assert active.recorder is None
    assert our_threads() <= before
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_an_app_that_fails_to_start_keeps_its_last_words(tmp_path):
    """The error that stopped it is what one wants to read afterwards."""

    @asynccontextmanager
    async def failing(app):
        logging.getLogger("app").error("about to fail")
        raise RuntimeError("no configuration")
        yield

    url = f"sqlite:///{tmp_path}/failed.db"
    app = Starlette(lifespan=failing)
    mount(app, database=url, token=TOKEN)
    with pytest.raises(RuntimeError, match="no configuration"):
        asyncio.run(lifespan(app))
    assert active.recorder is None
    store = DatabaseStore.open(load({"database": url}, environment={}), read_only=True)
    assert [log.message for log in store.history.page(Log, EVERYTHING, PageRequest()).records] == [
        "about to fail"
    ]
    store.close()


def test_where_it_is_is_told_once_and_is_no_warning(capsys, caplog):
    """On standard error where the app's logging shows no INFO, else in its log."""
    line = "devtools is at /devtools/, its store is memory (no database is configured)."
    for shown in (False, True):
        app = make_app()
        devtools = mount(app, token=TOKEN, log_level="debug")
        with caplog.at_level(logging.INFO if shown else logging.WARNING):
            asyncio.run(get(app))
        devtools.close()
        printed = capsys.readouterr().err.count(line)
        logged = [record.levelname for record in caplog.records if record.getMessage() == line]
        assert (printed, logged) == ((0, ["INFO"]) if shown else (1, []))


@pytest.mark.parametrize(
    "refusal",
    [
        None,
        ValueError("Django can only handle ASGI/HTTP connections, not lifespan."),
        AssertionError(),
        NotImplementedError("websocket"),
    ],
    ids=["returns", "Django", "assert", "not implemented"],
)
def test_an_app_without_lifespan_is_inspected_and_its_end_is_followed(refusal):
    """Servers carry on without one, and would tell nobody of their end: a SIGTERM then runs no `atexit` either."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"bare"})
        elif refusal is not None:
            raise refusal

    devtools = DevTools(token=TOKEN, app="bare")
    layer = devtools.wrap(app)
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    seen = []

    async def receive():
        return {"type": next(messages)}

    async def send(message):
        if message["type"] == "lifespan.startup.complete":
            assert devtools._runtime is not None
            await asyncio.to_thread(devtools._runtime.inspected, 30)
            assert devtools._runtime.described.status.state == "live"
        seen.append((message["type"], devtools.started))

    asyncio.run(layer({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
    assert seen == [("lifespan.startup.complete", True), ("lifespan.shutdown.complete", False)]


@pytest.mark.parametrize("asks", [True, False])
def test_an_app_that_fails_while_it_starts_fails_with_devtools_too(asks):
    """Whether it has asked for the first message by then or not, as where its middleware cannot be made."""

    async def app(scope, receive, send):
        if asks:
            await receive()
        raise ValueError("no stock")

    devtools = DevTools(token=TOKEN, app="failing")
    with pytest.raises(ValueError, match="no stock"):
        asyncio.run(lifespan(devtools.wrap(app)))
    devtools.close()


def test_an_app_that_says_its_part_unasked_says_it_once():
    async def app(scope, receive, send):
        await send({"type": "lifespan.startup.complete"})

    devtools = DevTools(token=TOKEN, app="early")
    assert asyncio.run(lifespan(devtools.wrap(app))) == ["lifespan.startup.complete"]
    devtools.close()


def test_an_app_that_ends_at_once_leaves_its_structure(tmp_path):
    """As tests of the app do, and short scripts."""
    url = f"sqlite:///{tmp_path}/devtools.db"
    for _ in range(3):
        asyncio.run(lifespan(DevTools(token=TOKEN, app="short", database=url).wrap(make_app())))
    store = DatabaseStore.open(load({"database": url}), read_only=True)
    assert [listed.version for listed in store.snapshots.list("short", None)] == [1]
    store.close()


def test_a_stack_that_is_built_again_is_wrapped_again():
    """Instrumentation of others rebuilds it."""
    app = make_app()
    devtools = mount(app, token=TOKEN)
    asyncio.run(get(app))
    app.middleware_stack = app.build_middleware_stack()
    answer = asyncio.run(get(app))
    assert answer.headers["x-correlation-id"]
    devtools.close()


def test_signal_handlers_are_as_before_after_a_shutdown():
    """The lifespan ends off the main thread, where nothing can be restored."""
    before = signal.getsignal(signal.SIGTERM)
    app = make_app()
    mount(app, token=TOKEN)
    asyncio.run(lifespan(app))
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_app_is_freed_with_its_devtools():
    """Test suites make many."""
    app = make_app()
    mount(app, token=TOKEN)
    seen = weakref.ref(app)
    del app
    gc.collect()
    assert seen() is None
