"""`rules`: what came of rules, and what their nodes cost, over all shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.daemon.commands import rules
from streamwatchd.daemon.commands.rules import names_of, shadows_of
from tests.daemon.commands.setting import Setting, report
from tests.daemon.project import rule, write_project

NODE = (("kind", "panes"), ("rule", "hot"), ("stage", "1"))


def test_nodes_are_added_up_over_shards_and_the_busiest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bytes that they hold, where that is known."""
    setting = Setting()
    monkeypatch.setattr(rules, "names_of", lambda plan: {})
    monkeypatch.setattr(rules, "shadows_of", lambda plan: frozenset())
    other = (("kind", "alarm"), ("rule", "hot"), ("stage", "1"))
    counters = {("node_seconds_total", NODE): 1.0, ("node_rows_total", NODE): 50.0, ("node_seconds_total", other): 3.0}
    for slot in setting.supervisor.slots:
        gauges = {("state_bytes", NODE): 100.0}
        slot.report = report(slot.shard, counters=counters, gauges=gauges)
    nodes = setting.run("rules")["nodes"]
    assert [(each["kind"], each["seconds"], each["rows"], each["bytes"]) for each in nodes] == [
        ("alarm", 6.0, 0.0, None),
        ("panes", 2.0, 100.0, 200.0),
    ]


def test_rules_in_force_have_their_kinds(tmp_path: Path) -> None:
    """Those of every stage."""
    config = write_project(tmp_path, {"a.yaml": rule("one")})
    program = compile_project(config).program
    assert program is not None
    assert names_of(program.plan) == {"one": "kpi"}


def test_rules_in_shadow_are_known(tmp_path: Path) -> None:
    """Of each kind."""
    shadowed = "source: events\nevery: 10s\nrules:\n"
    shadowed += "  - {kpi: n1, by: k, every: 1m, mode: shadow, values: {n: count()}}\n"
    shadowed += "  - {alarm: w, by: k, mode: shadow, when: avg(x over 1m) > 1}\n"
    shadowed += "  - {alarm: r, by: k, mode: shadow, when: x > 1}\n"
    program = compile_project(write_project(tmp_path, {"a.yaml": rule("one"), "b.yaml": shadowed})).program
    assert program is not None
    assert shadows_of(program.plan) == {"n1", "w", "r"}
