"""Verdicts on alarms: kept, counted by rule, the last one of an alarm counts."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.daemon.control_topic.dispositions import Dispositions, Kept, precision
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.ports.disk import RealDisk


def said(of: str, verdict: str, rule: str = "hot") -> Kept:
    return Kept(f"i-{of}-{verdict}", rule, of, verdict, "2026-01-05T00:00:00.000Z", "ann")


def test_the_last_word_on_an_alarm_counts_after_a_restart_too(tmp_path: Path) -> None:
    """As a metric besides."""
    first = Dispositions(RealDisk(), tmp_path, Metrics())
    first.load()
    for of, verdict in (("a", "confirmed"), ("b", "false_positive"), ("c", "confirmed"), ("a", "false_positive")):
        first.add(said(of, verdict))
    first.add(said("a", "confirmed", "cold"))
    metrics = Metrics()
    again = Dispositions(RealDisk(), tmp_path, metrics)
    again.load()
    assert again.by_rule() == {
        "hot": {"confirmed": 1, "false_positive": 2},
        "cold": {"confirmed": 1, "false_positive": 0},
    }
    assert metrics.samples(0)["dispositions", (("rule", "hot"), ("verdict", "false_positive"))] == 2
    assert precision(again.by_rule()["hot"]) == 1 / 3
    assert precision({}) is None


def test_a_torn_line_takes_no_other_with_it(tmp_path: Path) -> None:
    first = Dispositions(RealDisk(), tmp_path, Metrics())
    first.add(said("a", "confirmed"))
    with (tmp_path / "dispositions.ndjson").open("a") as file:
        file.write('{"id": "x"\n')
    first.load()
    assert first.by_rule() == {"hot": {"confirmed": 1, "false_positive": 0}}
