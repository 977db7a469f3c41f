"""How elements behaved under two versions: the ones that got worse on top, and nothing said from too few runs."""

from devtools.introspection.diff.behaviour import compare
from devtools.storage.behaviour import Behaviour


def ran(count: int = 100, errors: int = 0, p50: float = 10.0, p95: float = 20.0) -> Behaviour:
    return Behaviour(count=count, errors=errors, p50_ms=p50, p95_ms=p95, exact=True)


def verdict(old: Behaviour | None, new: Behaviour | None) -> str:
    (change,) = compare({} if old is None else {"x": old}, {} if new is None else {"x": new})
    return change.verdict.value


def test_slower_by_a_fifth_is_worse_and_faster_is_better():
    assert verdict(ran(), ran(p95=24.0)) == "worse"
    assert verdict(ran(p50=12.0), ran()) == "better"
    assert verdict(ran(), ran(p95=23.0)) == "same"


def test_a_difference_below_a_millisecond_is_none():
    assert verdict(ran(p50=0.1, p95=0.2), ran(p50=0.5, p95=1.0)) == "same"


def test_more_errors_than_chance_explains_are_worse():
    assert verdict(ran(), ran(errors=10)) == "worse"
    assert verdict(ran(errors=2), ran(errors=4)) == "same"
    assert verdict(ran(errors=30), ran()) == "better"


def test_too_few_runs_are_said_and_not_judged():
    assert verdict(ran(count=19), ran(p95=900.0)) == "too_few"
    assert verdict(None, ran()) == "too_few"
    (change,) = compare({"x": ran(count=3)}, {})
    assert change.message == "Too few runs to compare: 3 and 0, 20 are needed under each."


def test_the_worst_stands_first():
    old = {name: ran() for name in ("same", "slow", "slower", "fails", "fast")} | {"new": ran(count=1)}
    new = {
        "same": ran(),
        "slow": ran(p95=40.0),
        "slower": ran(p95=50.0),
        "fails": ran(errors=50),
        "fast": ran(p50=1.0, p95=2.0),
        "new": ran(count=1),
    }
    changes = compare(old, new)
    assert [change.node_id for change in changes] == ["fails", "slower", "slow", "new", "same", "fast"]
    assert changes[0].message == "errors 0.0% → 50.0%"
    assert changes[-1].message == "p50 10.0 → 1.0 ms; p95 20.0 → 2.0 ms"
