"""WSGI requests as runs: a plain WSGI layer around the app, put there by `DevTools.wrap_wsgi`, and what only Flask knows.

Starts from `sys.modules`; a process without Flask is left alone.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from types import TracebackType
from typing import Any

from devtools.introspection.paths import template as path_of
from devtools.records import Http, NodeKind, Run, RunStatus
from devtools.settings import CaptureHttp, Settings
from devtools.sources import chosen, sampler
from devtools.sources.asgi import INTERNAL_SERVER_ERROR, UNMATCHED
from devtools.sources.httpcapture import Capture, Captured
from devtools.sources.templates import PATH_TEMPLATE
from devtools.sources.tracecontext import parse_traceparent
from devtools.telemetry import active
from devtools.telemetry.context import current, internal
from devtools.telemetry.errors import is_cancellation, record_exception
from devtools.telemetry.identifiers import TRACE_ID, new_correlation, new_run_id
from devtools.telemetry.masking import mask_query
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.runs import ActiveRun, Details, describe, enter, leave

Environ = MutableMapping[str, Any]  # Any: WSGI environments are open dictionaries
Headers = list[tuple[str, str]]
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
StartResponse = Callable[..., Callable[[bytes], object]]
Answer = Iterable[bytes]
WSGIApp = Callable[[Environ, StartResponse], Answer]

CORRELATION_HEADER = "x-correlation-id"
_BODY_READERS = frozenset({"read", "read1", "readline", "readlines"})


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Note the exceptions that handlers of a Flask app turn into answers, until the answer is called."""
    flask: Any = getattr(sys.modules.get("flask"), "Flask", None)  # Any: only there where the app imported it
    if flask is None:
        return lambda: None
    original = flask.handle_user_exception
    is_active = True

    def handle_user_exception(self: Any, exception: Exception) -> Any:  # Any: as Flask types it
        if is_active:
            note_handled(exception)
        return original(self, exception)

    flask.handle_user_exception = handle_user_exception

    def uninstall() -> None:
        nonlocal is_active
        is_active = False
        if flask.handle_user_exception is handle_user_exception:
            flask.handle_user_exception = original

    return uninstall


class RecordRequests:
    """The app, with a run for every request where a DevTools runs. What we make of a request never changes the answer."""

    def __init__(self, app: WSGIApp, settings: Settings) -> None:
        self.app = app
        self.header = settings.correlation_header
        self._what: CaptureHttp = settings.capture_http
        self._keeps = sampler(settings, "wsgi") if "wsgi" in chosen(settings) else lambda: False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Answer:
        """Answer by the app, recorded."""
        recorder = active.recorder
        if recorder is None or recorder.paused or internal.get() or (self._keeps and not self._keeps()):
            return self.app(environ, start_response)
        run = self._begin(recorder, environ)
        if run is None:
            return self.app(environ, start_response)
        enter(run)
        try:
            answer = self.app(environ, _Start(run, start_response, has_header=self.header))
        except BaseException as error:
            run.failed(error)
            raise
        finally:
            leave(run)
        return _followed(run, answer, environ.get("wsgi.file_wrapper"))

    def _begin(self, recorder: Recorder, environ: Environ) -> "Request | None":
        """The run of this request; None where the environment cannot be read, which is for the app to say."""
        try:
            outer = current.get()
            sent = environ.get("HTTP_TRACEPARENT")
            parent = parse_traceparent(sent.encode("latin-1")) if sent and outer is None else None
            if parent is not None:
                correlation = parent[TRACE_ID]
            elif outer is not None:
                correlation = outer.correlation_id
            else:
                correlation = new_correlation()
            captured = None
            if self._what != "none":
                captured = Capture(recorder.guard, self._what).begin({"headers": _headers(environ)})
                environ["wsgi.input"] = _Body(environ["wsgi.input"], captured, recorder)
            run = _request(recorder, environ, outer, correlation, parent, captured)
        except Exception:
            recorder.dropped[Run.kind] += 1
            return None
        recorder.running[run.run_id] = run
        return run


def _request(
    recorder: Recorder,
    environ: Environ,
    outer: ActiveRun | None,
    correlation: str | bytes | int,
    remote_parent: bytes | None,
    captured: Captured | None,
) -> "Request":
    query = environ.get("QUERY_STRING")
    length = environ.get("CONTENT_LENGTH") or ""
    mounted_at = environ.get("SCRIPT_NAME", "")
    return Request(
        recorder=recorder,
        node=UNMATCHED,
        node_kind=NodeKind.TASK,
        name=UNMATCHED,
        parent=outer,
        outer=outer,
        run_id=new_run_id(),
        correlation=correlation,
        remote_parent=remote_parent,
        session_id=None if outer is None else outer.session_id,
        input=None,
        started=recorder.monotonic_ns(),
        method=environ["REQUEST_METHOD"],
        path=recorder.guard.text(_text(mounted_at + environ.get("PATH_INFO", "")) or "/"),
        query=mask_query(query, recorder.guard.rules) if query else None,
        client=environ.get("REMOTE_ADDR") or None,
        received=int(length) if length.isdigit() and len(length) <= 18 else None,
        environ=environ,
        mounted_at=mounted_at,
        captured=captured,
    )


