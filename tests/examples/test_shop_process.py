"""`python -m examples.shop` as a person runs it: one link, customers, an end, and words when it cannot start."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-the-tests-of-the-shop"
LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/devtools/#token=(\S+)")
START_S, END_S, ANSWER_S = 120.0, 10.0, 30.0
"""What a loaded machine is given; the shop itself ends within two seconds."""

Json = Any  # Any: JSON values
Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the shop in a new directory, with these environment variables."""
    started: list[subprocess.Popen[str]] = []

    def run(**environment: str) -> subprocess.Popen[str]:
        given = {"PYTHONPATH": str(ROOT), "PORT": "0", "DEVTOOLS_TOKEN": TOKEN, **environment}
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.shop"],
            cwd=tmp_path,
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def base_url(process: subprocess.Popen[str]) -> str:
    """Where it is, read from the link that it prints."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        found = LINK.search(line)
        if found is not None:
            assert found[2] == TOKEN
            return found[1]
    raise AssertionError("".join(lines))


def ask(base: str, query: str) -> Json:
    request = urllib.request.Request(
        f"{base}/devtools/graphql",
        json.dumps({"query": query}).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        return json.load(answer)["data"]


def until(condition: Callable[[], Json], seconds: float) -> Json:
    """What the condition answers once it is true. Fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def children(process: subprocess.Popen[str]) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def is_gone(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_prints_a_link_and_customers_come(start: Start) -> None:
    """The page opens, and soon a receipt has been mailed."""
    base = base_url(start())
    with urllib.request.urlopen(f"{base}/devtools/", timeout=ANSWER_S) as page:
        assert page.status == 200
    sold = '{ live { emissions(last: 1, filter: {eventIds: ["shop.receipt_sent"]}) { correlationId } } }'
    assert until(lambda: ask(base, sold)["live"]["emissions"], START_S)


def test_without_traffic_nobody_comes(start: Start) -> None:
    process = start(TRAFFIC="0")
    base = base_url(process)
    assert ask(base, "{ live { runs { nodeId } } }")["live"]["runs"] == []
    assert children(process) == []


def test_the_stock_can_be_followed(start: Start) -> None:
    """A sale reaches who listens on the WebSocket."""
    base = base_url(start(TRAFFIC="0"))
    with connect(f"{base.replace('http', 'ws')}/stock/feed") as feed:
        levels = {
            level["product_id"]: level["available"] for level in json.loads(feed.recv(timeout=ANSWER_S))
        }
        for path, body in (
            ("/cart/lines", {"product_id": "scale"}),
            ("/checkout", {"card": "tok_visa", "email": "ada@example.com"}),
        ):
            headers = {"content-type": "application/json", "x-customer": "ada"}
            request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
            urllib.request.urlopen(request, timeout=ANSWER_S).close()
        changed = json.loads(feed.recv(timeout=ANSWER_S))
    assert changed == {"product_id": "scale", "available": levels["scale"] - 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_and_takes_its_customers_along(start: Start, number: int) -> None:
    """Also while someone follows the stock."""
    process = start()
    base = base_url(process)
    customers = children(process)
    assert len(customers) == 1
    with connect(f"{base.replace('http', 'ws')}/stock/feed"):
        process.send_signal(number)
        process.wait(END_S)
    until(lambda: is_gone(customers[0]), ANSWER_S)
    assert process.stdout is not None
    assert "Traceback" not in process.stdout.read()


def test_customers_leave_when_the_shop_is_killed(start: Start) -> None:
    process = start()
    base_url(process)
    customers = children(process)
    process.kill()
    until(lambda: all(is_gone(number) for number in customers), ANSWER_S)


def test_a_port_in_use_is_said_with_the_way_out(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(PORT=str(port))
        output, _ = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert output.strip() == f"Port {port} is in use. Choose another one: PORT={port + 1}"


@pytest.mark.parametrize("port", ["shop", "-1", "65536"])
def test_a_port_that_is_none_is_refused(start: Start, port: str) -> None:
    process = start(PORT=port)
    output, _ = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert output.strip() == f"PORT cannot be '{port}': it must be a number from 0 to 65535."
