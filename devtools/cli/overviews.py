"""`devtools overview`: what an app is made of, on one page."""

import json

import click

from devtools.cli.endpoints import Target, answering, ask, target_options
from devtools.cli.terminal import say


@click.command("overview", short_help="Show what an app is made of, on one page.")
@target_options
@click.option(
    "--details",
    type=click.IntRange(0, 1_000),
    default=10,
    show_default=True,
    help="How many of each kind are described.",
)
@click.option("--include-live", is_flag=True, help="Show the newest runs, errors and logs, too.")
@click.option(
    "--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True
)
def overview_command(details: int, include_live: bool, form: str, **target: str | None) -> None:
    """Show elements by kind with what they depend on, what looks wrong, and what happened last, as Markdown."""
    from devtools.graphql import overview

    with answering(Target.of(target)) as answer:
        data = ask(answer, overview.QUERY, **overview.variables(details, include_live))
    shown = json.dumps(data, indent=2) if form == "json" else overview.markdown(data, details).rstrip()
    say(shown)
