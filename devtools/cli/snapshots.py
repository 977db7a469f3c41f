"""`devtools snapshots …`: versions of the structure. Answers on stdout, messages on stderr."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from devtools.cli import structures
from devtools.cli.endpoints import Answer, Target, answering, ask, target_options
from devtools.cli.output import write
from devtools.cli.structures import SIDES, Side, key_options
from devtools.cli.terminal import say
from devtools.errors import NotFoundError, UnavailableError
from devtools.introspection.diff import diff, report

_FIELDS = """version active label app role createdAtMs lastSeenMs elementCount contentHash appVersion gitRevision gitDirty
  pythonVersion"""
_LIST = f"query ($app: String, $role: String) {{ snapshots(app: $app, role: $role) {{ {_FIELDS} }} }}"
_SHOW = f"""query ($version: Int!, $app: String, $role: String) {{
  snapshot(version: $version, app: $app, role: $role) {{ {_FIELDS} sdl openapi elements {{ id __typename }} }}
}}"""
_BEHAVIOUR = """query ($from: Int!, $to: Int, $app: String, $role: String) {
  snapshotDiff(from: $from, to: $to, app: $app, role: $role) {
    behaviour { nodeId verdict message old { ...Runs } new { ...Runs } }
  }
}
fragment Runs on Behaviour { count errors errorRate p50Ms p95Ms exact }"""
_IMPORT = """mutation ($document: String!, $app: String, $role: String) {
  importSnapshot(document: $document, app: $app, role: $role) { version app role }
}"""

_form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group("snapshots", short_help="Versions of the structure: list, show, diff, activate, export, …")
def snapshots_command() -> None:
    """Versions of the structure of an app."""


@snapshots_command.command("list")
@target_options
@key_options
@_form
def list_command(app: str | None, role: str | None, form: str, **target: str | None) -> None:
    """List the versions of an app and role, newest first. The active one has a star."""
    with answering(Target.of(target)) as answer:
        found = ask(answer, _LIST, app=app, role=role)["snapshots"]
    if form == "json":
        say(json.dumps(found, indent=2))
        return
    for row in found:
        star = "*" if row["active"] else " "
        say(
            f"{star} {row['version']:>4}  {_time(row['createdAtMs'])}  {row['elementCount']:>5} elements  "
            f"{_revision(row):<10}  {row['contentHash'][:12]}  {row['label'] or ''}".rstrip()
        )
    if not found:
        say("devtools: there are no snapshots.", err=True)


@snapshots_command.command("show")
@click.argument("version", type=int)
@target_options
@key_options
@click.option("--sdl", "part", flag_value="sdl", help="Print its GraphQL schema alone.")
@click.option("--openapi", "part", flag_value="openapi", help="Print its OpenAPI document alone.")
@_form
def show_command(
    version: int, app: str | None, role: str | None, part: str | None, form: str, **target: str | None
) -> None:
    """Show one version and what it is made of."""
    with answering(Target.of(target)) as answer:
        found = ask(answer, _SHOW, version=version, app=app, role=role)["snapshot"]
    if found is None:
        raise NotFoundError("cannot show snapshot", "snapshot", version)
    if part is not None:
        _print_part(found, part)
    elif form == "json":
        say(json.dumps(found, indent=2))
    else:
        _print_snapshot(found)


def _print_part(found: dict[str, Any], part: str) -> None:  # Any: JSON
    value = found[part]
    if value is None:
        raise UnavailableError(f"Version {found['version']} has no {part}.")
    say(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))


def _print_snapshot(found: dict[str, Any]) -> None:  # Any: JSON
    active = ", active" if found["active"] else ""
    label = f" “{found['label']}”" if found["label"] else ""
    say(f"version {found['version']}{label} of {found['app']} ({found['role']}{active})")
    for name, value in (
        ("created", _time(found["createdAtMs"])),
        ("last seen", _time(found["lastSeenMs"])),
        ("app version", found["appVersion"]),
        ("git", _revision(found)),
        ("python", found["pythonVersion"]),
        ("content", found["contentHash"]),
    ):
        if value:
            say(f"  {name:<12} {value}")
    for element in found["elements"]:
        say(f"  {element['__typename']:<18} {element['id']}")


@snapshots_command.command("diff", help=f"Show what differs between two structures. Each is {SIDES}.")
@click.argument("older", metavar="FROM")
@click.argument("newer", metavar="[TO]", required=False)
@target_options
@key_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)
def diff_command(
    older: str, newer: str | None, app: str | None, role: str | None, form: str, **target: str | None
) -> None:
    """Show what differs. Without TO: the running app, or in a database the active version."""
    with answering(Target.of(target)) as answer:
        old = structures.find(answer, older, app, role)
        new = structures.find(answer, newer or ("active" if target["database"] else "running"), app, role)
        behaviour = _behaviour(answer, old, new, app, role)
    found = diff(old.structure, new.structure)
    say(f"devtools: {old.name} → {new.name}", err=True)
    if form == "json":
        say(json.dumps(report.as_json(found, behaviour), indent=2, ensure_ascii=False))
    else:
        shown = report.as_markdown if form == "markdown" else report.as_text
        say(shown(found, behaviour), nl=False)


def _behaviour(
    answer: Answer, old: Side, new: Side, app: str | None, role: str | None
) -> list[dict[str, Any]]:  # Any: JSON
    """What ran under both; nothing ran under a file."""
    if old.version is None or new.is_file:
        return []
    newer = None if new.is_running else new.version
    found = ask(answer, _BEHAVIOUR, **{"from": old.version, "to": newer, "app": app, "role": role})
    return found["snapshotDiff"]["behaviour"]


@snapshots_command.command("activate")
@click.argument("version", type=int)
@target_options
@key_options
def activate_command(version: int, app: str | None, role: str | None, **target: str | None) -> None:
    """Make a version the active one, until the app's next start."""
    query = """mutation ($version: Int!, $app: String, $role: String) {
      activateSnapshot(version: $version, app: $app, role: $role) { version }
    }"""
    _change(query, target, version=version, app=app, role=role)
    say(f"version {version} is active")


