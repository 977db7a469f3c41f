"""What the cookbook shows runs, and it names everything there is."""

import dataclasses
import re
from pathlib import Path

import pytest
from graphql import parse, validate

from devtools import task
from devtools.graphql.policies import POLICIES
from devtools.graphql.schema import schema
from devtools.introspection import snapshots
from devtools.records import ALL
from devtools.telemetry import active
from devtools.telemetry.query_language import words_of
from tests.graphql.conftest import STRUCTURE, World

COOKBOOK = (Path(__file__).parents[2] / "docs" / "graphql.md").read_text(encoding="utf-8")


@task(id="cafe.brew")
def brew(sku: str) -> str:
    return sku


BLOCKS = re.findall(r"```graphql\n(.*?)```", COOKBOOK, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_recipe_runs(world: World, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "recorder", world.recorder)
    world.settings = dataclasses.replace(world.settings, invoke_tasks=True)
    world.store.snapshots.save(snapshots.to_row(STRUCTURE, "shop", "main", 1))
    world.run(ok=False)
    world.log()
    assert validate(schema(), parse(block)) == []
    if not block.startswith("subscription"):
        assert world.ask(block)


def test_every_root_field_mutation_and_word_is_named() -> None:
    query = schema().query_type
    assert query is not None
    words = {word for kind in ALL for word in words_of(kind) if word != "time"}
    names = {*query.fields, *POLICIES} - {"unswapTask", "unswapAllTasks"}
    assert {name for name in names | words if not re.search(rf"`{name}\b", COOKBOOK)} == set()
