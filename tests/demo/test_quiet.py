"""Quiet days: ordinary life is in them, nothing else, and their stretches fit together."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamwatchd.demo import quiet as days
from streamwatchd.demo.quiet import Spell, incidents, quiet, spells, write_labels
from streamwatchd.demo.traffic import Nature
from streamwatchd.training.spans import at_ms, read_labels

START_MS = 1_767_571_200_000
MINUTE = 60


def events(source: str, part_days: float, **options: Any) -> list[dict[str, Any]]:
    found = []
    for stretch in quiet(source, START_MS, part_days, 3, **options):
        (records,) = stretch.sources
        assert set(records.natures.tolist()) <= {Nature.EVENT, Nature.HEARTBEAT}
        found += [json.loads(payload) for payload in records.payloads]
    return found


def test_every_link_is_polled_once_a_minute_across_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows hold equally many polls, and a link keeps its size."""
    monkeypatch.setattr(days, "PART_SECONDS", 1_800)
    polls = [event for event in events("network", 2 / 24) if event.get("event") == "poll"]
    for link in ("core-01:ge0", "access-30:ge3"):
        mine = [event for event in polls if event["link"] == link]
        assert np.bincount([(event["ts"] - START_MS // 1000) // 300 for event in mine]).tolist() == [5] * 24
        halves = [np.mean([event["octets"] for event in part]) for part in (mine[:60], mine[60:])]
        assert halves[1] / halves[0] == pytest.approx(1.13, abs=0.1)  # the morning's rise


def test_a_busy_spell_brings_more_slower_and_more_failing_requests() -> None:
    """All three together, and only of its service."""
    spell = next(each for each in spells(360, 3) if each.is_busy and each.last < 350)
    rows = [event for event in events("api", 0.25) if event.get("service") == spell.service and "status" in event]
    at = np.array([(event["ts"] - START_MS) / 60_000 for event in rows])
    meant = (at >= spell.first + 3) & (at < spell.last - 3)
    usual = np.ones(len(at), bool)
    for each in spells(360, 3):
        if each.service == spell.service:
            usual &= ~((at >= each.first) & (at < each.last))
    latency, failed = (np.array([event[name] for event in rows]) for name in ("latency", "status"))
    minutes = spell.last - spell.first - 6
    calm = sum(each.last - each.first for each in spells(360, 3) if each.service == spell.service)
    assert (meant.sum() / minutes) / (usual.sum() / (360 - calm)) == pytest.approx(1.7, rel=0.15)
    assert latency[meant].mean() / latency[usual].mean() == pytest.approx(1.55, rel=0.1)
    assert (failed[meant] >= 500).mean() == pytest.approx(0.024, abs=0.006)
    assert (failed[usual] >= 500).mean() == pytest.approx(0.004, abs=0.002)


@pytest.mark.parametrize("source", ["api", "network"])
def test_odd_stretches_are_labelled_and_apart_from_spells(source: str, tmp_path: Path) -> None:
    """As `swctl model` reads labels; after the first day, one a slice of the time."""
    odd = incidents(source, START_MS, 7, 5, 12)
    assert len(odd) == 12
    assert all(first.end <= second.start for first, second in itertools.pairwise(odd))
    assert odd[0].start >= 86_400
    write_labels(odd, START_MS, tmp_path / "labels")
    read = read_labels(tmp_path / "labels")
    assert [(each.begin_ms, dict(each.key)) for each in read] == [
        (START_MS + round(1000 * each.start), dict(each.key)) for each in odd
    ]
    if source == "api":
        life = spells(7 * 1_440, 5)
        assert not any(s.meets(each.key["service"], each.start / 60, each.end / 60) for each in odd for s in life)


def test_spells_of_a_service_do_not_meet() -> None:
    """And equal seeds have the same life."""
    life = spells(3_000, 9)
    assert life == spells(3_000, 9)
    assert {spell.is_busy for spell in life} == {True, False}
    for spell in life:
        others = [each for each in life if each is not spell]
        assert not any(other.meets(spell.service, spell.first, spell.last) for other in others)
    assert Spell("a", 0, 5, True).meets("a", 4, 6)


def test_another_source_has_no_quiet_days() -> None:
    with pytest.raises(ValueError, match="quiet days are of api or network, not of users"):
        next(quiet("users", START_MS, 1, 1))
    assert at_ms("2026-01-05T00:00:00Z") == START_MS
