"""WSGI requests as runs: answers unchanged, one run a request, one error an exception, with and without Flask."""

import contextvars
import logging
import sys
import threading
from io import BytesIO
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest

from devtools import DevTools
from devtools.errors import ConflictError
from devtools.records import Error, Log, Run, RunStatus
from devtools.settings import load
from devtools.sources import wsgi
from devtools.sources.logging import install as install_logging
from devtools.telemetry import active, runs
from devtools.telemetry.context import current, own_work

TOKEN = "t" * 43
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def streamed(environ, start_response):
    """A generator: nothing happens before its first part is asked for."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"one"
    yield b"two"


class Closing:
    """An answer that is told of its end."""

    def __init__(self, *parts):
        self.parts = iter(parts)
        self.closed_in = None

    def __iter__(self):
        return self.parts

    def close(self):
        self.closed_in = current.get()


def call(app, path="/", *, settings=None, whole=True, **environ):
    """One request as a server makes it; answers status, headers and body."""
    told = {}

    def start_response(status, headers, exc_info=None):
        told.update(status=status, headers=dict(headers))
        return lambda body: told.setdefault("written", []).append(body)

    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": path, "REMOTE_ADDR": "127.0.0.1"}
    parts = wsgi.RecordRequests(app, settings or load({}, environment={}).settings)(environ, start_response)
    try:
        body = b"".join(parts) if whole else next(iter(parts))
    finally:
        getattr(parts, "close", lambda: None)()
    return told.get("status"), told.get("headers", {}), body


def recorded(recorder, kind=Run):
    return list(recorder.rings.of(kind).snapshot())


def test_a_request_is_a_run(recorder):
    """Method, path, query, status, sizes and client; the answer gains one header."""
    status, headers, body = call(
        plain, "/caf\xc3\xa9", QUERY_STRING="q=1&token=abc", REQUEST_METHOD="POST", CONTENT_LENGTH="7"
    )
    (run,) = recorded(recorder)
    assert (status, body) == ("200 OK", b"hello")
    assert headers == {
        "Content-Type": "text/plain",
        "Content-Length": "5",
        "x-correlation-id": run.correlation_id,
    }
    assert (run.node_id, run.name, run.status, run.parent_run_id) == (
        "unmatched",
        "POST",
        RunStatus.ok,
        None,
    )
    http = run.http
    assert (http.method, http.path, http.status, http.client) == ("POST", "/café", 200, "127.0.0.1")
    assert (http.request_bytes, http.response_bytes) == (7, 5)
    assert "abc" not in http.query
    assert recorder.running == {}
    assert current.get() is None


def test_a_caller_is_continued(recorder):
    """`traceparent` gives the correlation id and the parent; one that is not valid gives neither."""
    _, headers, _ = call(plain, HTTP_TRACEPARENT=f"00-{TRACE}-{SPAN}-01")
    _, other, _ = call(plain, HTTP_TRACEPARENT=f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01")
    first, second = recorded(recorder)
    assert headers["x-correlation-id"] == first.correlation_id == TRACE
    assert first.parent_run_id == int(SPAN, 16) & ((1 << 63) - 1)
    assert other["x-correlation-id"] == second.correlation_id != TRACE
    assert second.parent_run_id is None


def test_a_header_of_the_app_wins_and_can_be_switched_off(recorder):
    """Never two of them."""

    def app(environ, start_response):
        start_response("200 OK", [("X-Correlation-ID", "mine")])
        return []

    assert call(app)[1] == {"X-Correlation-ID": "mine"}
    settings = load({"correlation_header": False}, environment={}).settings
    assert "x-correlation-id" not in call(plain, settings=settings)[1]


def test_a_streamed_answer_runs_until_it_is_closed(recorder):
    """What happens while its parts are made belongs to the request; what the server does between does not."""
    inside = []

    def app(environ, start_response):
        for part in streamed(environ, start_response):
            inside.append(current.get())
            run = runs.start("part", "TASK", "part")
            runs.finish(run)
            yield part

    environ, outside = {}, []
    setup_testing_defaults(environ)
    parts = wsgi.RecordRequests(app, load({}, environment={}).settings)(environ, lambda *_: None)
    for _ in parts:
        outside.append(current.get())
        assert len(recorder.running) == 1
    parts.close()
    *children, request = recorded(recorder)
    assert outside == [None, None]
    assert {run.run_id for run in inside} == {request.run_id}
    assert [child.parent_run_id for child in children] == [request.run_id] * 2
    assert (request.status, request.http.response_bytes) == (RunStatus.ok, 6)


def test_close_reaches_the_app_inside_its_request(recorder):
    """Flask tears down there."""
    answer = Closing(b"a", b"b")

    def app(environ, start_response):
        start_response("200 OK", [])
        return answer

    assert call(app)[2] == b"ab"
    assert answer.closed_in.run_id == recorded(recorder)[0].run_id
    assert current.get() is None


def test_a_client_that_leaves_cancels(recorder):
    """The server closes before the last part; one that has all of the announced length has not left."""
    assert call(streamed, whole=False)[2] == b"one"
    one_part = Closing(b"hello")

    def announced(environ, start_response):
        plain(environ, start_response)
        return one_part

    call(announced, whole=False)
    assert [run.status for run in recorded(recorder)] == [RunStatus.cancelled, RunStatus.ok]


def test_an_answer_that_is_dropped_does_not_run_for_ever(recorder):
    """A server that never calls `close`."""
    environ = {}
    setup_testing_defaults(environ)
    parts = wsgi.RecordRequests(streamed, load({}, environment={}).settings)(environ, lambda *_: None)
    assert len(recorder.running) == 1
    del parts
    assert recorder.running == {}
    assert [run.status for run in recorded(recorder)] == [RunStatus.cancelled]


def test_an_exception_is_one_error(recorder):
    """It reaches the server as it is; the run failed with it."""

    def app(environ, start_response):
        raise RuntimeError("card declined")

    with pytest.raises(RuntimeError, match="card declined"):
        call(app)
    (run,), (error,) = recorded(recorder), recorded(recorder, Error)
    assert (run.status, run.error, run.http.status) == (RunStatus.error, "card declined", 500)
    assert (error.message, error.source_id, error.run_id) == ("card declined", "unmatched", run.run_id)


def test_an_exception_while_streaming_is_one_error(recorder):
    """After the status was sent."""

    def app(environ, start_response):
        yield from streamed(environ, start_response)
        raise RuntimeError("half")

    with pytest.raises(RuntimeError):
        call(app)
    assert [run.status for run in recorded(recorder)] == [RunStatus.error]
    assert [error.message for error in recorded(recorder, Error)] == ["half"]


def test_an_exception_that_the_app_answers_itself(recorder):
    """By `exc_info`, as the specification says; the status is that of the second call."""

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            raise RuntimeError("late")
        except RuntimeError:
            start_response("503 Down", [], sys.exc_info())
        return [b"sorry"]

    assert call(app)[0] == "503 Down"
    (run,) = recorded(recorder)
    assert (run.status, run.error, run.http.status) == (RunStatus.error, "late", 503)
    assert [error.message for error in recorded(recorder, Error)] == ["late"]


def test_what_is_written_is_counted(recorder):
    """By the old `write` callable too."""

    def app(environ, start_response):
        start_response("200 OK", [])(b"old")
        return [b"new"]

    call(app)
    assert recorded(recorder)[0].http.response_bytes == 6


def test_what_a_server_treats_in_its_own_way_stays_what_it_is(recorder):
    """Lists, whose length it looks at, and its file wrapper, which it may send from the kernel."""
    file = FileWrapper(BytesIO(b"file"))

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "4")])
        return file

    class Sized(list):
        pass

    environ = {"wsgi.file_wrapper": FileWrapper}
    setup_testing_defaults(environ)
    settings = load({}, environment={}).settings
    assert wsgi.RecordRequests(app, settings)(environ, lambda *_: None) is file
    sized = Sized([b"x"])
    assert wsgi.RecordRequests(lambda *_: sized, settings)(environ, lambda *_: None) is sized
    assert len(wsgi.RecordRequests(lambda *_: {b"a": 1}, settings)(environ, lambda *_: None)) == 1
    assert recorded(recorder)[0].http.response_bytes == 4


def test_headers_and_bodies_on_request(recorder):
    """Masked, and only where `capture_http` says so."""

    def app(environ, start_response):
        environ["wsgi.input"].read(3)
        environ["wsgi.input"].readline()
        return plain(environ, start_response)

    settings = load({"capture_http": "bodies"}, environment={}).settings
    call(
        app,
        settings=settings,
        HTTP_AUTHORIZATION="Bearer abcdef",
        CONTENT_TYPE="text/plain",
        **{"wsgi.input": BytesIO(b"question")},
    )
    text = str(recorded(recorder)[0].attributes)
    assert "question" in text
    assert "hello" in text
    assert "abcdef" not in text


class Pending(BytesIO):
    """A body of which nothing has arrived at the first read."""

    is_empty = True

    def read(self, size=-1):
        found = None if self.is_empty else super().read(size)
        self.is_empty = False
        return found


def _by_next(body):
    return [next(body), *body]


def _by_with(body):
    with body as opened:
        found = [opened.read(), opened.readlines()]
    return found, body.closed


def _by_read(body):
    return [body.read(), body.read(3), body.read1(2), body.readline(), body.readlines(), list(body)]


@pytest.mark.parametrize("make", [BytesIO, Pending])
@pytest.mark.parametrize("read", [_by_next, _by_with, _by_read])
def test_a_captured_body_is_read_as_without_us(recorder, read, make):
    """Line by line, as a context manager, and where a read finds nothing yet."""
    text = b"one\ntwo\nthree\n"
    seen = []

    def app(environ, start_response):
        seen.append(read(environ["wsgi.input"]))
        return plain(environ, start_response)

    settings = load({"capture_http": "bodies"}, environment={}).settings
    status, _, _ = call(app, settings=settings, CONTENT_TYPE="text/plain", **{"wsgi.input": make(text)})
    assert status == "200 OK"
    assert seen == [read(make(text))]
    assert "three" in str(recorded(recorder)[0].attributes)
    assert recorder.dropped["run"] == 0


def test_what_cannot_be_captured_is_left_to_the_server(recorder):
    """Text where bytes belong, on both sides: it passes as it is, and the loss is counted."""

    class Lines(BytesIO):
        def read(self, size=-1):
            return "text"

    def app(environ, start_response):
        assert environ["wsgi.input"].read() == "text"
        start_response("200 OK", [])("written")
        return next(answers)

    settings = load({"capture_http": "bodies"}, environment={}).settings
    setup_testing_defaults(environ := {"wsgi.input": Lines()})
    answers = iter((["text"], iter(["text"])))
    for _ in range(2):
        assert list(wsgi.RecordRequests(app, settings)(dict(environ), lambda *_: lambda body: None)) == [
            "text"
        ]
    assert recorder.dropped["run"] == 6
    assert len(recorded(recorder)) == 2


@pytest.mark.parametrize("arguments", [{"sources": ("logging",)}, {"sampling": {"wsgi": 0.0}}])
def test_a_source_that_is_off_records_nothing(recorder, arguments):
    """The app answers as without us."""
    assert "x-correlation-id" not in call(plain, settings=load(arguments, environment={}).settings)[1]
    assert recorded(recorder) == []


def test_our_own_work_and_a_paused_recorder_record_nothing(recorder):
    """As every source."""
    with own_work():
        call(plain)
    recorder.paused = True
    call(plain)
    assert recorded(recorder) == []


def test_an_environment_that_cannot_be_read_is_for_the_app(recorder):
    """It gets it unchanged; the loss is counted."""
    app = wsgi.RecordRequests(
        lambda environ, start_response: [str(environ).encode()], load({}, environment={}).settings
    )
    assert list(app({}, lambda *_: None)) == [b"{}"]
    assert recorder.dropped["run"] == 1


def test_a_template_in_the_environment_names_the_route(recorder):
    """Django's, which is written there when it resolves."""

    def app(environ, start_response):
        environ["path_template"] = "/cart/{id}"
        return plain(environ, start_response)

    call(app, "/cart/7")
    assert [run.node_id for run in recorded(recorder)] == ["GET /cart/{id}"]


