"""The `devtools` command. Each command lives in a module imported when it is used; listing them needs not even click."""

import os
import sys
from typing import Any

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("devtools.cli.serving", "Run an app with devtools mounted, under uvicorn."),
    "serve": ("devtools.cli.serving", "Serve history and the stored structure, without the app."),
    "open": ("devtools.cli.serving", "Print the link of a running devtools, and open it in a browser."),
    "query": ("devtools.cli.querying", "Run a GraphQL query."),
    "overview": ("devtools.cli.overviews", "Show what an app is made of, on one page."),
    "schema": ("devtools.cli.querying", "Print the GraphQL schema."),
    "ping": ("devtools.cli.querying", "Ask whether a devtools answers."),
    "snapshots": (
        "devtools.cli.snapshots",
        "Versions of the structure: list, show, diff, activate, export, …",
    ),
    "check": ("devtools.cli.checking", "Fail on a removed route, a breaking schema change, and the like."),
    "catalogue": ("devtools.cli.cataloguing", "Write what an app is made of as one HTML file."),
    "config": ("devtools.cli.configuring", "Show every option, its value and where it came from."),
    "db": ("devtools.cli.databases", "Look after the database's own schema."),
}
"""Name, module and one line of help of every command."""

SUMMARY = "What an app is made of, what it is doing, what it did, and what changed."
VERSION_HELP = "Show the version."
_OPTIONS = {"--version": VERSION_HELP, "-h, --help": "Show this message and exit."}


def help_text() -> str:
    """What `devtools --help` prints. The same as click makes of it, which takes longer to import than all else."""
    sections = {"Options": _OPTIONS, "Commands": {name: line for name, (_, line) in COMMANDS.items()}}
    lines = ["Usage: devtools [OPTIONS] COMMAND [ARGS]...", "", f"  {SUMMARY}"]
    for title, entries in sections.items():
        width = max(map(len, entries))
        lines += ["", f"{title}:", *(f"  {name:<{width}}  {line}" for name, line in entries.items())]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> Any:  # Any: click leaves by SystemExit
    """Entry point: errors of ours become one line on stderr and exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    if given in (["--help"], ["-h"]) and (text := help_text()) and _fits(text):
        sys.stdout.write(text + "\n")
        sys.exit(0)

    from devtools.cli.commands import group
    from devtools.cli.terminal import say
    from devtools.errors import DevToolsError

    try:
        return group.main(arguments, prog_name="devtools")
    except DevToolsError as error:
        say(f"devtools: {error}", err=True)
        sys.exit(1)


def _fits(text: str) -> bool:
    """Whether no line needs to be broken, which click does well."""
    columns = os.environ.get("COLUMNS", "")
    try:
        width = int(columns) if columns.isdigit() else os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr] # None is caught below
    except (AttributeError, ValueError, OSError):
        width = 80
    return max(map(len, text.splitlines())) <= width - 2
