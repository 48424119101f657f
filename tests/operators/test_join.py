"""KPIs side by side: joined on their common keys at equal window end."""

from __future__ import annotations

from tests.operators.bench import Bench

KPIS = """\
  - {kpi: p, by: host, every: 10s, values: {v: max(x)}}
  - {kpi: q, by: host, every: 10s, where: kind == "q", values: {v: max(x)}}
"""
BOTH = "  - {alarm: both, source: [p, q], by: host, when: 'p.v > 50% and q.v > 50%'}\n"
EITHER = "  - {alarm: either, source: [p, q], by: host, when: 'p.v > 50% or q.v > 50%'}\n"
LONELY = "  - {alarm: lonely, source: [p, q], by: host, when: 'p.v > 50% and q.v is null'}\n"


def test_rows_of_one_key_and_end_are_judged_together() -> None:
    """Other keys and other windows do not meet."""
    bench = Bench(KPIS + BOTH).at(1, host="a", kind="q", x=60).at(2, host="b", kind="p", x=60)
    bench.at(11, host="a", kind="p", x=60).clock(20)
    assert bench.alerts() == ["9.999 both fired warning a"]


def test_a_missing_side_is_null() -> None:
    """It makes `and` null and leaves `or` to the other side."""
    bench = Bench(KPIS + EITHER + LONELY).at(1, host="a", kind="p", x=60).clock(10)
    assert sorted(bench.alerts()) == ["9.999 either fired warning a", "9.999 lonely fired warning a"]


def test_rows_that_wait_survive_a_restart() -> None:
    """One side has come, the other not."""
    bench = Bench(KPIS + BOTH).at(1, host="a", kind="q", x=60).restart().clock(10)
    assert bench.alerts() == ["9.999 both fired warning a"]


def test_kpis_of_other_places_meet_behind_the_exchange() -> None:
    """One lies in its source's partitions, the other in the exchange: their join waits for both."""
    rules = """\
  - {kpi: p, by: host, every: 10s, values: {n: count()}}
  - {kpi: q, source: other, by: host, every: 10s, values: {n: count()}}
  - {alarm: both, source: [p, q], by: host, when: 'p.n > 1 and q.n > 0'}
"""
    bench = Bench(rules).at(1, host="a").at(2, host="a").at(3, host="b").at(3, topic="other", host="a")
    assert bench.clock(10, topics=["m"]).alerts() == []
    assert bench.clock(10).alerts() == ["9.999 both fired warning a"]
