"""What every command prints goes through here: text of an app or a label cannot steer the terminal."""

import re

import click

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and the marks that turn the direction of text (Trojan Source, CVE-2021-42574)."""


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print on stdout, or on stderr where it is a message; `nl` ends the line."""
    click.echo(escaped(text), err=err, nl=nl)


def escaped(text: str) -> str:
    r"""The text with what steers a terminal written as `\u001b`, which is also how JSON and GraphQL write it."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
