"""DevTools(...).start(): a server of its own, for code that has none."""

import asyncio
import concurrent.futures
import logging
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from devtools import DevTools, task
from devtools.errors import ConflictError, UnavailableError, ValidationError
from devtools.graphql import subscription
from devtools.records import Run
from devtools.telemetry import active
from tests.servers import ROOT, free_port, line_with, our_threads

TOKEN = "t" * 43
QUERY = "{ live { runs { nodeId } } }"


@task(id="start.work")
def work(number):
    return number


def ask(devtools, query=QUERY):
    """Ask in GraphQL; the data, without errors."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.post(f"{devtools.url}graphql", json={"query": query}, headers=headers, timeout=20).json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_it_serves_at_the_root_of_a_free_port():
    """Port 0 is any free one, told by the object; pages, liveness and data stand below `/`."""
    with DevTools(token=TOKEN).start(port=0) as devtools:
        work(1)
        assert devtools.url == f"http://127.0.0.1:{devtools.port}/"
        assert devtools.link() == f"{devtools.url}#token={TOKEN}"
        assert httpx.get(f"{devtools.url}health", timeout=20).json() == {"status": "ok"}
        assert "<html" in httpx.get(devtools.url, timeout=20).text
        assert ask(devtools) == {"live": {"runs": [{"nodeId": "start.work"}]}}


def test_nothing_is_left_when_it_is_closed():
    """Threads, the port, signal handlers, uvicorn's loggers."""

    def state():
        loggers = [logging.getLogger(name) for name in ("uvicorn.error", "uvicorn.access")]
        return (
            [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)],
            [(each.level, each.handlers, each.propagate) for each in loggers],
        )

    before, threads = state(), set(threading.enumerate())
    for _ in range(3):
        devtools = DevTools(token=TOKEN).start(port=0)
        port = devtools.port
        assert state() == before
        assert httpx.get(f"{devtools.url}health", timeout=20).is_success
        devtools.close()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/health", timeout=20)
    assert state() == before
    # AnyIO's own worker ends a moment after its loop.
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    assert set(threading.enumerate()) <= threads


def test_our_requests_to_it_are_not_recorded(caplog):
    """And appear in no access log, whatever the app's logging prints."""
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    with caplog.at_level(logging.INFO), DevTools(token=TOKEN).start(port=0) as devtools:
        assert ask(devtools) == {"live": {"runs": []}}
        logs = ask(devtools, "{ live { logs { sourceId } } }")["live"]["logs"]
        assert [log for log in logs if log["sourceId"] != "httpx"] == []
    logging.getLogger("uvicorn.access").setLevel(logging.NOTSET)
    assert [record for record in caplog.records if record.name == "uvicorn.access"] == []


def test_a_busy_port_is_a_conflict_that_names_it():
    """With the remedy, and with nothing started."""
    with DevTools(token=TOKEN, app="first").start(port=0) as first:
        port = first.port
        with pytest.raises(ConflictError, match=f"Port {port} .* in use.*start\\(port=") as caught:
            DevTools(token=TOKEN, app="second").start(port=port)
        assert caught.value.code == "CONFLICT"
        assert active.owner == "first"


def test_a_second_devtools_does_not_keep_a_port():
    """One runs in a process; the one that is refused leaves its port."""
    port = free_port()
    second = DevTools(token=TOKEN, app="second")
    with DevTools(token=TOKEN, app="first").start(port=0):
        with pytest.raises(ConflictError, match=r"'second'.*'first'"):
            second.start(port=port)
        with pytest.raises(UnavailableError):
            _ = second.url
    with second.start(port=port):
        assert second.port == port


def test_starting_twice_is_one_server():
    """Another port is refused: it would need a second one."""
    with DevTools(token=TOKEN).start(port=0) as devtools:
        port = devtools.port
        assert devtools.start().port == port
        assert devtools.start(port=port).port == port
        with pytest.raises(ConflictError, match=str(port)):
            devtools.start(port=port + 1)


@pytest.mark.parametrize("port", [-1, 65_536, "http", True])
def test_a_port_that_is_none_is_refused(port):
    """As in the settings."""
    with pytest.raises(ValidationError) as caught:
        DevTools(token=TOKEN).start(port=port)
    assert caught.value.field == "port"
    assert active.recorder is None


def test_other_machines_are_refused_unless_both_hold():
    """`allow_remote` and a token of 32 characters."""
    with pytest.raises(ValidationError, match="allow-remote"):
        DevTools(token=TOKEN, host="0.0.0.0").start(port=0)
    with pytest.raises(ValidationError, match="32"):
        DevTools(token="short", host="0.0.0.0", allow_remote=True).start(port=0)
    with DevTools(token=TOKEN, host="0.0.0.0", allow_remote=True).start(port=0) as devtools:
        assert devtools.url.startswith("http://127.0.0.1:")


def test_url_and_port_before_start_say_what_to_do():
    """A mounted DevTools has none."""
    with pytest.raises(UnavailableError, match=r"start\(\)"):
        _ = DevTools(token=TOKEN).port


