"""Durations as counts in buckets, each 9 % wider than the one before, and percentiles of them. Pure: rollups and stores use it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import msgspec

BUCKETS_PER_DOUBLING = 8
"""2 ** (1 / 8) is 1.09: a value read from a bucket is right within 9 %."""
GROWTH = 2 ** (1 / BUCKETS_PER_DOUBLING)

Histogram = Mapping[int, int]
"""How many values by number of bucket. Bucket `n` holds what is from `GROWTH ** n` up to `GROWTH ** (n + 1)`."""

_decode = msgspec.msgpack.Decoder(dict[int, int]).decode
encode = msgspec.msgpack.Encoder().encode


def of(values: Iterable[int]) -> Counter[int]:
    """The histogram of whole numbers; 0 counts as 1."""
    return Counter(map(int, map(math.log, (value or 1 for value in values), repeat(GROWTH))))


def decode(stored: bytes) -> Histogram:
    """A histogram as it was stored; empty where it is damaged."""
    try:
        return _decode(stored)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def merged(histograms: Iterable[Histogram]) -> Counter[int]:
    """All of them as one."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        for bucket, count in histogram.items():
            total[bucket] += count
    return total


def percentile(histogram: Histogram, share: float) -> float:
    """The value below which this share of the values lies: the middle of its bucket. 0 where there are none."""
    wanted, seen = rank(sum(histogram.values()), share), 0
    for bucket in sorted(histogram):
        seen += histogram[bucket]
        if seen >= wanted:
            return GROWTH ** (bucket + 0.5)
    return 0.0


def exact_percentile(ordered: Sequence[int], share: float) -> float:
    """The same of the values themselves, sorted: the nearest rank."""
    return float(ordered[rank(len(ordered), share) - 1]) if ordered else 0.0


def rank(count: int, share: float) -> int:
    """Which of so many values in order, from 1, stands at this share."""
    return max(1, math.ceil(share * count))
