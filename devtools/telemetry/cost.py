"""What recording costs the app: a sample of how long keeping a fact took. Shown in `system { overhead }`."""

from collections import deque

NANOSECONDS_PER_MICROSECOND = 1_000
SAMPLE_MASK = 0x3F
"""One run in 64 is measured: those whose random id ends in zeros."""
KEPT = 1_024


class Cost:
    """The newest samples, in nanoseconds."""

    def __init__(self) -> None:
        self._samples: deque[int] = deque(maxlen=KEPT)
        self.add = self._samples.append

    def percentile_us(self, share: float) -> float | None:
        """The time in microseconds that this share (0..1) of the samples stays under; None before the first sample."""
        samples = sorted(self._samples.copy())
        if not samples:
            return None
        return samples[min(len(samples) - 1, int(share * len(samples)))] / NANOSECONDS_PER_MICROSECOND

    def total_seconds(self, facts: int) -> float:
        """What this many facts cost, by the mean of the samples."""
        samples = self._samples.copy()
        return facts * sum(samples) / len(samples) / 1e9 if samples else 0.0