# Flask


@pytest.fixture
def flask_app(recorder):
    flask = pytest.importorskip("flask", reason="Flask is in the test group: uv pip install --group test")
    app = flask.Flask("shop")

    @app.get("/cart/<int:number>")
    def cart(number):
        return {"number": number}

    @app.get("/broken")
    def broken():
        raise RuntimeError("the shop is broken")

    @app.get("/handled")
    def handled():
        raise KeyError("handled")

    @app.get("/gone")
    def gone():
        flask.abort(404)

    @app.get("/stream")
    def stream():
        return app.response_class(flask.stream_with_context(iter([flask.request.path, "!"])))

    @app.errorhandler(KeyError)
    def answer(error):
        return "sorry", 503

    settings = load({}, environment={}).settings
    undo = [wsgi.install(recorder, settings), install_logging(recorder, settings)]
    plain_app = app.wsgi_app
    app.wsgi_app = wsgi.RecordRequests(plain_app, settings)
    yield app
    for each in undo:
        each()


def test_flask_routes_are_elements(recorder, flask_app):
    """The template of the rule, as every route is named; what matched none is `unmatched`."""
    client = flask_app.test_client()
    for path in ("/cart/7", "/cart/8", "/nowhere", "/gone", "/stream"):
        client.get(path, buffered=True)
    client.head("/cart/7", buffered=True)
    found = [(run.node_id, run.http.route, run.http.status, run.ok) for run in recorded(recorder)]
    assert found == [
        ("GET /cart/{number}", "/cart/{number}", 200, True),
        ("GET /cart/{number}", "/cart/{number}", 200, True),
        ("unmatched", None, 404, True),
        ("GET /gone", "/gone", 404, True),
        ("GET /stream", "/stream", 200, True),
        ("GET /cart/{number}", "/cart/{number}", 200, True),
    ]
    assert recorded(recorder, Error) == []