class Request(ActiveRun, eq=False, gc=False):
    """The run of one request. It ends when the server closes the answer, or at once where all of it is there."""

    method: str = ""
    path: str = ""
    query: str | None = None
    client: str | None = None
    received: int | None = None
    environ: Any = None  # Any: Environ until the end; then the app's objects are let go
    mounted_at: str = ""
    captured: Captured | None = None
    handled: BaseException | None = None
    """What a handler of the app turned into an answer."""
    code: int | None = None
    announced: int | None = None
    """The length of the body that the answer's headers say."""
    sent: int = 0
    template: str | None = None

    @property
    def node_id(self) -> str:
        """The id of the route, `unmatched` before and without one."""
        if self.status is RunStatus.running:
            # Flask lets go of its request before the answer is closed.
            self.template = _template(self.environ, self.mounted_at) or self.template
        method = "GET" if self.method == "HEAD" else self.method
        return UNMATCHED if self.template is None else f"{method} {self.template}"

    @property
    def title(self) -> str:
        """The route, or the method where none is known."""
        node = self.node_id
        return self.method if node == UNMATCHED else node

    def to_record(self, identifier: int, process_id: int) -> Run:
        """The record of a request that has ended."""
        self.node = self.node_id
        self.name = self.title
        return super().to_record(identifier, process_id)

    def http(self) -> Http:
        """The HTTP side."""
        query = None if self.query is None else self.recorder.guard.text(self.query)
        return Http(
            self.method,
            self.template,
            self.path,
            query,
            self.code,
            self.received,
            self.sent,
            self.client,
        )

    def answering(
        self, status: str, headers: Headers, error: BaseException | None, *, has_header: bool
    ) -> Headers:
        """The app gives status and headers. Answers the headers for the server: a copy, with the correlation id."""
        self.code = int(status[:3])
        self.handled = error or self.handled
        node_id = self.node_id
        if self.handled is not None and self.code >= INTERNAL_SERVER_ERROR:
            record_exception(self.recorder, self.handled, node_id)
        names = {name.lower(): value for name, value in headers}
        length = names.get("content-length", "")
        self.announced = int(length) if length.isdigit() else None
        if self.captured is not None:
            self.captured.response_headers(_encoded(headers))
        if not has_header or CORRELATION_HEADER in names:
            return headers
        return [*headers, (CORRELATION_HEADER, self.correlation_id)]

    def part(self, body: bytes) -> None:
        """Count a part of the answer. Never raises: what is no bytes is for the server to say."""
        try:
            self.sent += len(body)
            if self.captured is not None:
                self.captured.response_body(body)
        except Exception:
            self.recorder.dropped[Run.kind] += 1

    def failed(self, error: BaseException) -> None:
        """The app raised. One error record, none where the work was cancelled. Never raises."""
        if is_cancellation(error):
            self.over(RunStatus.cancelled)
            return
        record_exception(self.recorder, error, self.node_id)
        if self.code is None:
            self.code = INTERNAL_SERVER_ERROR
        self.over(RunStatus.error, describe(error))

    def returned(self, *, is_whole: bool) -> None:
        """The answer was closed. `is_whole`: the server took all of it."""
        if self.status is not RunStatus.running:
            return
        if self.code is None and not is_whole:
            self.over(RunStatus.cancelled)
        elif self.code is None:
            self.over(RunStatus.error, "The app returned without completing its answer.")
        elif self.code >= INTERNAL_SERVER_ERROR:
            self.over(
                RunStatus.error, f"HTTP {self.code}" if self.handled is None else describe(self.handled)
            )
        elif (
            is_whole or self.method == "HEAD" or (self.announced is not None and self.sent >= self.announced)
        ):
            self.over(RunStatus.ok)
        else:
            self.over(RunStatus.cancelled)

    def over(self, status: RunStatus, error: str | None = None) -> None:
        """Record the run, once."""
        if self.status is not RunStatus.running:
            return
        try:
            self.template = _template(self.environ, self.mounted_at) or self.template
            if error is not None or self.captured is not None:
                self.details = Details(error, None, self.captured and self.captured.attributes())
                self.details.guard(self.recorder.guard)
        except Exception:
            self.recorder.dropped[Run.kind] += 1
        self.environ = self.captured = self.handled = None
        self.recorder.end(self, status)


class _Start:
    """`start_response` as the app sees it."""

    def __init__(self, run: Request, start_response: StartResponse, *, has_header: bool) -> None:
        self._run = run
        self._start_response = start_response
        self._has_header = has_header

    def __call__(
        self, status: str, headers: Headers, exc_info: ExceptionInfo | None = None
    ) -> Callable[[bytes], object]:
        run = self._run
        if run.status is RunStatus.running:
            try:
                error = None if exc_info is None else exc_info[1]
                headers = run.answering(status, headers, error, has_header=self._has_header)
            except Exception:
                run.recorder.dropped[Run.kind] += 1
        more = () if exc_info is None else (exc_info,)
        write = self._start_response(status, headers, *more)

        def counted(body: bytes) -> object:
            run.part(body)
            return write(body)

        return counted


