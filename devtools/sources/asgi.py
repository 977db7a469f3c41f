"""HTTP requests and WebSocket sessions as runs: a plain ASGI layer around the app, put there by `devtools.app`.

Every microsecond here is paid by every request of the app: one object per request, which is the run itself, and little else.
"""

# Annotations of the functions that are made for each request would be evaluated for each request.
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from devtools.records import Http, NodeKind, Run, RunStatus
from devtools.settings import CaptureHttp, Settings
from devtools.sources import chosen, sampler
from devtools.sources.asgi_types import ASGIApp, Message, Receive, Scope, Send
from devtools.sources.httpcapture import Capture, Captured
from devtools.sources.routes import Matched, Named, Routed, Routes
from devtools.sources.tracecontext import parse_traceparent
from devtools.telemetry.context import Left, current, internal, left
from devtools.telemetry.errors import is_cancellation, record_exception
from devtools.telemetry.identifiers import TRACE_ID, new_correlation, random_bits
from devtools.telemetry.masking import mask_query
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.runs import ActiveRun, Details, describe

UNMATCHED = "unmatched"
"""Node id of a request that no route took."""
CORRELATION_HEADER = b"x-correlation-id"
SWITCHING_PROTOCOLS = 101
FORBIDDEN = 403
INTERNAL_SERVER_ERROR = 500
_OF_FILES = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
"""Parts of an answer that are files, by extensions of ASGI."""
NORMAL_CLOSURES = frozenset({1000, 1001, 1005})
_LONGEST_NUMBER = 18

_current, _set_current, _reset_current, _is_internal = current.get, current.set, current.reset, internal.get
_left = left.set
_TASK = NodeKind.TASK
_RUNNING, _OK, _ERROR, _CANCELLED = RunStatus.running, RunStatus.ok, RunStatus.error, RunStatus.cancelled


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:  # noqa: ARG001 - the shape of every source
    """Nothing to patch: `RecordRequests` stands around the app."""
    return lambda: None


class RecordRequests:
    """The app, with a run for every request and session; what is not recorded goes to `passed`.

    Requests below `prefix`, where there is one, are not the app's. Nothing is recorded before `record_to` gives it a recorder.
    """

    def __init__(
        self, app: ASGIApp, recorder: Recorder | None, settings: Settings, *, prefix: str = ""
    ) -> None:
        self.app = app
        self.prefix = prefix
        self.routes = Routes()
        self.header = settings.correlation_header
        self.keeps = sampler(settings, "asgi") if "asgi" in chosen(settings) else lambda: False
        self._captures: CaptureHttp = settings.capture_http
        self.record_to(recorder)

    def record_to(self, recorder: Recorder | None) -> None:
        """Record to this one from now on; None = no more."""
        self.capture = (
            None if recorder is None or self._captures == "none" else Capture(recorder.guard, self._captures)
        )
        self.recorder = recorder

    async def passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not recorded."""
        await self.app(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the app, recorded."""
        outer, recorder = _current(), self.recorder
        run = (
            None
            if recorder is None or recorder.paused or _is_internal()
            else self._begin(recorder, scope, outer)
        )
        if run is None:
            await self.passed(scope, receive, send)
            return

        # The two functions and not the run stand between app and server: an app may keep them for ever, and the ring keeps the run.
        # What the run makes of a message never changes whether it arrives.
        async def to_app() -> Message:
            message = await receive()
            if run.status is _RUNNING:
                try:
                    run.incoming(message)
                except Exception:
                    run.lost()
            return message

        def to_server(message: Message) -> Awaitable[None]:
            if run.status is _RUNNING:
                try:
                    message = run.outgoing(message)
                except Exception:
                    run.lost()
            return send(message)

        app, token = self.app, _set_current(run)
        try:
            await app(scope, to_app, to_server)
        except BaseException as error:
            run.ended(error)
            _left(Left(id(run.recorder), id(error), run.correlation_id, run.run_id))
            raise
        finally:
            if run.status is _RUNNING:
                run.ended()
            run.scope = run.handled = None
            try:
                _reset_current(token)  # half of what setting it costs
            except ValueError:  # the app is left in another context than it was entered in
                _set_current(outer)

    def _begin(self, recorder: Recorder, scope: Scope, outer: ActiveRun | None) -> Exchange | None:
        """The run of this exchange; None where it is not recorded, or its scope cannot be read, which is for the app to say."""
        kind = _EXCHANGES.get(scope["type"])
        if kind is None or (self.keeps is not None and not self.keeps()):
            return None
        try:
            path, prefix = scope["path"], self.prefix
            # Looked at here first: no call for nearly all of them.
            if prefix and prefix in path and is_below(scope, prefix):
                return None
            sent = length = None
            for name, value in scope.get("headers", ()):
                if name == b"traceparent":
                    # Of two nobody can tell which is meant.
                    sent = value if sent is None else b""
                elif name == b"content-length":
                    length = value
            if outer is not None and _is_pipelined(scope, outer):
                outer = None
            parent = None if sent is None else parse_traceparent(sent)
            if parent is not None:
                correlation = parent[TRACE_ID]
            elif outer is not None:
                correlation = outer.correlation_id
            else:
                correlation = new_correlation()
            query, guard, monotonic_ns = scope.get("query_string"), recorder.guard, recorder.monotonic_ns
            run_id = random_bits(63) or 1
            recorder.running[run_id] = run = kind(
                recorder,
                UNMATCHED,
                _TASK,
                UNMATCHED,
                outer,
                None,
                run_id,
                correlation,
                parent,
                None if outer is None else outer.session_id,
                None,
                monotonic_ns(),
                0,
                _RUNNING,
                None,
                self,
                scope["method"] if kind is Request else "WS",
                path if path in guard.clean else guard.text(path),
                mask_query(query.decode("latin-1"), guard.rules) if query else None,
                scope.get("client"),
                length,
                scope,
                None if self.capture is None else self.capture.begin(scope),
            )
        except Exception:
            recorder.dropped[Run.kind] += 1
            return None
        return run


