"""Clients of the interface we are compatible with find all of it here."""

from pathlib import Path

from graphql import build_schema, find_breaking_changes

from devtools.graphql.schema import schema, sdl

HERE = Path(__file__).parent


def test_the_compatible_interface_is_a_part_of_ours() -> None:
    theirs = build_schema((HERE / "peer-schema.graphql").read_text())
    assert find_breaking_changes(theirs, schema()) == []


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    """Write it anew with `python -m devtools.graphql.schema > tests/schema.graphql`."""
    assert (HERE.parent / "schema.graphql").read_text() == sdl()


def test_everything_says_what_it_is() -> None:
    kinds = schema().type_map.values()
    silent = [kind.name for kind in kinds if not kind.name.startswith("__") and not kind.description]
    assert silent == []
