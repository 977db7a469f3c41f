"""Record ids, run ids and correlation ids. See "Two ids for a run" in docs/architecture.md."""

import random
import time
from typing import Protocol

EPOCH_NS = 1_735_689_600_000_000_000
"""2025-01-01T00:00:00Z. Record ids count microseconds from here, which leaves room until the year 2096 in 63 bits."""
SLOT_BITS = 12
SLOTS = 1 << SLOT_BITS
RUN_ID_MASK = (1 << 63) - 1
TRACE_ID, SPAN_ID = slice(3, 35), slice(36, 52)
"""Where the digits of the two ids stand in a `traceparent` of version 00 (W3C Trace Context, 3.2.2)."""


class Clocks(Protocol):
    """The two clocks of a recorder."""

    def time_ns(self) -> int:
        """Unix time in nanoseconds."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back: durations come from here."""
        ...


class SystemClocks:
    """The clocks of the operating system."""

    time_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.perf_counter_ns)


def first_id(time_ns: int, slot: int = 0) -> int:
    """The smallest record id of a process slot at a time."""
    return max(0, (time_ns - EPOCH_NS) // 1_000) << SLOT_BITS | slot


_system = random.SystemRandom()
_generator = random.Random(_system.getrandbits(64))  # noqa: S311 - ids need to be unique, not secret
random_bits = _generator.getrandbits
"""So many random bits as a number."""


def reseed() -> None:
    """Start a new random sequence: after a fork, parent and child would otherwise give the same ids."""
    _generator.seed(_system.getrandbits(64))


def new_run_id() -> int:
    """A random run id: 63 bits, never 0. The span id of OpenTelemetry."""
    return random_bits(63) or 1


def new_correlation() -> int:
    """A random correlation id as a number: 128 bits, never 0."""
    return random_bits(128) or 1


def to_hex(run_id: int) -> str:
    """A run id as it is written outside: 16 hex digits."""
    return f"{run_id:016x}"


def run_id_of(span_id: str) -> int:
    """The run id for a span id of 16 hex digits: its lower 63 bits."""
    return int(span_id, 16) & RUN_ID_MASK
