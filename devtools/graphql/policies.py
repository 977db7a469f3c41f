"""What each mutation needs. The executor asks here before one runs: one place for every way in. What is not named is refused."""

from collections.abc import Iterable
from typing import Literal

from devtools.errors import FeatureDisabledError, ForbiddenError
from devtools.graphql.services import Request

Policy = Literal["write", "absent", "never"]

POLICIES: dict[str, Policy] = {
    "swapTask": "never",
    "unswapTask": "never",
    "unswapAllTasks": "never",
    "editFile": "never",
    "eval": "never",
    "invokeTask": "absent",
    "invokeEvent": "absent",
    "recording": "write",
    "activateSnapshot": "write",
    "labelSnapshot": "write",
    "deleteSnapshot": "write",
    "prune": "write",
    "clear": "write",
}
"""By name of the field: who has write access may (`write`), this version has it not (`absent`), nobody ever may (`never`)."""

WHY_NOT_YET = (
    "This version runs nothing in the app from here. Call the task or emit the event in the app itself."
)
WHY_NEVER = "It is never offered: through it a web page could run code in the app. Change the code and restart instead."


def authorise(request: Request, mutations: Iterable[str]) -> None:
    """Raise ForbiddenError unless the request may ask for all of these mutations."""
    for name in mutations:
        if name not in POLICIES or request.access != "write":
            raise ForbiddenError(
                f"{name} needs write access, which this token does not give. Use the token of DEVTOOLS_TOKEN."
            )


def refusal(name: str) -> FeatureDisabledError:
    """The error that a mutation which is switched off answers with."""
    if POLICIES[name] == "never":
        return FeatureDisabledError(f"Cannot {name}. {WHY_NEVER}")
    return FeatureDisabledError(f"Cannot {name}. {WHY_NOT_YET}")
