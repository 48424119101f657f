"""A small plan to look things up in."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.operators.stage_spec import LogicalPlan
from streamwatchd.plan.rules import build
from streamwatchd.rules.loader import load
from streamwatchd.rules.ruleset import RuleSet

CONFIG = """
sources:
  web:
    topic: web
    key: shop
    fields: {shop: string, page: string, latency: {type: float, unit: ms}, status: int}
  mail:
    topic: mail
    fields: {shop: string, size: int}
"""
RULES = """
source: web
every: 10s
rules:
  - {alarm: slow, by: shop, when: avg(latency over 5m) > 400ms}
  - {alarm: slower, by: shop, when: avg(latency over 5m) > 900ms}
  - {alarm: spread, by: shop, when: stddev(latency over 1m) > 900ms}
  - {kpi: pages, by: page, every: 1m, values: {total: count()}}
  - {alarm: fails, when: status >= 500}
  - {kpi: mails, source: mail, by: shop, every: 1m, values: {total: count()}}
  - {kpi: visits, by: shop, session: 30s, values: {total: count()}, when: total > 3}
  - {alarm: busy, source: [pages], by: page, when: total > 5, no_data: keep, in_order: true}
  - {kpi: sizes, by: page, every: 1m, values: {most: max(latency)}}
  - {kpi: both, source: [pages, sizes], every: 2m, values: {x: max(total + most)}}
  - {kpi: sent, source: [mails, shops], every: 1m, values: {x: max(mails.total)}}
  - {kpi: shops, by: shop, every: 1m, values: {total: count()}}
  - {kpi: all, every: 1m, values: {total: count()}}
"""


def planned(folder: Path) -> tuple[LogicalPlan, RuleSet]:
    (folder / "rules.d").mkdir()
    (folder / "streamwatchd.yaml").write_text(CONFIG)
    (folder / "rules.d" / "a.yaml").write_text(RULES)
    loaded = load(folder / "streamwatchd.yaml")
    assert [each.message for each in loaded.diagnostics if each.is_error] == []
    return build(loaded.ruleset), loaded.ruleset
