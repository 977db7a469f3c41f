"""How often an element ran under one version of the structure, how often it failed, how long it took. Answered by every store."""

import msgspec


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one element since an hour began."""

    runs: int
    errors: int


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one element under one version."""

    count: int
    errors: int
    """Runs that ended in an error; those that were cancelled did not."""
    p50_ms: float
    p95_ms: float
    exact: bool
    """Percentiles of the durations themselves; otherwise of a histogram, right within one bucket (9 %)."""

    @property
    def error_rate(self) -> float:
        """Share of runs that ended in an error, 0..1."""
        return self.errors / self.count if self.count else 0.0
