"""What clients may change, and the actions of the compatible interface that are refused. `policies` decides who may."""

# ruff: noqa: ARG002 - the arguments of refused actions are part of the interface

import time
from collections.abc import Sequence

import strawberry

from devtools.errors import FeatureDisabledError, UnavailableError, ValidationError
from devtools.graphql.context import Info
from devtools.graphql.declare import field, object_type
from devtools.graphql.policies import WHY_NEVER, refusal
from devtools.graphql.reading import or_none
from devtools.graphql.services import Removed
from devtools.graphql.snapshots import Name, Snapshot, owner
from devtools.graphql.system import RecordKind, System, kind_of, record_type_of
from devtools.introspection import actions
from devtools.introspection.exchange import imported
from devtools.records import NANOSECONDS_PER_MILLISECOND, Audit
from devtools.telemetry import active

CONFIRMATION = "clear"
LONGEST_LABEL = 200


@object_type
class SwapResult:
    """Answer of actions that replace code; this server refuses them."""

    success: bool
    error: str | None
    task_id: str


@object_type
class EditFileResult:
    """Answer of an action that edits files; this server refuses it."""

    success: bool
    error: str | None
    path: str
    resolved_path: str | None


@object_type
class EvalResult:
    """Answer of an action that evaluates code; this server refuses it."""

    success: bool
    error: str | None
    result: str | None
    execution_time_ms: float | None
    invocation_id: str | None


@object_type
class InvokeResult:
    """Answer of a task that was run."""

    success: bool
    error: str | None
    task_id: str
    result: str | None
    execution_time_ms: float | None
    invocation_id: str | None


@object_type
class InvokeEventResult:
    """Answer of an event that was emitted."""

    success: bool
    error: str | None
    execution_time_ms: float | None
    invocation_id: str | None


@object_type
class PruneResult:
    """How many records of a kind were removed."""

    kind: RecordKind
    removed: int


