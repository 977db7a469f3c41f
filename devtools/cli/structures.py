"""Which structure is meant on the command line: a version, the active one, the running app, or a file. Called by what compares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from devtools.cli.endpoints import Answer, ask
from devtools.errors import NotFoundError, ValidationError
from devtools.introspection.elements import Structure
from devtools.introspection.exchange import LARGEST_BYTES, imported
from devtools.introspection.snapshots import decode

SIDES = "a version number, active, running, or a file that `devtools snapshots export` wrote"

_BY_VERSION = """query ($version: Int!, $app: String, $role: String) {
  snapshot(version: $version, app: $app, role: $role) { version document }
}"""
_ACTIVE = (
    "query ($app: String, $role: String) { activeSnapshot(app: $app, role: $role) { version document } }"
)
_RUNNING = "{ system { structure { state snapshotVersion document } } }"


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    name: str
    """For people: `version 3`, `the app as it is now` (running, or imported), a path."""
    document: str
    version: int | None = None
    """None for a file, and for a running app whose structure is no stored version."""
    is_running: bool = False
    """What is answered from now: the running app, or what stands for it."""

    @property
    def structure(self) -> Structure:
        """What it holds. Raises ValidationError."""
        return decode(imported(self.document))

    @property
    def is_file(self) -> bool:
        """Whether nothing ran under it that this store knows of."""
        return self.version is None and not self.is_running


def key_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say whose snapshots are meant."""
    role = click.option("--role", help="Which role of the app.  [default: main]")
    app = click.option("--app", help="Which app of the database; unset = the one seen last.")
    return app(role(command))


def find(answer: Answer | None, text: str, app: str | None = None, role: str | None = None) -> Side:
    """The structure that is meant. A name that is none of `SIDES` is a file. Raises NotFoundError and ValidationError."""
    if not (text in {"active", "running"} or text.isdecimal()):
        return _of_file(Path(text))
    if answer is None:
        raise ValidationError(
            f"{text} is a snapshot, and no database is named. Add --database URL or --endpoint URL, or name a file.",
            field="against",
            value=text,
        )
    if text == "running":
        found = ask(answer, _RUNNING)["system"]["structure"]
        version = found["snapshotVersion"]
        if found["state"] == "restored":
            return Side(
                f"version {version}, the last one stored", found["document"], version, is_running=True
            )
        return Side("the app as it is now", found["document"], version, is_running=True)
    if text == "active":
        found = ask(answer, _ACTIVE, app=app, role=role)["activeSnapshot"]
    else:
        found = ask(answer, _BY_VERSION, version=int(text), app=app, role=role)["snapshot"]
    if found is None:
        raise NotFoundError("cannot read structure", "snapshot", text if text == "active" else int(text))
    return Side(f"version {found['version']}", found["document"], found["version"])


def _of_file(path: Path) -> Side:
    try:
        with path.open("rb") as opened:
            data = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ValidationError(
            f"Cannot read {str(path)!r}: {error.strerror}. Name {SIDES}.", field="file", value=str(path)
        ) from error
    imported(data)
    return Side(str(path), data.decode(errors="replace"))
