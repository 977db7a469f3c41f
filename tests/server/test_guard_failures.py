"""Counting wrong tokens: bounded, per client, over when the window is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.server.guard.failures import Failures


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def guess(failures, client, count, start=0):
    for number in range(start, start + count):
        failures.add(client, b"%d" % number)


def test_the_limit_is_fine_and_then_the_client_waits_the_window_out(clock):
    """Nine failures leave a try; ten make every token wait until the window ends."""
    failures = Failures(clock=clock)
    guess(failures, "10.0.0.1", 9)
    assert failures.wait("10.0.0.1", b"right") is None
    clock.now += 15
    failures.add("10.0.0.1", b"tenth")
    assert failures.wait("10.0.0.1", b"right") == 45
    clock.now += 45
    assert failures.wait("10.0.0.1", b"right") is None
    assert len(failures) == 0


def test_one_wrong_token_repeated_is_refused_alone(clock):
    """A stale page locks itself out and nobody else."""
    failures = Failures(clock=clock)
    for _ in range(10):
        assert failures.wait("127.0.0.1", b"stale") is None
        failures.add("127.0.0.1", b"stale")
    assert failures.wait("127.0.0.1", b"stale") == 60
    assert failures.wait("127.0.0.1", b"right") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("127.0.0.1", "127.255.0.9", True),
        ("127.0.0.1", "::1", True),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "10.0.0.2", False),
    ],
)
def test_who_counts_as_one_client(one, other, same, clock):
    """A machine has all of 127/8 and a whole /64: changing among them starts no new count."""
    failures = Failures(clock=clock)
    guess(failures, one, 10)
    assert (failures.wait(other, b"right") is not None) == same


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5), st.floats(0, 30)), max_size=200))
def test_memory_is_bounded_and_answers_are_sane(events):
    """Whatever happens, at most so many clients are kept, and no wait is longer than the window."""
    clock = Clock()
    failures = Failures(limit=3, window=60, max_clients=8, clock=clock)
    for client, token, passed in events:
        clock.now += passed
        wait = failures.wait(f"10.0.0.{client}", b"%d" % token)
        assert wait is None or 0 < wait <= 60
        if wait is None:
            failures.add(f"10.0.0.{client}", b"%d" % token)
        assert len(failures) <= 8
