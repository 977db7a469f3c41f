"""A recorder on the system's clocks with all sources installed, and taken away again."""

from collections.abc import Callable, Iterator

import pytest

from devtools.settings import Settings
from devtools.sources import install
from devtools.telemetry import active
from devtools.telemetry.recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder(capacity=1_000)
    active.recorder = made
    yield made
    active.recorder = None


@pytest.fixture
def watch(recorder: Recorder) -> Iterator[Callable[..., Recorder]]:
    """Install the sources with these settings until the test ends."""
    installed: list[Callable[[], None]] = []

    def start(**settings: object) -> Recorder:
        installed.append(install(recorder, Settings(**settings)))
        return recorder

    yield start
    for uninstall in reversed(installed):
        uninstall()