def test_flask_failures_are_one_error_each(recorder, flask_app):
    """Logged by Flask, or turned into an answer by a handler of the app."""
    client = flask_app.test_client()
    assert client.get("/broken", buffered=True).status_code == 500
    assert client.get("/handled", buffered=True).text == "sorry"
    found = [(error.source_id, error.type, error.run_id) for error in recorded(recorder, Error)]
    runs = recorded(recorder)
    assert [run.error for run in runs] == ["the shop is broken", "'handled'"]
    assert found == [
        ("GET /broken", "RuntimeError", runs[0].run_id),
        ("GET /handled", "KeyError", runs[1].run_id),
    ]
    (log,) = recorded(recorder, Log)
    assert log.correlation_id == runs[0].correlation_id


def test_flask_that_lets_exceptions_pass_is_one_error(recorder, flask_app):
    """As in debug mode and under test."""
    flask_app.testing = True
    with pytest.raises(RuntimeError):
        flask_app.test_client().get("/broken")
    assert [error.source_id for error in recorded(recorder, Error)] == ["GET /broken"]
    assert [(run.node_id, run.status) for run in recorded(recorder)] == [("GET /broken", RunStatus.error)]


def test_flask_is_as_before_when_uninstalled(recorder, flask_app):
    """And two installs do not disturb each other."""
    flask = sys.modules["flask"]
    before = flask.Flask.handle_user_exception
    wsgi.install(recorder, load({}, environment={}).settings)()
    assert flask.Flask.handle_user_exception is before