@object_type
class Mutation:
    """What clients may change. Needs write access."""

    @field
    def swap_task(self, task_id: strawberry.ID, run_code: str) -> SwapResult:
        """Never offered: FEATURE_DISABLED."""
        raise refusal("swapTask")

    @field
    def edit_file(self, path: str, content: str) -> EditFileResult:
        """Never offered: FEATURE_DISABLED."""
        raise refusal("editFile")

    @field
    def unswap_task(self, task_id: strawberry.ID) -> SwapResult:
        """Never offered: FEATURE_DISABLED."""
        raise refusal("unswapTask")

    @field
    def unswap_all_tasks(self) -> list[SwapResult]:
        """Never offered: FEATURE_DISABLED."""
        raise refusal("unswapAllTasks")

    @field
    def invoke_event(
        self,
        info: Info,
        event_id: strawberry.ID,
        input_json: str | None = strawberry.UNSET,
        eval_input: bool | None = strawberry.UNSET,
    ) -> InvokeEventResult:
        """Emit a declared event with this JSON payload, in the app. Off unless `invoke_events` is set."""
        _refuse_code("invokeEvent", or_none(eval_input))
        caller = _caller(info, "invokeEvent")
        found = actions.invoke_event(event_id, or_none(input_json), caller)
        return InvokeEventResult(
            success=found.error is None,
            error=found.error,
            execution_time_ms=found.duration_ms,
            invocation_id=caller.correlation_id,
        )

    @field
    def invoke_task(
        self,
        info: Info,
        task_id: strawberry.ID,
        input_json: str | None = strawberry.UNSET,
        pure: bool | None = strawberry.UNSET,
        eval_input: bool | None = strawberry.UNSET,
    ) -> InvokeResult:
        """Call a declared task with a JSON object of its arguments, in the app. Off unless `invoke_tasks` is set.

        `pure` calls the bare function, without a run of the task. `invocationId` is the correlation id of all that it did.
        """
        _refuse_code("invokeTask", or_none(eval_input))
        caller = _caller(info, "invokeTask")
        found = actions.invoke_task(task_id, or_none(input_json), caller, pure=or_none(pure) or False)
        return InvokeResult(
            success=found.error is None,
            error=found.error,
            task_id=task_id,
            result=found.result,
            execution_time_ms=found.duration_ms,
            invocation_id=caller.correlation_id,
        )

    @field
    def eval(self, code: str) -> EvalResult:
        """Never offered: FEATURE_DISABLED."""
        raise refusal("eval")

    @field
    def recording(self, info: Info, paused: bool) -> System:
        """Pause or resume recording in this process."""
        info.context.services.recorder.paused = paused
        return System()

    @field
    def activate_snapshot(
        self, info: Info, version: int, app: Name = strawberry.UNSET, role: Name = strawberry.UNSET
    ) -> Snapshot:
        """Make a version the active one, until the app's next start."""
        snapshots = info.context.services.store.snapshots
        return Snapshot(row=snapshots.activate(version, *owner(info.context, app, role)))

    @field
    def label_snapshot(
        self,
        info: Info,
        version: int,
        label: str | None = strawberry.UNSET,
        app: Name = strawberry.UNSET,
        role: Name = strawberry.UNSET,
    ) -> Snapshot:
        """Name a version, or take its name away with null."""
        name = or_none(label)
        if name is not None and len(name) > LONGEST_LABEL:
            raise ValidationError(
                f"label cannot have {len(name)} characters: at most {LONGEST_LABEL}.",
                field="label",
                value=name,
            )
        snapshots = info.context.services.store.snapshots
        return Snapshot(row=snapshots.label(version, name, *owner(info.context, app, role)))

    @field
    def import_snapshot(
        self, info: Info, document: str, app: Name = strawberry.UNSET, role: Name = strawberry.UNSET
    ) -> Snapshot:
        """Store what `Snapshot.document` answered, here or elsewhere, as a new version that is not active.

        Off unless `import_snapshots` is set. It belongs to the app and role that it names, unless others are given. No version is
        dropped for it: CONFLICT where `max_snapshots` are kept already.
        """
        row = imported(document, or_none(app), or_none(role))
        return Snapshot(row=info.context.services.store.snapshots.add(row))

    @field
    def delete_snapshot(
        self, info: Info, version: int, app: Name = strawberry.UNSET, role: Name = strawberry.UNSET
    ) -> bool:
        """Remove a version that is not active."""
        info.context.services.store.snapshots.delete(version, *owner(info.context, app, role))
        return True

    @field
    def prune(
        self,
        info: Info,
        kind: RecordKind | None = strawberry.UNSET,
        older_than_ms: float | None = strawberry.UNSET,
    ) -> list[PruneResult]:
        """Apply retention now, or remove what is older than a Unix time in milliseconds; of one kind, or of all but the audit.

        The audit keeps to its retention alone.
        """
        limit = or_none(older_than_ms)
        older_than_ns = None if limit is None else round(limit * NANOSECONDS_PER_MILLISECOND)
        wanted = or_none(kind)
        record_type = None if wanted is None else record_type_of(wanted)
        if record_type is Audit and older_than_ns is not None:
            raise _kept_audit()
        return _results(info.context.services.store.prune(record_type, older_than_ns))

    @field
    def clear(
        self, info: Info, confirm: str, kind: RecordKind | None = strawberry.UNSET
    ) -> list[PruneResult]:
        """Remove every record of a kind, or of all but the audit. `confirm` must be "clear"."""
        if confirm != CONFIRMATION:
            raise ValidationError(
                f'Nothing was removed: confirm must be "{CONFIRMATION}", not {confirm!r}.',
                field="confirm",
                value=confirm,
            )
        wanted = or_none(kind)
        record_type = None if wanted is None else record_type_of(wanted)
        if record_type is Audit:
            raise _kept_audit()
        return _results(info.context.services.store.clear(record_type))


def _kept_audit() -> ValidationError:
    return ValidationError(
        "Nothing was removed: the audit is not cleared. Set retention.audit to bound it.",
        field="kind",
        value="AUDIT",
    )


def _refuse_code(name: str, eval_input: bool | None) -> None:
    if eval_input:
        raise FeatureDisabledError(f"Cannot {name} with evalInput. {WHY_NEVER} Pass the input as JSON.")


def _caller(info: Info, name: str) -> actions.Caller:
    """Where an action runs. Raises UnavailableError where this process is not the app."""
    context = info.context
    services = context.services
    if active.recorder is not services.recorder:
        raise UnavailableError(
            f"Cannot {name}: the app does not run in this process. Start it with devtools mounted."
        )
    seconds = max(0.0, context.deadline - time.monotonic())
    correlation_id = context.actions[str(info.path.key)]
    return actions.Caller(services.recorder.guard, services.loop(), seconds, correlation_id)


def _results(removed: Sequence[Removed]) -> list[PruneResult]:
    return [PruneResult(kind=kind_of(result.record_type), removed=result.removed) for result in removed]
