"""One error record per exception, however many runs it passes through. Called by every source and decorator that meets one."""

import asyncio
import hashlib
import re
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from devtools.records import Error, NodeKind, SourceKind
from devtools.telemetry.context import current
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.values import exception_text, frames_above, qualified_name, stack_above, stack_of

MAX_CAUSES = 10
MAX_LEAVES = 1_000
"""Exceptions of a group that are looked at."""
_MARK = "__devtools_recorded__"


def record_exception(
    recorder: Recorder,
    exception: BaseException,
    source_id: str,
    source_kind: SourceKind = SourceKind.TASK,
    data: object = None,
    *,
    caller: FrameType | None = None,
) -> Error | None:
    """Record an exception unless this call chain did so already. Answers the record; None where there is no new one.

    `caller` is where the exception is on its way to: for one that has not passed through any code of the app yet.
    """
    if recorder.paused or is_recorded(recorder, exception):
        return None
    run = current.get()
    try:
        guard = recorder.guard
        error = recorder.record(
            Error,
            source_id=source_id,
            source_kind=source_kind,
            type=qualified_name(type(exception)),
            message=exception_text(exception),
            stack=(stack_above(caller) if caller is not None else "") + stack_of(exception) or None,
            cause=guard.json(causes_of(exception)),
            data=guard.json(data),
            fingerprint=fingerprint_of(exception, caller),
        )
        if error is not None:
            _mark(exception, (id(recorder), run.correlation_id if run is not None else None, error.id))
    except Exception:
        recorder.dropped["error"] += 1
        return None
    return error


def is_recorded(recorder: Recorder, exception: BaseException) -> bool:
    """Whether this call chain recorded the exception already.

    An exception object that is raised again in another chain, as module constants are, counts anew. A group is recorded with all
    that is in it.
    """
    mark = _mark_of(exception)
    if mark is None or mark[0] != id(recorder):
        leaves = _leaves(exception)
        return bool(leaves) and all(is_recorded(recorder, leaf) for leaf in leaves)
    run = current.get()
    return run is None or mark[1] is None or mark[1] == run.correlation_id


def recorded_id(exception: BaseException) -> int | None:
    """The id of the error record of an exception, for a group of the first in it; None before it was recorded."""
    mark = _mark_of(exception)
    if mark is not None:
        return mark[2]
    return next(filter(None, map(recorded_id, _leaves(exception))), None)


def _leaves(exception: BaseException) -> list[BaseException]:
    """The exceptions in a group that are no groups themselves; none where it is no group."""
    found: list[BaseException] = []
    pending = list(_parts(exception)) if isinstance(exception, BaseExceptionGroup) else []
    while pending and len(found) < MAX_LEAVES:
        part = pending.pop(0)
        if isinstance(part, BaseExceptionGroup):
            pending[:0] = _parts(part)
        else:
            found.append(part)
    return found


def _mark(exception: BaseException, mark: tuple[int, str | None, int]) -> None:
    try:
        object.__getattribute__(exception, "__dict__")[_MARK] = mark
    except KeyboardInterrupt:
        raise
    except BaseException:  # the app's class, which may raise anything
        return


def _mark_of(exception: BaseException) -> Any:  # Any: (recorder, correlation id, error id) or None
    try:
        return object.__getattribute__(exception, "__dict__").get(_MARK)
    except KeyboardInterrupt:
        raise
    except BaseException:  # the app's class, which may raise anything
        return None


_DISCONNECTS = frozenset({"ClientDisconnect", "ClientDisconnected", "WebSocketDisconnect"})


def _parts(group: Any) -> tuple[BaseException, ...]:  # Any: a group of whatever type
    return group.exceptions


def is_cancellation(error: BaseException) -> bool:
    """Whether the work was cancelled or the client left: no error of the app."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_cancellation, _parts(error)))
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return True
    return any(base.__name__ in _DISCONNECTS for base in type(error).__mro__)


def source_kind_of(kind: NodeKind) -> SourceKind:
    """The kind of an error's source for the kind of a run."""
    return SourceKind[kind.name] if kind.name in SourceKind.__members__ else SourceKind.INTERNAL


def causes_of(exception: BaseException) -> list[dict[str, str]] | None:
    """What led to an exception, nearest first, as Python prints it; None where nothing did."""
    found: list[dict[str, str]] = []
    seen = {id(exception)}
    cause = _cause(exception)
    while cause is not None and id(cause) not in seen and len(found) < MAX_CAUSES:
        seen.add(id(cause))
        found.append({"type": qualified_name(type(cause)), "message": exception_text(cause)})
        cause = _cause(cause)
    return found or None


def _cause(exception: BaseException) -> BaseException | None:
    if exception.__cause__ is not None:
        return exception.__cause__
    return None if exception.__suppress_context__ else exception.__context__


_VARYING = re.compile(
    r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b[0-9a-fA-F]{16,}\b|\d+|'[^']{0,200}'|\"[^\"]{0,200}\""
)


def normal_message(message: str) -> str:
    """A message without what differs from one occurrence to the next: numbers, ids, addresses, quoted values."""
    return _VARYING.sub("#", message[:1_000])


def fingerprint_of(exception: BaseException, caller: FrameType | None = None) -> str:
    """16 hex digits, equal for errors of one type, normalised message and innermost frame of the app's own code."""
    parts = (
        qualified_name(type(exception)),
        normal_message(exception_text(exception)),
        _own_frame(exception, caller),
    )
    return hashlib.blake2b("\n".join(parts).encode(errors="replace"), digest_size=8).hexdigest()


def _own_frame(exception: BaseException, caller: FrameType | None) -> str:
    """File and function of the innermost own frame, else of the innermost frame. Lines move too often to take part."""
    innermost: CodeType | None = None
    own: CodeType | None = None
    step = exception.__traceback__
    while step is not None:
        innermost = step.tb_frame.f_code
        if _is_own(innermost.co_filename):
            own = innermost
        step = step.tb_next
    if own is None and caller is not None:
        own = next(
            (code for frame in frames_above(caller) if _is_own((code := frame.f_code).co_filename)), None
        )
    code = own or innermost
    return "" if code is None else f"{Path(code.co_filename).name}:{code.co_qualname}"


_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {sys.prefix + "/lib"}
)
_US = str(Path(__file__).resolve().parents[1])


@lru_cache(maxsize=2_048)
def _is_own(filename: str) -> bool:
    """Whether a file is the app's: no library, nothing generated, not ours."""
    if filename.startswith("<") or "site-packages" in filename or "dist-packages" in filename:
        return False
    return not filename.startswith((*_LIBRARIES, _US))