class Exchange(ActiveRun, eq=False, gc=False):
    """The run of one request or session."""

    layer: Any = None  # Any: a RecordRequests; every field has a default because those of ActiveRun have
    method: str = ""
    path: str = ""
    query: str | None = None
    client: Any = None  # Any: as the server gives it
    length: bytes | None = None
    """The length that the client announced for the body."""
    scope: Any = None  # Any: Scope until the end; then the app's objects are let go
    captured: Captured | None = None
    handled: BaseException | None = None
    """What a handler of the app turned into an answer."""
    is_disconnected: bool = False
    is_answered: bool = False
    """Whether the last part of a failure was sent; the run may not have ended."""
    code: int | None = None
    """HTTP status."""
    received: int | None = None
    sent: int = 0
    route: Matched | Named | None = None

    @property
    def routed(self) -> Routed | None:
        """Where the app sent it; None before, and without a route."""
        route = self.route
        if route is None and self.status is _RUNNING:
            route = self.layer.routes.matched(self.scope)
        return None if route is None else route.routed(self.method)

    @property
    def node_id(self) -> str:
        """The id of the route, `unmatched` before and without one."""
        routed = self.routed
        return UNMATCHED if routed is None else routed.node_id

    @property
    def title(self) -> str:
        """The route, or the method where none is known."""
        node = self.node_id
        return self.method if node == UNMATCHED else node

    def to_record(self, identifier: int, process_id: int) -> Run:
        """The record of a request or session that has ended."""
        self.node = self.node_id
        self.name = self.title
        return super().to_record(identifier, process_id)

    def http(self) -> Http:
        """The HTTP side."""
        length = self.length
        if (
            self.received is None
            and length is not None
            and length.isdigit()
            and len(length) <= _LONGEST_NUMBER
        ):
            self.received = int(length)
        routed = self.routed
        return Http(
            self.method,
            None if routed is None else routed.template,
            self.path,
            None if self.query is None else self.recorder.guard.text(self.query),
            self.code,
            self.received,
            self.sent,
            self.client[0] if self.client else None,
        )

    def incoming(self, message: Message) -> None:
        """The app is about to receive this."""
        raise NotImplementedError

    def outgoing(self, message: Message) -> Message:
        """What the server gets of what the app sent."""
        raise NotImplementedError

    def ended(self, error: BaseException | None = None) -> None:
        """The app returned or raised. Never raises."""
        try:
            if error is None:
                self.returned()
            else:
                self.failed(error)
        except Exception:
            self.lost()

    def lost(self) -> None:
        """Something of ours failed: there will be no record."""
        if self.status is _RUNNING:
            self.status = _CANCELLED
            self.recorder.running.pop(self.run_id, None)
            self.recorder.dropped[Run.kind] += 1

    def returned(self) -> None:
        """The app returned without completing the exchange."""
        raise NotImplementedError

    def failed(self, error: BaseException) -> None:
        """The app raised. One error record, none where the client left or the work was cancelled."""
        if is_cancellation(error) or (self.is_disconnected and isinstance(error, OSError)):
            self.over(_CANCELLED)
            return
        record_exception(self.recorder, error, self.node_id)
        if self.code is None:
            self.code = INTERNAL_SERVER_ERROR
        self.over(_ERROR, describe(error))

    def labelled(self, message: Message) -> Message:
        """The message that starts an answer, with the correlation id among its headers. A copy: apps may send a constant."""
        headers = [*(message.get("headers") or ())]
        for name, _ in headers:
            if name == CORRELATION_HEADER:
                break
        else:
            correlation = self.correlation
            if type(correlation) is not bytes:
                self.correlation = correlation = self.correlation_id.encode()
            headers.append((CORRELATION_HEADER, correlation))
        labelled = dict(message)
        labelled["headers"] = headers
        return labelled

    def over(self, status: RunStatus, error: str | None = None) -> None:
        """Record the run, once."""
        if self.status is not _RUNNING:
            return
        self.route = self.layer.routes.matched(self.scope)
        if error is not None or self.captured is not None:
            self.details = Details(error, None, self.captured and self.captured.attributes())
            self.details.guard(self.recorder.guard)
            self.captured = None
        self.recorder.end(self, status)


