"""The stopwatch of an evaluation."""

from __future__ import annotations

from streamwatchd.ports.laps import Laps


def test_each_lap_is_given_the_time_since_the_last() -> None:
    """Whatever happened before `start` is nobody's."""
    at = iter([10.0, 13.0, 14.0, 20.0])
    laps = Laps(lambda: next(at))
    laps.start()
    laps.lap("a", 5)
    laps.lap("b")
    laps.lap("a", 7)
    assert dict(laps.seconds) == {"a": 9.0, "b": 1.0}
    assert (laps.calls["a"], laps.rows["a"]) == (2, 12)


def test_without_a_clock_nothing_is_measured() -> None:
    """As in dry runs and laws."""
    laps = Laps()
    laps.start()
    laps.lap("a", 5)
    assert not laps.calls
