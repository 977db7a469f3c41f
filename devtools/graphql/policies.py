"""What each mutation needs, and the trail it leaves. The executor asks here before one runs: one place for every way in.

What is not named is refused. What is let in is written down before it is done.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from devtools.errors import FeatureDisabledError, ForbiddenError, UnavailableError
from devtools.graphql.services import Request
from devtools.records import Audit
from devtools.settings import variable

Policy = Literal["write", "never", "invoke_tasks", "invoke_events", "import_snapshots"]

POLICIES: dict[str, Policy] = {
    "swapTask": "never",
    "unswapTask": "never",
    "unswapAllTasks": "never",
    "editFile": "never",
    "eval": "never",
    "invokeTask": "invoke_tasks",
    "invokeEvent": "invoke_events",
    "recording": "write",
    "activateSnapshot": "write",
    "labelSnapshot": "write",
    "importSnapshot": "import_snapshots",
    "deleteSnapshot": "write",
    "prune": "write",
    "clear": "write",
}
"""By name of the field: who has write access may (`write`), nobody ever may (`never`), or the setting that switches it on."""

TARGETS = ("taskId", "eventId", "version", "path", "kind")
"""The argument that says what an action is done to."""

WHY_NEVER = "It is never offered: through it a web page could run code in the app. Change the code and restart instead."


def authorise(request: Request, mutations: Iterable[str]) -> None:
    """Raise ForbiddenError unless the request may ask for all of these mutations, FeatureDisabledError for one that is off."""
    for name in mutations:
        policy = POLICIES.get(name)
        if policy is None or request.access != "write":
            raise ForbiddenError(
                f"{name} needs write access, which this token does not give. Use the token of DEVTOOLS_TOKEN."
            )
        if policy not in ("write", "never") and not getattr(request.services.settings, policy):
            raise FeatureDisabledError(f"Cannot {name}: it is switched off. {how_to_switch_on(policy)}")


def how_to_switch_on(setting: str) -> str:
    """The sentence that says where a switch is."""
    return f"Set {setting}=True, or {variable(setting)}=1, where the app starts."


def refusal(name: str) -> FeatureDisabledError:
    """The error of a mutation that is never offered."""
    return FeatureDisabledError(f"Cannot {name}. {WHY_NEVER}")


def write_down(
    request: Request, action: str, arguments: Mapping[str, Any], correlation_id: str
) -> None:  # Any: coerced by GraphQL
    """Keep who asked for what. Raises UnavailableError where that cannot be stored: then it is not to be done."""
    services = request.services
    target = next((arguments[name] for name in TARGETS if arguments.get(name) is not None), None)
    services.recorder.write(
        Audit,
        action=action,
        actor=request.actor,
        target=None if target is None else str(getattr(target, "value", target)),
        details=services.recorder.guard.json(dict(arguments)) if arguments else None,
        client=request.client,
        correlation_id=correlation_id,
    )
    if not services.store.flush(AUDIT_SECONDS):
        raise UnavailableError(
            f"{action} was not done: that it was asked for could not be stored within {AUDIT_SECONDS:g} seconds."
        )


AUDIT_SECONDS = 2.0
