"""The demo as a whole: embedded broker, real daemon, traffic, verdict."""

from __future__ import annotations

import io
from functools import partial
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from streamwatchd.demo import play as play_module
from streamwatchd.demo.play import Wanted, past_ms, play
from streamwatchd.demo.show import Lines
from streamwatchd.demo.traffic import Shape, generate


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
    assert int(counts["KPI rows"].split()[0].rstrip(",").replace(",", "")) > 300
    assert "of 5 sources through the embedded broker" in text


class Slow:
    """Outputs of a daemon that says nothing for longer than the demo takes for quiet, and then the rest."""

    def __init__(self, polls: int) -> None:
        self.polls = polls

    def total(self) -> int:
        return self.late()

    def late(self) -> int:
        return 0 if self.polls > 0 else 1_000

    dead_letters = late


def test_it_waits_for_a_daemon_that_is_slow_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quiet alone is no end: what was injected has to come out, on a busy machine too."""
    now = iter(range(10_000))
    monkeypatch.setattr(play_module, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    traffic = generate(Shape(0, 300))
    outputs = Slow(30)

    def show(*_: object) -> None:
        outputs.polls -= 1

    monkeypatch.setattr(play_module, "_show", show)
    wait = partial(play_module._wait_for_the_last, Mock(), Mock(), traffic, outputs, 0.0, Mock())
    wait()
    assert -10 < outputs.polls <= -play_module.QUIET_SECONDS + 1
    assert not [
        name for name, _ in play_module._counts(traffic, Mock(sent=1), real(outputs), 0.0) if name == "unfinished"
    ]
    outputs.polls = 10**9
    wait()
    assert 10**9 - outputs.polls <= play_module.MOST_WAIT_SECONDS
    assert [name for name, _ in play_module._counts(traffic, Mock(sent=1), real(outputs), 0.0) if name == "unfinished"]


def real(outputs: Slow) -> Mock:
    """With the rest of what the summary asks."""
    return Mock(late=outputs.late, dead_letters=outputs.dead_letters, event_ms=lambda: None, alerts=[], kpis={})


def test_traffic_starts_on_a_full_minute_and_ends_in_the_past() -> None:
    """So that windows fall alike and no event comes from the future."""
    assert past_ms(1_800) % 60_000 == 0
    assert past_ms(300) - past_ms(1_800) == 1_500_000
