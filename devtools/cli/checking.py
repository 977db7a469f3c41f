"""`devtools check`: whether the app may follow another version of its structure. For CI and pull requests."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from devtools.cli import structures
from devtools.cli.endpoints import (
    Answer,
    Target,
    answering,
    over_database,
    over_entry,
    over_http,
    parse_headers,
    target_options,
)
from devtools.cli.structures import SIDES, Side, key_options
from devtools.cli.terminal import say
from devtools.errors import DevToolsError
from devtools.introspection.diff.check import check, fails
from devtools.introspection.diff.check_report import FORMATS
from devtools.settings import load


@click.command(
    "check",
    short_help="Fail on a removed route, a breaking schema change, and the like.",
    help=f"""Compare the app with another structure: {SIDES}.

The app is that of --entry, else the running one of --endpoint, else the active version of --database. With --entry, versions
come from --endpoint or --database beside it; the app is imported and looked at, not started, and nothing is stored.

Exit code 0: nothing found; 1: a removed route, a breaking change of the GraphQL schema or the OpenAPI document, a new orphan event
or another order of middleware; 2: the question could not be answered. A finding is ignored with a reason in
[tool.devtools.ignore] of pyproject.toml.""",
)
@click.option("--against", default="active", show_default=True, metavar="active|VERSION|FILE")
@target_options
@key_options
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
def check_command(against: str, app: str | None, role: str | None, form: str, **target: str | None) -> None:
    """Compare, print what was found, and say with the exit code whether it may pass."""
    try:
        old, new = _sides(Target.of(target), against, app, role)
        findings = check(old.structure, new.structure, load().settings.ignore)
    except DevToolsError as error:
        say(f"devtools: {error}", err=True)
        sys.exit(2)
    say(FORMATS[form](findings, old.name), nl=False)
    if fails(findings):
        sys.exit(1)


def _sides(target: Target, against: str, app: str | None, role: str | None) -> tuple[Side, Side]:
    """The structure to compare with, and the app."""
    if target.entry is None:
        with answering(target) as answer:
            now = "running" if target.endpoint else "active"
            return structures.find(answer, against, app, role), structures.find(answer, now, app, role)
    with _stored(target) as answer:
        old = structures.find(answer, against, app, role)
    with over_entry(target.entry) as answer:
        return old, structures.find(answer, "running")


@contextmanager
def _stored(target: Target) -> Generator[Answer | None]:
    """Where versions are read beside an imported app; None where the user names nothing but a file."""
    if target.database:
        with over_database(target.database) as answer:
            yield answer
    else:
        yield over_http(target.endpoint, parse_headers(target.headers)) if target.endpoint else None
