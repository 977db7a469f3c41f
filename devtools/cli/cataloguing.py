"""`devtools catalogue`: one structure as one HTML file that opens from disk."""

from pathlib import Path

import click

from devtools.cli import structures
from devtools.cli.endpoints import Target, answering, target_options
from devtools.cli.output import write
from devtools.cli.structures import key_options
from devtools.introspection.catalogue import page


@click.command("catalogue", short_help="Write what an app is made of as one HTML file.")
@click.argument("side", metavar="[VERSION|active|running]", required=False)
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The HTML file to write.",
)
@target_options
@key_options
def catalogue_command(
    side: str | None, output: Path, app: str | None, role: str | None, **target: str | None
) -> None:
    """Write what an app is made of as one HTML file: searchable, with a map, and without a network.

    Unset, it is the running app, or in a database the active version.
    """
    with answering(Target.of(target)) as answer:
        found = structures.find(answer, side or ("active" if target["database"] else "running"), app, role)
    structure = found.structure
    revision = f", git {structure.app.git_revision[:8]}" if structure.app.git_revision else ""
    subtitle = f"{found.name}, {len(structure.elements)} elements{revision}"
    write(output, page(structure, title=structure.app.name, subtitle=subtitle))
