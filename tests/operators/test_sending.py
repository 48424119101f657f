"""What a task tells later stages, and when."""

from __future__ import annotations

from streamwatchd.operators.flow import Flow
from tests.operators.bench import START_MS, Bench

BY_SITE = "  - {kpi: sites, by: site, every: 10s, values: {n: count()}}\n"


def flow(bench: Bench) -> Flow:
    return next(task.flow for task in bench.driver.shards[0].tasks.values() if task.flow.wiring.targets)


def test_a_watermark_that_closes_no_pane_is_not_told() -> None:
    """What is said counts as an output of an epoch, so it is said once a pane."""
    bench = Bench(BY_SITE)
    sent = flow(bench).progress.sent
    bench.at(3, host="a", site="s").at(12, host="a", site="s")
    first = dict(sent)
    bench.at(15, host="a", site="s")
    assert sent == first == {"m": START_MS + 10_000}


def test_what_is_told_is_told_once() -> None:
    """The outbox is empty after each epoch."""
    bench = Bench(BY_SITE).at(3, host="a", site="s").at(12, host="a", site="s")
    assert not flow(bench).outbox.waits
