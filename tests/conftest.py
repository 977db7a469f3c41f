"""What every test has: a clock passed in, a recorder that is taken away again, and one event loop backend."""

import gc
from collections.abc import Iterator

import pytest

from devtools.telemetry import active
from devtools.telemetry.recorder import Recorder

START_NS = 1_790_000_000_000_000_000


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Set aside what collecting made: it lives to the end, and each pass of the garbage collector would look at all of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


class FakeClocks:
    """Clocks that move only when told."""

    def __init__(self) -> None:
        self.now = START_NS
        self.monotonic = 0

    def time_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.monotonic

    def advance(self, *, ns: int = 0, ms: float = 0, seconds: float = 0) -> None:
        step = ns + int(ms * 1e6) + int(seconds * 1e9)
        self.now += step
        self.monotonic += step


@pytest.fixture
def clocks() -> FakeClocks:
    return FakeClocks()


@pytest.fixture
def recorder(clocks: FakeClocks) -> Iterator[Recorder]:
    """The running recorder of this test."""
    made = Recorder(capacity=100, clocks=clocks)
    active.recorder = made
    yield made
    active.recorder = None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
