"""How long a record made in one process takes to a subscriber of another on the same SQLite file, and what watching costs."""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Figure
from devtools import settings
from devtools.records import Log
from devtools.storage.store import DatabaseStore
from devtools.telemetry.filters import EVERYTHING
from devtools.telemetry.recorder import Recorder
from devtools.telemetry.subscribers import Subscribers, Subscription

RATES = (20, 1_000)
"""Records a second."""
RECORDS = 400
IDLE_SECONDS = 5.0
LIMIT_MS = 150
WRITER = """
import sys, time
from devtools import settings
from devtools.records import Level
from devtools.storage.store import DatabaseStore
from devtools.telemetry.recorder import Recorder
recorder = Recorder()
store = DatabaseStore.open(settings.load({"database": sys.argv[1]}, environment={}))
store.start(recorder, "benchmark", "main")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    recorder.log(Level.info, str(time.time_ns()))
    time.sleep(1 / int(sys.argv[2]))
store.close()
"""


def measure() -> list[Figure]:
    return [*(latency(rate) for rate in RATES), idle()]


def latency(rate: int) -> Figure:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "follow.db")
        command = [sys.executable, "-c", WRITER, str(file), str(rate), str(RECORDS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdin is not None
            writer.stdout.readline()
            store, subscribers = watching(file)
            late = sorted(asyncio.run(lateness(subscribers, writer)))
            subscribers.close()
            store.close()
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    value = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, greatest {late[-1]:.0f} ms"
    return Figure(
        f"record to subscriber of another process, {rate}/s",
        value,
        f"p99 ≤ {LIMIT_MS} ms",
        p99 <= LIMIT_MS,
    )


def watching(file: Path) -> tuple[DatabaseStore, Subscribers]:
    recorder = Recorder()
    store = DatabaseStore.open(settings.load({"database": file}, environment={}), read_only=True)
    store.follow(recorder)
    return store, Subscribers(recorder, store.history, flush=store.flush, watch=store.watch)


async def lateness(subscribers: Subscribers, writer: "subprocess.Popen[str]") -> list[float]:
    """Milliseconds from each record to the moment at which the subscriber has it."""
    late: list[float] = []
    async with subscribers.subscribe({Log: EVERYTHING}) as subscription, asyncio.timeout(120):
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
        async for batch in subscription.batches():
            now = time.time_ns()
            late += [(now - int(record.message)) / 1e6 for record in batch.records]
            if len(late) >= RECORDS:
                break
    return late


def idle() -> Figure:
    """Processor time of a process that watches while nothing comes."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "follow.db")
        DatabaseStore.open(settings.load({"database": file}, environment={})).close()
        store, subscribers = watching(file)
        share = asyncio.run(used(subscribers.subscribe({Log: EVERYTHING})))
        subscribers.close()
        store.close()
    return Figure("watching while nothing comes", f"{share:.2%} of a core", "≤ 2 %", share <= 0.02)


async def used(subscription: Subscription) -> float:
    async with subscription:
        await asyncio.sleep(0.5)
        began, used_before = time.monotonic(), time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        return (time.process_time() - used_before) / (time.monotonic() - began)
