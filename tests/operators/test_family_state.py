"""What a family keeps, over a restart."""

from __future__ import annotations

from tests.operators.bench import Bench


def test_partials_that_wait_survive_a_restart() -> None:
    """One partition has passed the pane, the other not."""
    bench = Bench("  - {kpi: k, by: site, every: 10s, values: {n: count(), s: sum(x)}}\n", partitions=2)
    bench.at(1, host="a", site="s", x=1).at(20, host="a", site="s", x=2).restart()
    bench.at(2, partition=1, host="b", site="s", x=3).at(20, partition=1, host="b", site="s", x=4).clock(30)
    assert bench.rows() == ["0-10 k s n=2 s=4", "20-30 k s n=2 s=6"]


def test_open_and_closed_panes_survive_a_restart() -> None:
    """Windows over both say what they would have said."""
    bench = Bench("  - {kpi: k, by: host, every: 10s, over: 30s, values: {n: count(), s: sum(x), first: first(x)}}\n")
    bench.at(1, host="a", x=1).at(12, host="a", x=2).at(15, host="a", x=3).restart()
    bench.at(19, host="a", x=4).clock(30)
    assert bench.rows()[-1] == "0-30 k a n=4 s=10 first=1"
