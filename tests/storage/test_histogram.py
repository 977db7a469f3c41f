"""Percentiles from buckets, beside those of the values themselves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from devtools.storage import histogram

durations = st.lists(st.integers(0, 2**62), min_size=1, max_size=200)


@settings(max_examples=60, deadline=None)
@given(durations, st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_right_within_one_bucket(values: list[int], share: float) -> None:
    exact = max(1.0, histogram.exact_percentile(sorted(values), share))
    found = histogram.percentile(histogram.of(values), share)
    assert exact / histogram.GROWTH <= found <= exact * histogram.GROWTH


@settings(max_examples=60, deadline=None)
@given(durations, durations)
def test_merging_is_the_same_as_counting_together(one: list[int], other: list[int]) -> None:
    parts = [histogram.decode(histogram.encode(histogram.of(values))) for values in (one, other)]
    assert histogram.merged(parts) == histogram.of([*one, *other])


def test_nothing_and_damage_do_no_harm() -> None:
    assert histogram.percentile({}, 0.5) == 0.0
    assert histogram.exact_percentile([], 0.5) == 0.0
    assert histogram.decode(b"\xc1") == {}


def test_the_nearest_rank() -> None:
    assert [histogram.exact_percentile(range(1, 101), share) for share in (0.5, 0.95)] == [50.0, 95.0]
    assert histogram.exact_percentile([7], 0.5) == 7.0