class Request(Exchange, eq=False, gc=False):
    """One HTTP request. It ends with the last part of the answer, which is handed on after the run was recorded."""

    def incoming(self, message: Message) -> None:
        """Notices a client that left."""
        if message["type"] == "http.disconnect":
            self.is_disconnected = True
        elif self.captured is not None:
            self.captured.request_body(message.get("body", b""))

    def outgoing(self, message: Message) -> Message:
        """Notes the status, counts the body, ends the run with the last part."""
        kind = message["type"]
        if kind == "http.response.start":
            self.code = code = message["status"]
            if code >= INTERNAL_SERVER_ERROR or self.captured is not None:
                message = self.looked_at(message)
            if self.layer.header:
                return self.labelled(message)
        elif kind == "http.response.body":
            body = message.get("body")
            if body:
                self.sent += len(body)
            if self.captured is not None:
                self.captured.response_body(body or b"")
            if not message.get("more_body"):
                if self.captured is None and self.code is not None and self.code < INTERNAL_SERVER_ERROR:
                    self.route = self.layer.routes.matched(self.scope)
                    self.recorder.end(self, _OK)
                else:
                    self.answered()
        elif kind in _OF_FILES and not message.get("more_body"):
            self.answered()
        return message

    def answered(self) -> None:
        """The last part is on its way. A failure waits for the exception that may follow it and says more."""
        if self.code is not None and self.code < INTERNAL_SERVER_ERROR:
            self.over(_OK)
        else:
            self.is_answered = True

    def looked_at(self, message: Message) -> Message:
        """An answer begins that is more than usual: a failure, or one whose headers are kept. They may be readable only once."""
        if message["status"] >= INTERNAL_SERVER_ERROR and self.handled is not None:
            # Now, while it still has its traceback: Starlette takes it away after the answer.
            record_exception(self.recorder, self.handled, self.node_id)
        if self.captured is not None:
            message = {**message, "headers": [*(message.get("headers") or ())]}
            self.captured.response_headers(message["headers"])
        return message

    def returned(self) -> None:
        """The app returned: after a failure it answered itself, or in the middle of an answer because the client left."""
        if self.code is not None and self.code >= INTERNAL_SERVER_ERROR:
            self.over(_ERROR, f"HTTP {self.code}" if self.handled is None else describe(self.handled))
        elif self.is_disconnected:
            self.over(_CANCELLED)
        else:
            self.over(_ERROR, "The app returned without completing its answer.")


