"""An edit is noticed where a test stands on both sides of the figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bounds.notice import Trial
from tests.testing.project import project, suite

RULES = """
every: 10s
rules:
  - alarm: slow
    source: web
    by: shop
    when: max(latency over 1m) > 400ms
    severity: critical
"""
LOOSE = """
tests:
  - name: fires
    events: [{source: web, step: 10s, shop: north, latency: "100x7 900x3 100x7"}]
    expect: [{alarm: slow}]
"""
TIGHT = """
tests:
  - name: fires over 400 ms, not at 400 ms, and for as long as it is in a minute
    events:
      - {source: web, step: 10s, shop: north, latency: "100x12 401 100x12"}
      - {source: web, step: 10s, shop: south, latency: "100x9 400x12"}
    expect:
      - {at: 2m10s, alarm: slow, event: fired, severity: critical, key: {shop: north}}
      - {at: 3m10s, alarm: slow, event: resolved, key: {shop: north}}
    exact: true
"""


def unnoticed(folder: Path, text: str) -> list[str]:
    loaded = project(folder, RULES)
    (path,) = {rule.span.file for rule in loaded.ruleset.rules}
    trial = Trial(loaded.config, loaded, path, (suite(folder, text, loaded),))
    assert not trial.fails("slow", loaded)
    return [edit.label for edit in trial.edits() if not trial.notices(edit)]


def test_a_loose_test_lets_edits_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only says that the alarm fires at all."""
    monkeypatch.chdir(tmp_path)
    found = unnoticed(tmp_path, LOOSE)
    assert "slow: when: max(latency over 1m) > 399ms" in found
    assert "slow: when: max(latency over 50s) > 400ms" in found
    assert "slow: severity: major" in found
    assert "slow: when: min(latency over 1m) > 400ms" not in found


def test_a_tight_test_lets_none_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near misses under and over the bound, instants and the severity are said."""
    monkeypatch.chdir(tmp_path)
    assert unnoticed(tmp_path, TIGHT) == []
