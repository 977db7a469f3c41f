"""The disk is full, read-only, or the file is broken or gone: the app goes on, and writing resumes by itself."""

import logging
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import DevTools
from devtools.errors import UnavailableError, ValidationError
from devtools.records import Log
from devtools.storage import writer
from devtools.storage.store import DatabaseStore
from devtools.telemetry.filters import EVERYTHING
from tests.storage.conftest import Running, resolved, wait_until
from tests.storage.test_rollups import ran

pytestmark = pytest.mark.slow


@pytest.fixture
def running(file: Path) -> Iterator[Running]:
    made = Running(file)
    yield made
    made.store.close()


def test_a_full_disk(tiny_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The rings go on, one line is logged, and after space was made every queued record is stored."""
    running = Running(tiny_disk / "a.db")
    running.log("before")
    assert running.flush()
    ballast = tiny_disk / "ballast"
    with caplog.at_level(logging.WARNING, "devtools"):
        _fill(ballast)
        for number in range(200):
            running.log(f"{number} " + "x" * 4_000)
        wait_until(lambda: not running.store.status().healthy)
    assert "disk is full" in str(running.store.status().last_error)
    assert running.messages() == ["before"]
    assert len(running.recorder.rings.of(Log).snapshot()) == 100
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", tiny_disk], check=True)
    assert running.flush()
    assert running.store.history.count(Log, EVERYTHING) == 201
    wait_until(lambda: running.store.status().healthy)
    assert sum("kept in memory meanwhile" in line for line in caplog.messages) == 1
    assert sum("is written again" in line for line in caplog.messages) == 1
    running.store.close()


def test_a_disk_full_at_start(tiny_disk: Path) -> None:
    """The app starts without its database and gets it when there is room."""
    ballast = tiny_disk / "ballast"
    _fill(ballast)
    running = Running(tiny_disk / "a.db")
    assert not running.store.status().healthy
    running.log("early")
    with pytest.raises(UnavailableError):
        running.messages()
    ballast.unlink()
    assert running.flush()
    assert running.messages() == ["early"]
    running.store.close()


def test_a_disk_that_becomes_read_only(tiny_disk: Path) -> None:
    """And writable again."""
    running = Running(tiny_disk / "a.db")
    running.log("before")
    assert running.flush()

    _end_housekeeping(running)
    running.store.lease.release()

    def is_read_only() -> bool:
        # The kernel refuses while a file is open for writing.
        running.store.database.disconnect()
        command = ["mount", "-o", "remount,ro", tiny_disk]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    wait_until(is_read_only)
    running.log("during")
    wait_until(lambda: not running.store.status().healthy)
    subprocess.run(["mount", "-o", "remount,rw", tiny_disk], check=True)
    assert running.flush()
    assert running.messages() == ["before", "during"]
    running.store.close()


def test_a_read_only_directory_is_refused_at_start(tiny_disk: Path) -> None:
    """That is a wrong setting, not a passing fault."""
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with pytest.raises(ValidationError, match="cannot be written"):
        DatabaseStore.open(resolved(tiny_disk / "a.db"))
    with pytest.raises(ValidationError, match="cannot make the directory"):
        DatabaseStore.open(resolved(tiny_disk / "sub" / "a.db"))


def test_a_read_only_copy_can_be_read(tiny_disk: Path) -> None:
    """`devtools serve` on a disk where nothing can be made."""
    running = Running(tiny_disk / "a.db")
    running.log("kept")
    running.store.close()
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    reader = DatabaseStore.open(resolved(tiny_disk / "a.db"), read_only=True)
    assert reader.history.count(Log, EVERYTHING) == 1
    reader.close()


@pytest.mark.parametrize("damage", ["foreign", "torn", "header"])
def test_a_damaged_file_at_start_is_moved_aside(
    file: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With its log; a fresh one is begun and the user is told."""
    first = Running(file)
    for number in range(500):
        first.log(str(number))
    first.store.close()
    content = bytearray(file.read_bytes())
    if damage == "foreign":
        content[:] = b"this is not a database" * 500
    elif damage == "header":
        content[:100] = os.urandom(100)
    else:
        content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    running = Running(file)
    running.log("fresh")
    assert running.flush()
    assert running.messages() == ["fresh"]
    aside = [path for path in file.parent.iterdir() if ".damaged-" in path.name]
    assert bytes(content) in [path.read_bytes() for path in aside]
    assert "was damaged and has been moved to" in running.store.status().why
    assert "was damaged and has been moved to" in caplog.text
    running.store.close()


def test_a_file_that_breaks_while_in_use_is_moved_aside(running: Running, file: Path) -> None:
    """What is recorded from then on is stored in a new one."""
    for number in range(2_000):
        running.log(str(number))
    assert running.flush()
    _end_housekeeping(running)  # a checkpoint under way could mend the file
    running.store.database.disconnect()
    with file.open("r+b") as broken:
        broken.write(os.urandom(file.stat().st_size))
    for suffix in ("-wal", "-shm"):  # the log could mend it
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    running.log("after")
    assert running.flush()
    assert running.messages() == ["after"]
    assert "was damaged and has been moved to" in running.store.status().why


def test_a_file_that_is_removed_is_made_again(
    running: Running, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that is recorded from then on goes into a file that nobody can find."""
    running.log("gone")
    assert running.flush()
    for path in file.parent.glob("devtools.db*"):
        if path.suffix != ".lock":
            path.unlink()
    running.log("after")
    assert running.flush()
    assert running.messages() == ["after"]
    wait_until(lambda: running.store.status().healthy)
    assert "was removed or replaced while it was in use" in running.store.status().why
    assert "was removed or replaced while it was in use" in caplog.text


def test_a_directory_that_is_removed_is_made_again(tmp_path: Path) -> None:
    """Also with the lock file in it."""
    file = tmp_path / "data" / "a.db"
    running = Running(file)
    running.log("gone")
    assert running.flush()
    file.parent.rename(tmp_path / "elsewhere")
    running.log("after")
    assert running.flush()
    assert running.messages() == ["after"]
    running.store.close()


def test_the_structure_goes_into_the_new_file_of_a_running_app(tmp_path: Path) -> None:
    """And the lease, whose file was removed as well."""
    file = tmp_path / "data" / "a.db"
    with DevTools(app="shop", database=f"sqlite:///{file}").start(port=0) as devtools:
        devtools.inspect()
        wait_until(file.exists)
        wait_until(lambda: versions(file) == [1])
        assert devtools._runtime is not None
        devtools._runtime.inspected(20)
        file.parent.rename(tmp_path / "elsewhere")
        logging.getLogger("shop").warning("still here")
        assert devtools.flush()
        wait_until(lambda: versions(file) == [1])
        wait_until(Path(f"{file}.lock").exists)


def versions(file: Path) -> list[int]:
    store = DatabaseStore.open(resolved(file), read_only=True)
    try:
        return [listed.version for listed in store.snapshots.list("shop", None)]
    finally:
        store.close()


def test_a_file_that_takes_its_place_and_is_locked_is_opened_once_it_is_free(tmp_path: Path) -> None:
    """Whole: with a row for this process, and word to the application."""
    file, backup = tmp_path / "a.db", tmp_path / "backup.db"
    Running(backup).store.close()
    running = Running(file)
    running.log("before")
    assert running.flush()
    told: list[int] = []
    running.store.on_new_file = lambda: told.append(1)
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    backup.replace(file)
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    running.log("after")
    wait_until(lambda: "is locked by another process" in (running.store.status().last_error or ""))
    assert told == []
    lock.execute("ROLLBACK")
    lock.close()
    assert running.flush()
    assert (told, running.messages()) == ([1], ["after"])
    assert running.recorder.process_id in {process.id for process in running.store.processes()}
    assert running.recorder.process_id != 1
    running.store.close()


def test_what_was_counted_for_a_removed_file_stays_out_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROLL_UP_SECONDS", 1_000.0)
    running = Running(tmp_path / "a.db")
    running.store.snapshot_version = lambda: 1
    for name in ("shop.first", "shop.old"):
        ran(running, name)
        assert running.flush()
    for path in tmp_path.iterdir():
        path.unlink()
    ran(running, "shop.new")
    assert running.flush()
    assert running.store.behaviour(1, "shop").keys() == {"shop.new"}
    running.store.close()


def test_an_idle_process_lets_go_of_a_file_that_was_removed(tmp_path: Path) -> None:
    """Another one that records needs the lease of the new file."""
    idle, recording = Running(tmp_path / "a.db"), Running(tmp_path / "a.db")
    wait_until(lambda: idle.store.lease.held)
    for path in tmp_path.glob("a.db*"):
        if path.suffix != ".lock":
            path.unlink()
    recording.log("after")
    wait_until(lambda: recording.flush() and recording.messages() == ["after"])
    for running in (idle, recording):
        running.store.close()


def _end_housekeeping(running: Running) -> None:
    assert running.store.housekeeping is not None
    assert running.store.housekeeping.close(10)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        size = 65_536
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