@snapshots_command.command("label")
@click.argument("version", type=int)
@click.argument("label", required=False)
@target_options
@key_options
def label_command(
    version: int, label: str | None, app: str | None, role: str | None, **target: str | None
) -> None:
    """Name a version, or take its name away."""
    query = """mutation ($version: Int!, $label: String, $app: String, $role: String) {
      labelSnapshot(version: $version, label: $label, app: $app, role: $role) { version }
    }"""
    _change(query, target, version=version, label=label, app=app, role=role)
    say(f"version {version} is {f'“{label}”' if label else 'without a name'}")


@snapshots_command.command("delete")
@click.argument("version", type=int)
@target_options
@key_options
def delete_command(version: int, app: str | None, role: str | None, **target: str | None) -> None:
    """Remove a version that is not active."""
    query = """mutation ($version: Int!, $app: String, $role: String) {
      deleteSnapshot(version: $version, app: $app, role: $role)
    }"""
    _change(query, target, version=version, app=app, role=role)
    say(f"version {version} is gone")


@snapshots_command.command(
    "export", help="Write one structure as a file: a version number, active, or running."
)
@click.argument("side", metavar="VERSION|active|running")
@target_options
@key_options
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The file; unset = standard output.",
)
def export_command(
    side: str, app: str | None, role: str | None, output: Path | None, **target: str | None
) -> None:
    """Write one structure as a file that can be committed, compared and imported."""
    with answering(Target.of(target)) as answer:
        document = structures.find(answer, side, app, role).document
    if output is None:
        say(document, nl=False)
    else:
        write(output, document)


@snapshots_command.command("import")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@target_options
@key_options
def import_command(file: Path, app: str | None, role: str | None, **target: str | None) -> None:
    """Store an exported file as a new version that is not active, of the app it names or of another."""
    document = structures.find(None, str(file)).document
    found = _change(_IMPORT, target, document=document, app=app, role=role)["importSnapshot"]
    say(f"version {found['version']} of {found['app']} ({found['role']})")


def _change(query: str, target: dict[str, str | None], **variables: Any) -> dict[str, Any]:  # Any: JSON
    """Run a mutation: the command itself says that something shall change."""
    with answering(Target.of(target, allow_mutations=True)) as answer:
        return ask(answer, query, **variables)


def _time(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _revision(row: dict[str, Any]) -> str:  # Any: JSON
    return f"{(row['gitRevision'] or '')[:8]}{'+' if row['gitDirty'] else ''}"
