"""The `devtools` command. Each command lives in a module that is imported when the command is used, so that help is quick."""

import importlib
import sys
from typing import Any

import click

from devtools.errors import DevToolsError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("devtools.cli.serving", "Run an app with devtools mounted, under uvicorn."),
    "serve": ("devtools.cli.serving", "Serve history and the stored structure, without the app."),
    "open": ("devtools.cli.serving", "Print the link of a running devtools, and open it in a browser."),
    "query": ("devtools.cli.querying", "Run a GraphQL query."),
    "schema": ("devtools.cli.querying", "Print the GraphQL schema."),
    "ping": ("devtools.cli.querying", "Ask whether a devtools answers."),
    "snapshots": (
        "devtools.cli.snapshots",
        "Versions of the structure: list, show, diff, activate, export, …",
    ),
    "check": ("devtools.cli.checking", "Fail on a removed route, a breaking schema change, and the like."),
    "config": ("devtools.cli.configuring", "Show every option, its value and where it came from."),
    "db": ("devtools.cli.databases", "Look after the database's own schema."),
}
"""Name, module and one line of help of every command."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module that holds the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        return getattr(module, f"{cmd_name}_command")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Help from the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from devtools.distribution import describe_version

        click.echo(describe_version())
        ctx.exit()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def group() -> None:
    """What an app is made of, what it is doing, what it did, and what changed."""


def main(arguments: list[str] | None = None) -> Any:  # Any: click leaves by SystemExit
    """Entry point: errors of ours become one line on stderr and exit code 1."""
    try:
        return group.main(arguments, prog_name="devtools")
    except DevToolsError as error:
        click.echo(f"devtools: {error}", err=True)
        sys.exit(1)
