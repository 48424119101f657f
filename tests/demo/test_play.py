"""The demo as a whole: embedded broker, real daemon, traffic, verdict."""

from __future__ import annotations

import io

from streamwatchd.demo.play import Wanted, past_ms, play
from streamwatchd.demo.show import Lines


def test_a_short_film_ends_well_and_by_itself() -> None:
    """Five minutes of traffic before anything goes wrong: rows for them, no alarm, every bad record accounted for."""
    stream = io.StringIO()
    verdict = play(Wanted(seconds=300, wall_seconds=2.0), Lines(stream))
    text = stream.getvalue()
    assert verdict.good, text
    counts = {line[:16].strip(): line[16:] for line in text.splitlines()}
    assert counts["alarms"] == "0 raised, in 0 lifecycle events"
    for name in ("late events", "dead letters"):
        found, _, injected, _ = counts[name].split()
        assert found == injected != "0"
    assert int(counts["KPI rows"].split(",")[0]) > 300
    assert "of 5 sources through the embedded broker" in text


def test_traffic_starts_on_a_full_minute_and_ends_in_the_past() -> None:
    """So that windows fall alike and no event comes from the future."""
    assert past_ms(1_800) % 60_000 == 0
    assert past_ms(300) - past_ms(1_800) == 1_500_000
