"""What of a node outlives a change."""

from __future__ import annotations

import pytest

from streamwatchd.operators.node import Node
from streamwatchd.operators.wire import beginning_at, families_of, share_rules
from tests.operators.bench import Bench

HOT = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%}\n"


def nodes(rules: str) -> list[Node]:
    return list(next(iter(Bench(rules).driver.shards[0].tasks.values())).flow.nodes.values())


@pytest.mark.parametrize(
    ("later", "heirs"),
    [
        (HOT, True),
        (HOT.replace("50%", "60%"), True),
        (HOT.replace("avg", "max"), True),
        (HOT.replace("hot", "cold"), False),
        (HOT.replace("by: host", "by: [host, site]"), False),
        ("  - {alarm: hot, by: host, when: x > 50%}\n", False),
    ],
)
def test_alarms_go_on_by_rule_keys_and_kind(later: str, heirs: bool) -> None:
    """A rule of the same name and `by` takes its alarms over, if it is judged in the same way."""
    (old,), (new,) = nodes(HOT), nodes(later)
    assert share_rules(old, new) is heirs


def test_new_windows_begin_above_the_change() -> None:
    """Nodes of the first start have no such instant."""
    (one,), (two,) = nodes(HOT), nodes(HOT)
    assert beginning_at(one, 5_000).begins_ms == 5_000  # type: ignore[attr-defined]
    assert beginning_at(two, -(2**62)).begins_ms is None  # type: ignore[attr-defined]


def test_nodes_name_the_panes_that_they_need() -> None:
    """Those stay as long as a node does that still has to judge."""
    kpi, session, rows = (nodes(text)[0] for text in (
        "  - {kpi: k, by: host, every: 10s, values: {n: count(), m: count(by host)}}\n",
        "  - {kpi: s, by: host, session: 10s, values: {n: count()}}\n",
        "  - {alarm: now, by: host, when: x > 50%}\n",
    ))  # fmt: skip
    assert [len({id(family) for family in families_of(node)}) for node in (kpi, session, rows)] == [1, 1, 0]
