"""Checked expressions as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.plan.describe import describe
from streamwatchd.rules.loader import load
from streamwatchd.rules.ruleset import Alarm

CONFIG = """
sources:
  web:
    topic: web
    fields: {shop: string, page: string, latency: {type: float, unit: ms}, status: int, up: bool}
    enrich: {shops: shop}
"""


@pytest.mark.parametrize(
    ("written", "described"),
    [
        ("avg(latency over 5m) > 1.5s", "avg(latency over 5m) > 1500ms"),
        (
            "p99.9(latency where status < 500 over 1h ago 7d) > 2ms",
            "p99.9(latency where status < 500 over 1h ago 1w) > 2ms",
        ),
        (
            "60% * sum(status over 1m) > 5 - 2 * count(over 1m)",
            "(0.6 * sum(status over 1m)) > (5 - (2 * count(over 1m)))",
        ),
        ("count(over 1m) = 0 AND NOT owner = ops", 'count(over 1m) == 0 and (not shops.owner == "ops")'),
        (
            "shop in (a, b) or shop ~ 'x.*' or owner is null",
            'shop in ("a", "b") or shop ~ "x.*" or shops.owner is null',
        ),
        ("-abs(count(over 1m) - 3) > -2 and last(up over 1m)", None),
    ],
)
def test_a_checked_expression_reads_as_it_was_meant(tmp_path: Path, written: str, described: str | None) -> None:
    """Literals stand in the unit of the field, tables before their columns; what is described is rule language."""
    for folder in ("rules.d", "enrichment.d"):
        (tmp_path / folder).mkdir()
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    (tmp_path / "enrichment.d" / "shops.csv").write_text("shop,owner\nnorth,ops\n")

    def checked(text: str) -> str:
        rule = f"source: web\nevery: 10s\nrules:\n  - alarm: a\n    by: shop\n    when: >-\n      {text}\n"
        (tmp_path / "rules.d" / "a.yaml").write_text(rule)
        loaded = load(tmp_path / "streamwatchd.yaml")
        assert [each.message for each in loaded.diagnostics if each.is_error] == []
        (alarm,) = loaded.ruleset.rules
        assert isinstance(alarm, Alarm)
        return describe(alarm.levels[0].when)

    if described is not None:
        assert checked(written) == described
    assert checked(checked(written)) == checked(written)
