"""`swctl explain` of an anomaly rule: the score of a row, odd or not, and the features that drove it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.small import START, swctl
from tests.models.stump import put_stump

CONFIG = """
app: t
kafka: {bootstrap.servers: localhost}
sources:
  web:
    topic: web
    time: ts
    key: shop
    fields: {shop: string, latency: float, errors: float}
"""
RULES = """
source: web
rules:
  - anomaly: odd
    by: shop
    every: 1m
    model: mix
    values: {slow: avg(latency), bad: avg(errors)}
    features: [slow, bad]
    missing: skip
    when: score > 0.9
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Slow from the third minute on; in the fifth nothing says how slow."""
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "odd.yaml").write_text(RULES)
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    put_stump(tmp_path / "models", "mix", "slow", "bad", version=3, threshold=500.0)
    lines = []
    for second in range(0, 400, 10):
        slow = None if 240 <= second < 300 else 900 if second >= 120 else 100
        lines.append(json.dumps({"ts": START + second, "shop": "a", "latency": slow, "errors": 1.0}) + "\n")
    (tmp_path / "a.ndjson").write_text("".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2026-01-05T00:03:10Z", ["by mix@3 for the window to 2026-01-05T00:03:00", "firing as", "slow   100% of it"]),
        ("2026-01-05T00:02:00Z", ["by mix@3 for the window to 2026-01-05T00:02:00", "no feature stands out"]),
        ("2026-01-05T00:05:00Z", ["mix@3 gives no score", "slow null"]),
    ],
)
def test_a_score_is_told_with_what_drove_it(project: Path, at: str, says: list[str]) -> None:
    """Where it is odd, where it is as usual, and where a feature lacks."""
    given = ("--recording", project / "a.ndjson", "--key", "shop=a", "--at", at)
    text = swctl("explain", "odd", "--config", project / "streamwatchd.yaml", *given).stdout
    for each in says:
        assert each in text, text