def _followed(run: Request, answer: Answer, file_wrapper: object) -> Answer:
    """The answer, watched until the server closes it. What servers treat in a way of their own stays what it is."""
    if isinstance(answer, list | tuple):
        for body in answer:
            run.part(body)
        run.returned(is_whole=True)
        return answer
    if isinstance(file_wrapper, type) and isinstance(answer, file_wrapper):
        run.sent = run.announced or 0
        run.returned(is_whole=True)
        return answer
    return _SizedParts(run, answer) if hasattr(type(answer), "__len__") else _Parts(run, answer)


class _Parts:
    """The parts of an answer, made in the context of their request."""

    def __init__(self, run: Request, answer: Answer) -> None:
        self._run = run
        self._answer = answer
        self._iterator: Iterator[bytes] | None = None
        self._is_whole = False

    def __iter__(self) -> "_Parts":
        return self

    def __next__(self) -> bytes:
        run = self._run
        enter(run)
        try:
            if self._iterator is None:
                self._iterator = iter(self._answer)
            part = next(self._iterator)
        except StopIteration:
            self._is_whole = True
            raise
        except BaseException as error:
            run.failed(error)
            raise
        finally:
            leave(run)
        run.part(part)
        return part

    def close(self) -> None:
        """Called by the server, also where it did not take every part."""
        run = self._run
        close = getattr(self._answer, "close", None)
        enter(run)
        try:
            if close is not None:
                close()
        except BaseException as error:
            run.failed(error)
            raise
        finally:
            leave(run)
        run.returned(is_whole=self._is_whole)

    def __del__(self) -> None:
        # A server that does not close what it dropped leaves no request running for ever.
        self._run.returned(is_whole=self._is_whole)


class _SizedParts(_Parts):
    """Of an answer that knows how many parts it has: servers derive the length of a single one from it."""

    def __len__(self) -> int:
        return len(self._answer)  # type: ignore[arg-type] # `_followed` looked


class _Body:
    """The request's body as the app reads it, kept on the way. What it does otherwise is what the server's file does."""

    def __init__(
        self, body: Any, captured: Captured, recorder: Recorder
    ) -> None:  # Any: a file of the server's
        self._body = body
        self._captured = captured
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:  # Any: whatever the server's file has
        found = getattr(self._body, name)
        return self._reading(found) if name in _BODY_READERS else found

    def __iter__(self) -> Iterator[bytes]:
        for line in self._body:
            self._keep(line)
            yield line

    def __next__(self) -> bytes:
        line = next(self._body)
        self._keep(line)
        return line

    def __enter__(self) -> Any:  # Any: as above
        entered = self._body.__enter__()
        return self if entered is self._body else entered

    def __exit__(self, *error: object) -> Any:  # Any: as above
        return self._body.__exit__(*error)

    def _reading(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def kept(*arguments: Any, **named: Any) -> Any:  # Any: as above
            found = read(*arguments, **named)
            self._keep(found)
            return found

        return kept

    def _keep(self, found: bytes | list[bytes] | None) -> None:
        try:
            if found is not None:
                self._captured.request_body(b"".join(found) if isinstance(found, list) else found)
        except Exception:
            self._recorder.dropped[Run.kind] += 1


def note_handled(exception: BaseException) -> None:
    """Called by the sources of frameworks: this exception is being turned into an answer, whose status will say what it was."""
    run = current.get()
    while run is not None and not isinstance(run, Request):
        run = run.parent
    if run is not None and run.status is RunStatus.running:
        run.handled = exception
        # Where Flask lets it pass, its request is gone by then, and the rule with it.
        run.template = _template(run.environ, run.mounted_at)


def _template(environ: Any, mounted_at: str) -> str | None:  # Any: an Environ, None after the end
    """The path template that Werkzeug or Django matched, as `/cart/{id}`, below where the app was mounted on the way."""
    template = environ.get(PATH_TEMPLATE)
    if isinstance(template, str):
        return template
    rule = getattr(getattr(environ.get("werkzeug.request"), "url_rule", None), "rule", None)
    if not isinstance(rule, str):
        return None
    return environ.get("SCRIPT_NAME", "").removeprefix(mounted_at) + path_of(rule)


def _text(raw: str) -> str:
    """Text from the bytes that WSGI gives as Latin-1."""
    return raw.encode("latin-1", "replace").decode(errors="replace")


def _headers(environ: Environ) -> list[tuple[bytes, bytes]]:
    names = {name: name[5:] for name in environ if name.startswith("HTTP_")}
    names |= {name: name for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    return _encoded([(name.replace("_", "-"), environ[key]) for key, name in names.items()])


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
