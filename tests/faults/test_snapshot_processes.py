"""Eight processes save, activate and delete snapshots at once; whoever looks sees one active and at most ten, every time."""

import json
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.errors import ConflictError, NotFoundError
from devtools.records.snapshots import SnapshotRow
from devtools.storage.snapshots import DatabaseSnapshots
from devtools.storage.store import DatabaseStore
from tests.servers import ROOT
from tests.storage.conftest import resolved

PROCESSES = 8
SAMPLES = 130_000
"""Of each process: more than a million together."""
BETWEEN_CHANGES = 400

LOOK = """SELECT
  (SELECT count(*) FROM active_snapshot a JOIN snapshots s ON s.app = a.app AND s.role = a.role AND s.version = a.version),
  (SELECT count(*) FROM snapshots)"""


def row(content: str) -> SnapshotRow:
    return SnapshotRow(
        app="shop",
        role="main",
        created_ns=1,
        last_seen_ns=1,
        content_hash=content,
        python_version="3",
        element_count=0,
        content=b"",
    )


def work(path: str, seed: int) -> None:
    """Change and look in turn; print every (active, kept) that was seen and how many changes were made."""
    store = DatabaseStore.open(resolved(path))
    chance = random.Random(seed)
    reader = sqlite3.connect(path)
    seen: dict[str, int] = {}
    changes = 0
    for number in range(SAMPLES):
        if number % BETWEEN_CHANGES == 0:
            change(store.snapshots, chance)
            changes += 1
        active, kept = reader.execute(LOOK).fetchone()
        key = f"{active} {kept}"
        seen[key] = seen.get(key, 0) + 1
    reader.close()
    store.close()
    print(json.dumps([seen, changes]))


def change(snapshots: DatabaseSnapshots, chance: random.Random) -> None:
    versions = [found.version for found in snapshots.list("shop")]
    try:
        match chance.randrange(4):
            case 0 | 1:
                snapshots.save(row(f"content {chance.randrange(30)}"))
            case 2:
                snapshots.activate(chance.choice(versions), "shop")
            case _:
                snapshots.delete(chance.choice(versions), "shop")
    except (ConflictError, NotFoundError):
        return  # another was quicker


@pytest.mark.slow
def test_a_million_looks_at_eight_processes_that_change_snapshots(tmp_path: Path) -> None:
    """One active and one to ten kept, in each of them."""
    path = str(tmp_path / "shared.db")
    store = DatabaseStore.open(resolved(path))
    store.snapshots.save(row("first"))
    store.close()
    source = "import sys; from tests.faults.test_snapshot_processes import work; work(sys.argv[1], int(sys.argv[2]))"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", source, path, str(seed)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    answers = [child.communicate(timeout=300)[0] for child in children]
    assert [child.returncode for child in children] == [0] * PROCESSES
    found = [json.loads(answer.splitlines()[-1]) for answer in answers]
    seen = {key for states, _ in found for key in states}
    assert sum(sum(states.values()) for states, _ in found) >= 1_000_000
    assert sum(changes for _, changes in found) >= 2_000
    assert seen <= {f"1 {kept}" for kept in range(1, 11)}, seen
    assert f"1 {10}" in seen
