"""One small project for tests of playing and testing."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from streamwatchd.compiler import compile_project, program_of
from streamwatchd.plan.program import Program
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.testing.timeline import Suite
from streamwatchd.testing.timeline_reader import read_suite

START_MS = 1_767_571_200_000

CONFIG = """
sources:
  web:
    topic: web
    time: ts
    unit: ms
    max_delay: 5s
    idle_after: 30s
    key: shop
    fields: {shop: string, page: string, latency: {type: float, unit: ms}, status: int, up: bool}
    enrich: {shops: shop}
  logs:
    topic: logs
    time: kafka
    max_delay: 1s
    idle_after: 10s
    fields: {level: string}
"""
RULES = """
source: web
every: 10s
rules:
  - alarm: slow
    by: shop
    values: {mean: avg(latency over 1m)}
    when: mean > 400ms for 20s
    message: "{shop} of {owner}"
  - alarm: fails
    by: shop
    when: status >= 500
  - kpi: requests
    by: page
    every: 1m
    values: {total: count(), failed: count(where status >= 500)}
  - alarm: busy
    source: requests
    by: page
    when: total > 100
"""


def project(folder: Path, rules: str = RULES, config: str = CONFIG) -> Loaded:
    """The project in `folder`, which must be the present one; paths are relative to it."""
    (folder / "rules.d").mkdir(exist_ok=True)
    (folder / "enrichment.d").mkdir(exist_ok=True)
    (folder / "streamwatchd.yaml").write_text(config)
    (folder / "enrichment.d" / "shops.csv").write_text("shop,owner,size\nnorth,ops,3\n")
    (folder / "rules.d" / "shop.yaml").write_text(rules)
    loaded = load(Path("streamwatchd.yaml"))
    assert not [each for each in loaded.diagnostics if each.is_error]
    return loaded


def program(folder: Path, rules: str = RULES, config: str = CONFIG) -> Program:
    project(folder, rules, config)
    return program_of(compile_project(Path("streamwatchd.yaml")).loaded.ruleset)


def suite(folder: Path, tests: str, loaded: Loaded | None = None) -> Suite:
    """The tests in the text of a test file."""
    loaded = loaded or project(folder)
    (folder / "rules.d" / "shop_test.yaml").write_text(dedent(tests))
    return read_suite("rules.d/shop_test.yaml", loaded)