def test_disabled_starts_nothing():
    """In production: no port, no thread, and the script that prints its link goes on."""
    before = our_threads()
    with DevTools(enabled=False).start(port=0) as devtools:
        assert (devtools.url, devtools.port, devtools.link(), devtools.flush()) == ("", 0, "", True)
        assert our_threads() <= before


def test_threads_that_start_it_at_once_start_one():
    """Each finds it started."""
    devtools = DevTools(token=TOKEN, port=0)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ports = {started.port for started in pool.map(lambda _: devtools.start(), range(8))}
    devtools.close()
    assert len(ports) == 1


def test_it_starts_in_a_thread_of_a_pool():
    """A worker's job starts it; other threads record, and it goes on when the pool is gone."""
    devtools = DevTools(token=TOKEN)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pool.submit(devtools.start, 0).result(20)
        assert sorted(pool.map(work, range(3))) == [0, 1, 2]
    assert len(ask(devtools)["live"]["runs"]) == 3
    devtools.close()


async def test_it_starts_where_a_loop_runs_in_the_main_thread():
    """A notebook: the loop goes on, and its lateness is what is measured."""
    with DevTools(token=TOKEN).start(port=0) as devtools:
        answered = await asyncio.to_thread(ask, devtools, "{ live { eventLoop { lag } } }")
        assert answered["live"]["eventLoop"]["lag"] >= 0


def test_what_is_declared_later_is_described_when_asked():
    """A notebook declares in its next cell."""
    with DevTools(token=TOKEN).start(port=0) as devtools:
        assert devtools._runtime is not None
        devtools._runtime.inspected(20)
        task(id="start.later")(lambda: None)
        devtools.inspect()
        devtools._runtime.inspected(20)
        assert "start.later" in {entry["id"] for entry in ask(devtools, "{ tasks { id } }")["tasks"]}


def test_runs_of_a_started_devtools_reach_its_recorder():
    """Without any app."""
    with DevTools(token=TOKEN).start(port=0):
        work(7)
        assert [run.node_id for run in active.recorder.rings.of(Run).snapshot()] == ["start.work"]


def test_nothing_escapes_a_stream_whose_answer_has_begun(monkeypatch):
    """Also where what it asks for takes a while to read."""
    resolve = subscription.filters_of

    def slowly(*arguments):
        time.sleep(0.3)
        return resolve(*arguments)

    monkeypatch.setattr(subscription, "filters_of", slowly)
    asked = {"query": "subscription { records(kinds: [RUN]) { records { ... on RunRecord { nodeId } } } }"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
    with (
        DevTools(token=TOKEN).start(port=0) as devtools,
        httpx.stream("POST", f"{devtools.url}graphql", json=asked, headers=headers, timeout=20) as stream,
    ):
        work(7)
        assert line_with(stream, "start.work")


SCRIPT = """
import sys
import httpx
from devtools import DevTools, task

@task
def work(number):
    return number

devtools = DevTools(database=sys.argv[1]).start(port=0)
stream = httpx.stream("POST", devtools.url + "graphql", json={"query": "subscription { records { position } }"},
    headers={"Authorization": "Bearer " + "t" * 43, "Accept": "text/event-stream"}).__enter__()
work(1)
print("done", devtools.port)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "1 / 0"])
def test_a_script_ends_when_its_last_line_is_reached(tmp_path, ending):
    """With a stream open, however it ends; what it recorded is stored."""
    (tmp_path / "job.py").write_text(f"{SCRIPT}{ending}\n")
    url = f"sqlite:///{tmp_path}/job.db"
    environment = {"PYTHONPATH": str(ROOT), "DEVTOOLS_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "job.py", url],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == {"": 0, "raise SystemExit(3)": 3, "1 / 0": 1}[ending], done.stderr
    assert "done" in done.stdout
    assert "Exception ignored" not in done.stderr
    query = "{ history { runs { nodes { nodeId app } } } }"
    asked = subprocess.run(
        [sys.executable, "-m", "devtools", "query", query, "--database", url, "--format", "data"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert '"nodeId":"job.work","app":"job"' in asked.stdout.replace(" ", ""), asked


FORKING = """
import multiprocessing, os, sys
from devtools import DevTools

devtools = DevTools().start(port=0)
port = devtools.port
go, done = multiprocessing.get_context("fork").Event(), multiprocessing.get_context("fork").Event()

def child():
    done.set()
    go.wait(30)

process = multiprocessing.get_context("fork").Process(target=child)
process.start()
done.wait(30)
devtools.close()
DevTools().start(port=port).close()
go.set()
process.join(30)
print("free again", process.exitcode)
"""


@pytest.mark.slow
def test_a_forked_child_does_not_keep_the_port(tmp_path):
    """Its server is the parent's; when that ends the port is free."""
    environment = {"PYTHONPATH": str(ROOT), "DEVTOOLS_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.stdout.strip() == "free again 0", done.stderr
