"""Records a second."""

from __future__ import annotations

from streamwatchd.daemon.rates import Rates
from streamwatchd.ports.telemetry import Report


def report(at_ms: int, records: int) -> Report:
    counters = {("records_total", (("topic", "a"),)): records, ("records_total", (("topic", "b"),)): records}
    return Report(shard=0, at_ms=at_ms, phase="running", counters=counters)


def test_the_last_ten_seconds_count() -> None:
    """Over all topics; what was before is forgotten."""
    rates = Rates()
    assert rates.of(0) == 0
    for second in range(30):
        rates.take(report(1_000 * second, 100 * second if second < 15 else 1_500))
    assert rates.of(0) == 0
    rates.take(report(30_000, 2_500))
    assert rates.of(0) == 200


def test_another_process_begins_anew() -> None:
    """No rate is ever below zero."""
    rates = Rates()
    rates.take(report(0, 1_000))
    rates.take(report(1_000, 10))
    assert rates.of(0) == 0
    rates.take(report(2_000, 20))
    assert rates.of(0) == 20
