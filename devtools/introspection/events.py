"""Events of the app: what is emitted, and who hears of it."""

import inspect
from typing import Generic, TypeVar

from devtools.errors import ValidationError
from devtools.introspection.registry import ID, registry
from devtools.records import Emission
from devtools.telemetry import active, context

P = TypeVar("P")


class Event(Generic[P]):
    """An event of the app. `emit` runs its hooks in order; an exception in a hook ends the emission and reaches the emitter."""

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        setattr(self, ID, identifier)

    def __repr__(self) -> str:
        return f"<Event {self.id}>"

    async def emit(self, payload: P = None) -> None:  # type: ignore[assignment] # an event without payload
        """Record the emission and run the hooks, sync and async ones, one after the other."""
        self._record(payload)
        for entry in registry.hooks_of(self.id):
            answer = entry.thing(payload)
            if inspect.isawaitable(answer):
                await answer

    def emit_sync(self, payload: P = None) -> None:  # type: ignore[assignment] # as above
        """As `emit`, from sync code. Raises ValidationError naming the hooks that are async, before any hook runs."""
        hooks = registry.hooks_of(self.id)
        waiting = [entry.element.id for entry in hooks if inspect.iscoroutinefunction(entry.thing)]
        if waiting:
            raise self._must_be_awaited(waiting)
        self._record(payload)
        for entry in hooks:
            answer = entry.thing(payload)
            if inspect.isawaitable(answer):
                if inspect.iscoroutine(answer):
                    answer.close()
                raise self._must_be_awaited([entry.element.id])

    def _must_be_awaited(self, hooks: list[str]) -> ValidationError:
        return ValidationError(
            f"Cannot emit {self.id} from sync code: {', '.join(hooks)} must be awaited. Use `await event.emit(…)`.",
            field="hooks",
            value=hooks,
        )

    def _record(self, payload: P) -> None:
        recorder = active.recorder
        if recorder is None or context.internal.get():
            return
        run = context.current.get()
        recorder.record(
            Emission,
            event_id=self.id,
            emitter_id=run.node_id if run is not None else None,
            payload=recorder.guard.json(payload),
        )
