"""What a worker says of itself."""

from __future__ import annotations

from streamwatchd.ports.clock import ManualClock
from streamwatchd.shard.meter import Meter


def test_counts_add_up_and_notes_are_kept_in_order() -> None:
    """A report has all since the start; a repeated note is there once."""
    meter = Meter(3, ManualClock())
    meter.add("records_total", 2, (("topic", "in"),))
    meter.add("records_total", 3, (("topic", "in"),))
    for text in ("a", "a", "b", "a"):
        meter.note(text)
    report = meter.report()
    assert report.shard == 3
    assert report.counters["records_total", (("topic", "in"),)] == 5
    assert report.notes == ("a", "b", "a")


def test_reports_are_due_now_and_then() -> None:
    """By the clock that does not jump."""
    clock = ManualClock()
    meter = Meter(0, clock)
    assert meter.due(0.5)
    meter.report()
    assert not meter.due(0.5)
    clock.jump(10_000)
    assert not meter.due(0.5)
    clock.advance(500)
    assert meter.due(0.5)


def test_a_commit_says_its_epoch_and_time() -> None:
    """As totals and as the last one."""
    meter = Meter(0, ManualClock())
    meter.committed(4, 0.25)
    meter.committed(5, 0.5)
    report = meter.report()
    assert report.epoch == 5
    assert report.counters["commit_seconds_total", ()] == 0.75
    assert report.gauges["commit_seconds", ()] == 0.5
