"""`warnings` as logs. What is printed, and which filters apply, stays as configured."""

import warnings
from collections.abc import Callable
from typing import Any

from devtools.records import Level
from devtools.settings import Settings
from devtools.sources import sampler
from devtools.telemetry.context import internal
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.values import exception_text, qualified_name

SOURCE_ID = "py.warnings"
"""The name `logging.captureWarnings` gives its logger."""


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Record every warning that is shown until the answer is called."""
    original = warnings.showwarning
    keeps = sampler(settings, "warnings")
    active = True

    def show(
        message: Any, category: type[Warning], filename: str, lineno: int, *others: Any, **named: Any
    ) -> None:
        if active and not internal.get() and original.__module__ != "logging" and (keeps is None or keeps()):
            _record(recorder, message, category, filename, lineno)
        original(message, category, filename, lineno, *others, **named)

    warnings.showwarning = show

    def uninstall() -> None:
        nonlocal active
        active = False
        if warnings.showwarning is show:
            warnings.showwarning = original

    return uninstall


def _record(recorder: Recorder, message: Any, category: type[Warning], filename: str, lineno: int) -> None:
    text = exception_text(message) if isinstance(message, BaseException) else str(message)
    recorder.log(
        Level.warn, f"{qualified_name(category)}: {text}", SOURCE_ID, location=f"{filename}:{lineno}"
    )
