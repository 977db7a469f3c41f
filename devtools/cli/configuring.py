"""`devtools config`: every option, its value, and where it came from."""

from collections.abc import Mapping
from typing import Any, cast

import click

from devtools.cli.databases import shown_database
from devtools.cli.terminal import say
from devtools.settings import FIELDS, Resolved, is_enabled, load, variable


@click.command("config", short_help="Show every option, its value and where it came from.")
@click.option("--meaning", is_flag=True, help="Show what each option means, too.")
def config_command(meaning: bool) -> None:
    """Show every option, its value, where it came from and its environment variable."""
    resolved = load()
    width = max(len(name) for name in FIELDS)
    for name, field in FIELDS.items():
        say(f"{name:<{width}}  {_shown(resolved, name)}  [{resolved.origins[name]}]  {variable(name)}")
        if meaning:
            say(f"{'':<{width}}    {field.metadata['meaning']}")
    for warning in resolved.warnings:
        say(warning, err=True)


def _shown(resolved: Resolved, name: str) -> str:
    value = getattr(resolved.settings, name)
    if not FIELDS[name].repr and value is not None:
        return "********"
    if name == "database" and value is not None:
        return shown_database(value)
    if name == "enabled" and value is None:
        here, why = is_enabled(resolved.settings)
        return f"None, here {here}: {why}"
    return repr(dict(cast("Mapping[str, Any]", value))) if isinstance(value, Mapping) else repr(value)
