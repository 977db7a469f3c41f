"""Processes that `multiprocessing` forks from one that records: their records are kept, though they end without `atexit`."""

import json
import multiprocessing
import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(),
        reason="This system has no fork: nothing to test.",
    ),
]

SCRIPT = """
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from devtools import DevTools, task

context = multiprocessing.get_context("fork")


@task
def work(number):
    logging.getLogger("work").warning("number %s", number)
    if number % 4 == 2:
        raise ValueError("two")


with DevTools(app="jobs", database="sqlite:///jobs.db"):
    children = [context.Process(target=work, args=(number,)) for number in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        failures = [executor.submit(work, number).exception() for number in range(4, 8)]
    assert [str(failure) for failure in failures if failure] == ["two"]
    with context.Pool(2) as pool:
        pool.map(work, [8, 9])
        pool.close()
        pool.join()
    nested = context.Process(target=lambda: nest())

    def nest():
        grandchild = context.Process(target=work, args=(11,))
        grandchild.start()
        grandchild.join()

    nested.start()
    nested.join()
late = context.Process(target=work, args=(12,))
late.start()
late.join()
"""
QUERY = "{ history { runs { totalCount } errors { totalCount } logs { nodes { message } } } }"


def test_a_child_that_ends_at_once_loses_nothing(tmp_path):
    """Of a process, of both kinds of pool, and of a child's child; after `close()` children record nothing."""
    (tmp_path / "jobs.py").write_text(SCRIPT)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "jobs.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    command = [sys.executable, "-m", "devtools", "query", QUERY, "--database", "sqlite:///jobs.db"]
    asked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    history = json.loads(asked.stdout)["history"]
    assert {log["message"] for log in history["logs"]["nodes"]} == {
        f"number {number}" for number in (*range(10), 11)
    }
    assert (history["runs"]["totalCount"], history["errors"]["totalCount"]) == (11, 2)


CHAIN = """
import logging
import multiprocessing
import threading

from devtools import DevTools

context = multiprocessing.get_context("fork")


def record():
    logging.getLogger("work").warning("hello")
    devtools.flush()
    print(sorted(thread.name for thread in threading.enumerate() if thread is not threading.main_thread()), flush=True)


def fork(depth):
    child = context.Process(target=fork if depth else record, args=(depth - 1,) if depth else ())
    child.start()
    child.join()


with DevTools(app="jobs", database="sqlite:///jobs.db") as devtools:
    fork(3)
"""


def test_a_child_whose_ancestors_recorded_nothing_writes_once(tmp_path):
    """One writer for its queue: of two, one would be ended with records in its hands."""
    (tmp_path / "jobs.py").write_text(CHAIN)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "jobs.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("writer") == 1, ran.stdout