# DevTools.wrap_wsgi


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """Serve a WSGI app by wsgiref, checked against the specification; answers where."""
    servers = []

    def serve(app):
        server = make_server("127.0.0.1", 0, validator(app), handler_class=Quiet)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join(10)
        server.server_close()


def ask(devtools, query):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.post(f"{devtools.url}graphql", json={"query": query}, headers=headers, timeout=20).json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_the_first_request_starts_recording_and_a_server(serve):
    """One line: the app answers where it did, our pages at their own port."""
    devtools = DevTools(token=TOKEN, app="shop", port=0)
    base = serve(devtools.wrap_wsgi(plain))
    assert active.recorder is None
    answer = httpx.get(f"{base}/a", timeout=20)
    found = ask(devtools, "{ live { runs { correlationId httpPath } } }")["live"]["runs"]
    devtools.close()
    assert answer.text == "hello"
    assert answer.headers["content-length"] == "5"
    assert found == [{"correlationId": answer.headers["x-correlation-id"], "httpPath": "/a"}]


def test_an_app_that_is_made_anew_takes_over(serve, caplog):
    """A test suite makes one for each test, and nobody ends it."""
    for _ in range(2):
        devtools = DevTools(token=TOKEN, app="shop", port=0)
        httpx.get(f"{serve(devtools.wrap_wsgi(plain))}/a", timeout=20)
        assert ask(devtools, "{ live { runs { httpPath } } }")["live"]["runs"] == [{"httpPath": "/a"}]
    devtools.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_streamed_answer_through_a_real_server(serve):
    """Checked by the standard library's validator."""
    devtools = DevTools(token=TOKEN, app="shop", port=0)
    assert httpx.get(serve(devtools.wrap_wsgi(streamed)), timeout=20).text == "onetwo"
    assert ask(devtools, "{ live { runs { ok } } }")["live"]["runs"] == [{"ok": True}]
    devtools.close()


