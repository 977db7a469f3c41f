"""How elements behaved under two versions of the structure: pure, from counts and percentiles that a store has read."""

import enum
import math
from collections.abc import Mapping

import msgspec

from devtools.storage.behaviour import Behaviour

FEWEST = 20
"""Runs needed under each version before they are compared: a 95th percentile of fewer is the slowest run alone."""
MORE_ERRORS = 0.01
"""Rise of the error rate that counts, where it is also more than chance: two standard errors."""
SLOWER = 1.2
"""Ratio of the median or the 95th percentile that counts: twice what a histogram's bucket is wide."""
NOISE_MS = 1.0
"""A smaller difference is no difference."""


class Verdict(enum.Enum):
    """How an element behaves beside how it behaved, the worst first."""

    WORSE = "worse"
    TOO_FEW = "too_few"
    SAME = "same"
    BETTER = "better"


VERDICTS = tuple(Verdict)


class BehaviourChange(msgspec.Struct, frozen=True, kw_only=True):
    """One element under both versions. None where it had no runs."""

    node_id: str
    verdict: Verdict
    message: str
    old: Behaviour | None
    new: Behaviour | None
    score: float
    """What the order follows: ten points of error rate weigh as much as being twice as slow."""


def compare(old: Mapping[str, Behaviour], new: Mapping[str, Behaviour]) -> list[BehaviourChange]:
    """Every element that ran under either version, the ones that got worse on top, the worst of them first."""
    found = [_change(node_id, old.get(node_id), new.get(node_id)) for node_id in old.keys() | new.keys()]
    return sorted(found, key=lambda change: (VERDICTS.index(change.verdict), -change.score, change.node_id))


def _change(node_id: str, old: Behaviour | None, new: Behaviour | None) -> BehaviourChange:
    if old is None or new is None or min(old.count, new.count) < FEWEST:
        counts = [0 if side is None else side.count for side in (old, new)]
        message = f"Too few runs to compare: {counts[0]} and {counts[1]}, {FEWEST} are needed under each."
        return BehaviourChange(
            node_id=node_id, verdict=Verdict.TOO_FEW, message=message, old=old, new=new, score=0.0
        )
    worse, better = _higher(old, new), _higher(new, old)
    if worse:
        verdict, message = Verdict.WORSE, _said(worse, old, new)
    elif better:
        verdict, message = Verdict.BETTER, _said(better, old, new)
    else:
        verdict, message = Verdict.SAME, "No difference beyond chance."
    return BehaviourChange(
        node_id=node_id, verdict=verdict, message=message, old=old, new=new, score=_score(old, new)
    )


def _higher(low: Behaviour, high: Behaviour) -> list[str]:
    """What is higher on one side than on the other, beyond chance."""
    found: list[str] = []
    rise = high.error_rate - low.error_rate
    if rise >= MORE_ERRORS and rise > 2 * _standard_error(low, high):
        found.append("errors")
    for name, before, after in (("p50", low.p50_ms, high.p50_ms), ("p95", low.p95_ms, high.p95_ms)):
        if after - before >= NOISE_MS and after >= before * SLOWER:
            found.append(name)
    return found


def _said(measures: list[str], old: Behaviour, new: Behaviour) -> str:
    """`errors 0.0% → 50.0%; p95 10.6 → 50.7 ms`."""
    texts = {
        "errors": f"errors {old.error_rate:.1%} → {new.error_rate:.1%}",
        "p50": f"p50 {old.p50_ms:.1f} → {new.p50_ms:.1f} ms",
        "p95": f"p95 {old.p95_ms:.1f} → {new.p95_ms:.1f} ms",
    }
    return "; ".join(texts[measure] for measure in measures)


def _standard_error(one: Behaviour, other: Behaviour) -> float:
    share = (one.errors + other.errors) / (one.count + other.count)
    return math.sqrt(share * (1 - share) * (1 / one.count + 1 / other.count))


def _score(old: Behaviour, new: Behaviour) -> float:
    slower = math.log2(max(new.p95_ms, NOISE_MS) / max(old.p95_ms, NOISE_MS))
    return round(10 * (new.error_rate - old.error_rate) + slower, 6)