class Session(Exchange, eq=False, gc=False):
    """One WebSocket session, from the handshake to the closing."""

    closure: int | None = None
    """Close code, from either side."""
    uncaught: str | None = None
    """What the app raised, where its framework answered that by closing."""

    def incoming(self, message: Message) -> None:
        """Counts what the client sends, and notices how it closed."""
        if message["type"] == "websocket.receive":
            self.received = (self.received or 0) + _size(message)
        elif message["type"] == "websocket.disconnect":
            self.is_disconnected = True
            self.closure = message.get("code", 1005)

    def outgoing(self, message: Message) -> Message:
        """Notes the outcome of the handshake, counts what is sent."""
        kind = message["type"]
        if kind == "websocket.send":
            self.sent += _size(message)
        elif kind == "websocket.accept":
            self.code = SWITCHING_PROTOCOLS
            if self.layer.header:
                message = self.labelled(message)
        elif kind == "websocket.close":
            if self.code is None:
                self.code = FORBIDDEN
            self.closure = message.get("code", 1000)
        elif kind == "websocket.http.response.start":
            self.code = message["status"]
        return message

    def failed(self, error: BaseException) -> None:
        """A client that closes in good order ends the session, also where the app let the exception for it pass."""
        if self.is_disconnected and self.closure in NORMAL_CLOSURES and is_cancellation(error):
            self.over(_OK)
        else:
            super().failed(error)

    def returned(self) -> None:
        """The session is over."""
        if self.uncaught is not None:
            self.over(_ERROR, self.uncaught)
        elif self.code is not None and self.code >= INTERNAL_SERVER_ERROR:
            self.over(_ERROR, f"HTTP {self.code}")
        elif self.is_disconnected and self.closure not in NORMAL_CLOSURES:
            self.over(_CANCELLED)
        else:
            self.over(_OK)


_EXCHANGES: dict[str, type[Exchange]] = {"http": Request, "websocket": Session}


def note_handled(exception: Exception) -> None:
    """Called by the sources of frameworks: this exception is being turned into an answer, whose status will say what it was."""
    run = _exchange()
    if run is not None:
        run.handled = exception


def note_uncaught(recorder: Recorder, exception: Exception) -> None:
    """Called by the sources of frameworks: a WebSocket is being closed for this exception, which nothing of the app handled."""
    run = _exchange()
    if isinstance(run, Session) and not is_cancellation(exception):
        record_exception(recorder, exception, run.node_id)
        run.uncaught = describe(exception)


def _exchange() -> Exchange | None:
    """The request or session that goes on here."""
    run = _current()
    while run is not None and not isinstance(run, Exchange):
        run = run.parent
    return run if run is not None and run.scope is not None else None


def _is_pipelined(scope: Scope, current: ActiveRun) -> bool:
    """Whether the connection's request before this one is what is current: servers begin the next one inside its last `send`."""
    run: ActiveRun | None = current
    while run is not None and not isinstance(run, Exchange):
        run = run.parent
    if run is None or run.client != scope.get("client"):
        return False
    return run.is_answered or run.status is not _RUNNING


def is_below(scope: Scope, prefix: str) -> bool:
    """Whether the path is the prefix or below it, seen from where the app is."""
    path = scope.get("path")
    if not isinstance(path, str) or prefix not in path:  # what is no path is for the app to say
        return False
    prefix = base_path(scope) + prefix
    return path == prefix or path.startswith(prefix + "/")


def base_path(scope: Scope) -> str:
    """The part of `path` that is `root_path`: servers include it, proxies that strip it leave it out."""
    root_path: str = scope.get("root_path", "")
    path: str = scope["path"]
    return root_path if path == root_path or path.startswith(root_path + "/") else ""


def _size(message: Message) -> int:
    data = message.get("bytes")
    if data is not None:
        return len(data)
    text = message.get("text") or ""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
