"""Runs: what is executing now, nested by context. A run that has ended is itself the fact that the recorder keeps."""

import asyncio
from collections.abc import Mapping
from typing import Any, Optional

import msgspec

from devtools.records import Http, NodeKind, Run, RunStatus
from devtools.telemetry import active
from devtools.telemetry.context import current, internal
from devtools.telemetry.identifiers import SPAN_ID, random_bits, run_id_of
from devtools.telemetry.payload import PayloadGuard
from devtools.telemetry.recorder import Recorder

CANCELLATIONS: tuple[type[BaseException], ...] = (asyncio.CancelledError, GeneratorExit)
"""What ends a run without being an error of the app."""

_current, _set_current, _is_internal = current.get, current.set, internal.get
_OK = RunStatus.ok


class Details(msgspec.Struct, gc=False):
    """What only some runs leave behind. `output` is guarded by who makes it."""

    error: str | None = None
    output: str | None = None
    attributes: Any = None  # Any: values of the app, JSON text once guarded

    def guard(self, guard: PayloadGuard) -> None:
        """Bound and mask the error and the attributes."""
        if self.error is not None:
            self.error = guard.text(self.error)
        if self.attributes is not None:
            self.attributes = guard.json(self.attributes)


NOTHING_ELSE = Details()


class ActiveRun(msgspec.Struct, eq=False, gc=False):
    """One run from its start on; after its end it is not changed any more. Small: the ring holds these until somebody reads."""

    recorder: Recorder
    node: str
    node_kind: NodeKind
    name: str
    parent: Optional["ActiveRun"]
    outer: Optional["ActiveRun"]
    """What was current before this; None once it has ended."""
    run_id: int
    correlation: str | bytes | int
    """The correlation id: its digits, or a number until somebody wants to see it."""
    remote_parent: int | bytes | None
    """Parent run in another process; as the `traceparent` that names it until somebody wants to see it."""
    session_id: str | None
    input: str | None
    started: int
    """Monotonic nanoseconds; the duration once it has ended."""
    time_ns: int = 0
    """Unix time of the end."""
    status: RunStatus = RunStatus.running
    details: Details | None = None

    @property
    def node_id(self) -> str:
        """The element that runs."""
        return self.node

    @property
    def title(self) -> str:
        """What people call it while it runs."""
        return self.name

    @property
    def correlation_id(self) -> str:
        """32 hex digits, the same for the whole call chain."""
        correlation = self.correlation
        if not isinstance(correlation, str):
            correlation = correlation.decode() if isinstance(correlation, bytes) else f"{correlation:032x}"
            self.correlation = correlation
        return correlation

    @property
    def parent_run_id(self) -> int | None:
        """The run that this one is part of, here or in another process."""
        remote = self.remote_parent
        if remote is not None:
            return run_id_of(remote[SPAN_ID].decode()) if isinstance(remote, bytes) else remote
        return None if self.parent is None else self.parent.run_id

    @property
    def root(self) -> "ActiveRun":
        """The outermost run."""
        run = self
        while run.parent is not None:
            run = run.parent
        return run

    @property
    def started_ns(self) -> int:
        """Unix time of the start, of a run that has not ended."""
        clocks = self.recorder.clocks
        return clocks.time_ns() - (clocks.monotonic_ns() - self.started)

    def http(self) -> Http | None:
        """The HTTP side, of a run that has one."""
        return None

    def to_record(self, identifier: int, process_id: int) -> Run:
        """The record of a run that has ended."""
        parent, root, details = self.parent, self.root, self.details or NOTHING_ELSE
        return Run(
            id=identifier,
            time_ns=self.time_ns,
            process_id=process_id,
            correlation_id=self.correlation_id,
            run_id=self.run_id,
            node_id=self.node_id,
            node_kind=self.node_kind,
            name=self.name,
            duration_ns=self.started,
            status=self.status,
            ok=self.status is _OK,
            error=details.error,
            parent_run_id=self.parent_run_id,
            root_run_id=root.run_id,
            parent_id=None if parent is None else parent.node_id,
            root_id=root.node_id,
            session_id=self.session_id,
            input=self.input,
            output=details.output,
            attributes=details.attributes,
            http=self.http(),
        )


def start(
    node_id: str,
    node_kind: NodeKind,
    name: str,
    *,
    correlation_id: str | None = None,
    parent_run_id: int | None = None,
    input_json: str | None = None,
) -> ActiveRun | None:
    """Begin a run inside the current one and make it the current one; end it with `finish`.

    None when nothing records: no DevTools runs, it is paused, or this is our own work. `correlation_id` and
    `parent_run_id` are what a caller elsewhere sent (`traceparent`).
    """
    recorder = active.recorder
    if recorder is None or recorder.paused or _is_internal():
        return None
    parent = _current()
    # As calls, what makes the two ids costs as much again.
    if parent is None:
        correlation: str | bytes | int = correlation_id or random_bits(128) or 1
        session_id = None
    else:
        correlation = correlation_id or parent.correlation
        session_id = parent.session_id
    run_id = random_bits(63) or 1
    recorder.running[run_id] = run = ActiveRun(
        recorder,
        node_id,
        node_kind,
        name,
        parent,
        parent,
        run_id,
        correlation,
        parent_run_id,
        session_id,
        input_json,
        recorder.monotonic_ns(),
    )
    _set_current(run)
    return run


def finish(
    run: ActiveRun,
    *,
    exception: BaseException | None = None,
    status: RunStatus | None = None,
    error: str | None = None,
    output_json: str | None = None,
    attributes: Mapping[str, Any] | None = None,  # Any: guarded here
) -> None:
    """End a run, record it, and make the one around it current again.

    Without `status` the exception decides: cancellation is no error. `output_json` is guarded by the caller.
    """
    if exception is not None:
        status = status or status_of(exception)
        error = describe(exception) if error is None else error
    if error is not None or output_json is not None or attributes:
        run.details = details = Details(error, output_json, attributes)
        details.guard(run.recorder.guard)
    if _current() is run:
        _set_current(run.outer)
    else:
        leave(run)
    run.outer = None
    run.recorder.end(run, status or _OK)


def enter(run: ActiveRun) -> None:
    """Make a run that was left the current one again: a generator goes on."""
    run.outer = _current()
    _set_current(run)


def leave(run: ActiveRun) -> None:
    """Make what was current before this run current again, where this one or one inside it still is."""
    inside = _current()
    if inside is not run:
        # A generator or task may end in another context than it began in: there is nothing to restore there.
        while inside is not None and inside is not run:
            inside = inside.parent
        if inside is None:
            return
    _set_current(run.outer)


def status_of(exception: BaseException | None) -> RunStatus:
    """The outcome that an exception, or none, means."""
    if exception is None:
        return RunStatus.ok
    return RunStatus.cancelled if isinstance(exception, CANCELLATIONS) else RunStatus.error


def describe(exception: BaseException) -> str:
    """One line for an exception: its message, else its type. Never raises."""
    try:
        return str(exception) or type(exception).__name__
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"<{type(exception).__name__} whose text cannot be made>"
