"""`devtools db …`: the database's own schema."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from devtools.cli.terminal import say
from devtools.settings import Resolved, load
from devtools.storage import targets
from devtools.storage.migrate import Step
from devtools.storage.store import DatabaseStore

_database = click.option(
    "--database", metavar="URL", help="The database; unset = DEVTOOLS_DATABASE or pyproject.toml."
)


@click.group("db", short_help="Look after the database's own schema.")
def db_command() -> None:
    """Look after the database's own schema."""


@db_command.command("upgrade")
@_database
def upgrade_command(database: str | None) -> None:
    """Apply every migration that is pending, each once, under a lock. Makes the file where it is missing."""
    resolved = resolve(database)
    allowed = replace(resolved, settings=replace(resolved.settings, upgrade=True))
    before = _applied(resolved)
    store = DatabaseStore.open(allowed)
    try:
        applied = [step.name for step in store.steps() if step.applied and step.name not in before]
    finally:
        store.close()
    say(shown_database(resolved.settings.database))
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("nothing to apply")


def _applied(resolved: Resolved) -> set[str]:
    try:
        store = DatabaseStore.open(resolved, read_only=True)
    except ValueError:  # there is no file yet: our ValidationError is one
        return set()
    try:
        return {step.name for step in store.steps() if step.applied}
    finally:
        store.close()


@db_command.command("status")
@_database
def status_command(database: str | None) -> None:
    """List applied and pending migrations; exit code 1 when some are pending."""
    resolved = resolve(database)
    store = DatabaseStore.open(resolved, read_only=True)
    try:
        steps = store.steps()
    finally:
        store.close()
    say(shown_database(resolved.settings.database))
    for step in steps:
        say(f"{_state(step):<8} {step.name}")
    if not all(step.applied for step in steps):
        sys.exit(1)


def _state(step: Step) -> str:
    return "applied" if step.applied else "pending"


def resolve(database: str | None, **settings: Any) -> Resolved:  # Any: checked by load
    """The settings with this database; exit code 2 where none is named."""
    resolved = load({"database": database, **settings})
    if resolved.settings.database is None:
        say("devtools: name a database: --database sqlite:///path, or DEVTOOLS_DATABASE.", err=True)
        sys.exit(2)
    return resolved


def shown_database(database: Any) -> str:  # Any: driver options are open
    """Where the data is, the path resolved, without secrets."""
    target = targets.parse(database)
    if target.location == targets.MEMORY:
        return target.location
    return f"{target.scheme}:///{Path(target.location).resolve()}"
