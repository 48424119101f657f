"""The nodes of a task wired together: in what order instants are judged, and what goes on to later stages."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench, seconds

CHAIN = """\
  - {kpi: k, by: host, every: 10s, values: {n: count(), a: avg(x)}}
  - {kpi: kk, source: k, by: host, every: 20s, values: {m: max(n)}}
  - {alarm: on_k, source: k, by: host, when: a > 50%}
  - {alarm: on_kk, source: kk, by: host, when: m > 1}
  - {alarm: direct, by: host, when: avg(x over 10s) > 50%, partial: true}
"""


def test_instants_are_judged_in_order_of_time_whatever_the_rule() -> None:
    """One jump of the watermark over many windows gives what many small steps give, in order of time."""
    slow, fast = Bench(CHAIN), Bench(CHAIN)
    for at in range(0, 100, 2):
        for bench in (slow, fast):
            bench.at(at, host="a", x=90 if at % 40 < 20 else 10)
        slow.clock(at)
    for bench in (slow, fast):
        bench.clock(120)
    alerts = [bench.documents(Sink.ALERTS) for bench in (slow, fast)]
    assert sorted(map(repr, alerts[0])) == sorted(map(repr, alerts[1]))
    assert sorted(slow.rows()) == sorted(fast.rows())
    # rows of a KPI lie a millisecond before the instant at which they are judged
    times = [round(float(seconds(alert["at"])), 1) for alert in alerts[1]]
    assert times == sorted(times)


def test_a_kpi_is_judged_before_what_reads_it() -> None:
    """At one instant the chain runs through."""
    bench = Bench(CHAIN).series([1, 2], host="a", x=90).clock(20)
    assert set(bench.alerts()) >= {"9.999 on_k fired warning a", "19.999 on_kk fired warning a"}


def test_equal_work_is_done_once() -> None:
    """Rules that read the same panes share them, whatever their thresholds."""
    rules = "".join(f"  - {{alarm: r{n}, by: host, when: avg(x over {n}0s) > {n}%}}\n" for n in range(1, 9))
    flow = next(iter(Bench(rules).driver.shards[0].tasks.values())).flow
    assert len(flow.families) == 1


@pytest.mark.parametrize("every", [1, 7])
def test_a_restart_anywhere_changes_nothing(every: int) -> None:
    """A snapshot of a flow in the middle of everything goes on as if nothing had been."""
    rules = CHAIN + "  - {kpi: sites, by: site, every: 10s, values: {n: count()}}\n"
    calm, shaken = Bench(rules), Bench(rules)
    for at in range(0, 60, 3):
        for bench in (calm, shaken):
            bench.at(at, host="ab"[at % 2], site="s", x=at % 100)
        if at % every == 0:
            shaken.restart()
    for bench in (calm, shaken):
        bench.clock(80)
    assert shaken.documents(Sink.ALERTS) == calm.documents(Sink.ALERTS)
    assert shaken.documents(Sink.KPIS) == calm.documents(Sink.KPIS)
