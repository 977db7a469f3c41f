"""The one recorder of this process: decorated functions and hooks ask here, and record nothing when there is none."""

from collections.abc import Callable

from devtools.telemetry.recorder import Recorder

recorder: Recorder | None = None
"""Set by the DevTools that runs, None otherwise. Read as `active.recorder`, never copied."""
owner: str | None = None
"""Name of the app that the recorder belongs to."""
give_way: Callable[[], None] | None = None
"""Ends it, where a request has started it: nobody will say when such an app has ended."""
