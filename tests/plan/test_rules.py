"""What becomes of rules: nodes, what they share, and where they run."""

from __future__ import annotations

import pytest

from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec
from tests.operators.bench import compiled

BY_HOST = "  - {kpi: k, by: host, every: 1m, values: {n: count()}}\n"
BY_SITE = "  - {kpi: k, by: site, every: 1m, values: {n: count()}}\n"
HOT = "  - {alarm: hot, by: host, when: avg(x over 30s) > 50%}\n"


def plan(rules: str) -> LogicalPlan:
    program = compiled(rules).program
    assert program is not None
    return program.plan


def first(rules: str) -> StageSpec:
    return plan(rules).first["m"]


@pytest.mark.parametrize(
    ("other", "families", "nodes"),
    [
        # the same panes, other thresholds and texts: one judgement for both
        ("  - {alarm: warm, by: host, when: avg(x over 30s) > 40%, message: hm}\n", 1, 1),
        # another window or aggregate: the same panes
        ("  - {alarm: warm, by: host, when: avg(x over 60s) > 40%}\n", 1, 2),
        ("  - {alarm: warm, by: host, when: max(x over 30s) > 40%}\n", 1, 2),
        ("  - {kpi: warm, by: host, every: 10s, values: {a: avg(x)}}\n", 1, 2),
        # other keys, filter or pane width: other panes
        ("  - {alarm: warm, by: [host, site], when: avg(x over 30s) > 40%}\n", 2, 2),
        ("  - {alarm: warm, by: host, where: x > 1, when: avg(x over 30s) > 40%}\n", 2, 2),
        ("  - {kpi: warm, by: host, every: 7s, values: {a: avg(x)}}\n", 2, 2),
        # alarms on rows keep no panes
        ("  - {alarm: warm, by: host, when: x > 40%}\n", 1, 2),
    ],
)
def test_equal_work_is_shared(other: str, families: int, nodes: int) -> None:
    """Cost follows distinct work."""
    stage = first(HOT + other)
    assert (len(stage.families), len(stage.order)) == (families, nodes)


def test_a_rule_beside_it_changes_nothing_about_a_rule() -> None:
    """Its ids, windows and panes are its own: state is found by them."""
    alone = first(HOT)
    for other in (
        "  - {kpi: k, by: host, every: 7s, values: {a: avg(x)}}\n",
        "  - {alarm: long, by: host, when: avg(x over 24h) > 50%}\n",
        "  - {alarm: odd, by: host, when: avg(x over 25s) > 50%}\n",
    ):
        beside = first(other + HOT)
        spec = next(spec for spec in beside.window_alarms if spec.members[0].name == "hot")
        assert spec == alone.window_alarms[0]
        family = next(family for family in beside.families if family.id == spec.family)
        assert family.tables[0].width_ms == alone.families[0].tables[0].width_ms


@pytest.mark.parametrize(
    ("rule", "stage"),
    [
        ("  - {alarm: a, by: host, when: x > 1}\n", 1),
        ("  - {alarm: a, by: [site, host], when: avg(x over 1m) > 1}\n", 1),
        ("  - {alarm: a, when: x > 1}\n", 1),
        ("  - {alarm: a, by: site, when: x > 1}\n", 2),
        ("  - {alarm: a, by: site, when: avg(x over 1m) > 1}\n", 2),
        ("  - {kpi: a, every: 1m, values: {n: count()}}\n", 2),
        ("  - {kpi: a, by: [host, site], every: 1m, values: {n: count(), all: count(by site)}}\n", 2),
        ("  - {alarm: a, source: other, by: host, when: x > 1}\n", 2),
        (
            BY_HOST + "  - {alarm: a, source: k, by: host, when: n > 1}\n",
            1,
        ),
        (
            BY_HOST + "  - {kpi: a, source: k, every: 1m, values: {n: sum(n)}}\n",
            2,
        ),
        (
            BY_SITE + "  - {kpi: a, source: k, every: 1m, values: {n: sum(n)}}\n",
            3,
        ),
    ],
)
def test_a_rule_runs_where_its_keys_lie_together(rule: str, stage: int) -> None:
    """In the source's partitions if `by` holds the partition key, else one stage after what it reads."""
    found = plan(rule)
    homes = [s.stage for s in (*found.first.values(), *found.later) for node in s.order if _is_of(s, node, "a")]
    assert homes == [stage]


def _is_of(stage: StageSpec, node: str, name: str) -> bool:
    nodes = (*stage.kpis, *stage.window_alarms, *stage.row_alarms)
    return node in [spec.id for spec in nodes if any(member.name == name for member in spec.members)]


def test_only_what_is_read_crosses_the_exchange() -> None:
    """Panes for windows; for rows the fields that the rule reads, and only rows that pass its filter."""
    stage = first("  - {alarm: a, by: site, where: kind == 'cpu' and n > 1, when: x > 1}\n")
    (feed,) = stage.feeds
    assert {column.name for column in feed.columns} == {"site", "x", "kind", "n"} | {
        c.name for c in feed.columns if "route" in c.name
    }
    assert feed.where is not None
    assert first("  - {kpi: a, by: site, every: 1m, values: {n: count()}}\n").feeds == ()


def test_kpis_come_before_their_readers_in_any_order_of_the_text() -> None:
    """One instant runs through a chain."""
    rules = """\
  - {alarm: a, source: kk, by: host, when: m > 1}
  - {kpi: kk, source: k, by: host, every: 1m, values: {m: max(n)}}
  - {kpi: k, by: host, every: 1m, values: {n: count()}}
"""
    stage = first(rules)
    names = {spec.id: spec.members[0].name for spec in stage.kpis}
    assert [names.get(node, "a") for node in stage.order] == ["k", "kk", "a"]


def test_kpis_that_differ_in_an_equality_are_one_node() -> None:
    """Its value is a key of theirs; another shape is a node of its own, and sessions stay apart."""
    kpi = "  - {{kpi: {}, where: kind == '{}', by: host, {}, values: {{n: count()}}}}\n"
    spans = [("a", "x", "every: 1m"), ("b", "y", "every: 1m"), ("c", "x", "every: 2m")]
    spans += [("d", "x", "session: 1m"), ("e", "y", "session: 1m")]
    stage = first("".join(kpi.format(*span) for span in spans))
    found = {tuple((m.name, m.constants) for m in spec.members) for spec in stage.kpis}
    assert found == {(("a", ("x",)), ("b", ("y",))), (("c", ("x",)),), (("d", ()),), (("e", ()),)}
    assert len(stage.order) == 4
    alone = first(kpi.format(*spans[0])).kpis[0]
    assert alone.id in [spec.id for spec in stage.kpis]
    assert alone.members[0].meaning == stage.kpis[0].members[0].meaning