def test_where_the_port_is_in_use_it_only_records(serve, caplog):
    """The second worker of an app: one line says so, and its requests are recorded."""
    other = wsgi_port_holder()
    devtools = DevTools(token=TOKEN, app="shop", port=other.server_port)
    assert httpx.get(serve(devtools.wrap_wsgi(plain)), timeout=20).text == "hello"
    assert [run.http.path for run in active.recorder.rings.of(Run).snapshot()] == ["/"]
    assert [f"Port {other.server_port}" in record.message for record in caplog.records].count(True) == 1
    devtools.close()
    other.server_close()


def wsgi_port_holder():
    return make_server("127.0.0.1", 0, plain, handler_class=Quiet)


def test_the_app_answers_where_devtools_cannot_run(tmp_path, serve, caplog):
    """One error line for many requests."""
    (tmp_path / "file").write_text("")
    devtools = DevTools(token=TOKEN, app="shop", port=0, database=f"sqlite:///{tmp_path}/file/below.db")
    base = serve(devtools.wrap_wsgi(plain))
    assert [httpx.get(base, timeout=20).text for _ in range(3)] == ["hello"] * 3
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert active.recorder is None


def test_one_devtools_wraps_one_app():
    """Disabled it is the app itself."""
    devtools = DevTools(token=TOKEN, app="shop")
    devtools.wrap_wsgi(plain)
    with pytest.raises(ConflictError, match="'shop'"):
        devtools.wrap_wsgi(streamed)
    assert DevTools(enabled=False).wrap_wsgi(plain) is plain


def test_requests_side_by_side_never_mix(recorder):
    """Each in the context of its own thread."""
    barrier = threading.Barrier(8)
    found = []

    def app(environ, start_response):
        barrier.wait(10)
        run = runs.start("inner", "TASK", environ["PATH_INFO"])
        runs.finish(run)
        return plain(environ, start_response)

    def one(number):
        found.append((str(number), call(app, f"/{number}")[1]["x-correlation-id"]))

    threads = [threading.Thread(target=contextvars.Context().run, args=(one, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    inner = {run.name: run.correlation_id for run in recorded(recorder) if run.node_id == "inner"}
    assert inner == {f"/{number}": correlation for number, correlation in found}
