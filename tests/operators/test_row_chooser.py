"""Ten thousand rules that differ in a constant: rows find the rules that ask for them."""

from __future__ import annotations

import pytest

from tests.operators.bench import Bench

RULES = "".join(
    f"  - {{alarm: {kind}_{site}, by: host, where: kind == '{kind}' and site == '{site}', when: x > {limit}%}}\n"
    for kind, site, limit in (("cpu", "s1", 10), ("cpu", "s2", 20), ("mem", "s1", 30))
)


def test_rules_of_one_shape_run_as_one() -> None:
    """They differ in what is equal to what and in a threshold, which are data to one node."""
    flow = next(iter(Bench(RULES).driver.shards[0].tasks.values())).flow
    assert len(flow.nodes) == 1


@pytest.mark.parametrize(
    ("event", "fired"),
    [
        ({"kind": "cpu", "site": "s1", "x": 15}, ["0 cpu_s1 fired warning a"]),
        ({"kind": "cpu", "site": "s2", "x": 15}, []),
        ({"kind": "cpu", "site": "s2", "x": 25}, ["0 cpu_s2 fired warning a"]),
        ({"kind": "mem", "site": "s2", "x": 99}, []),
        ({"kind": "disk", "site": "s1", "x": 99}, []),
        ({"kind": None, "site": "s1", "x": 99}, []),
    ],
)
def test_rows_meet_the_rules_that_ask_for_them(event: dict[str, object], fired: list[str]) -> None:
    """Each with its own threshold; values that no rule asks for, and nulls, meet none."""
    assert Bench(RULES).at(0, host="a", **event).alerts() == fired


def test_members_with_equal_constants_judge_the_same_rows() -> None:
    """Two rules of one constant both see its rows, in a batch with others."""
    rules = RULES + "  - {alarm: high, by: host, where: kind == 'cpu' and site == 's1', when: x > 90%}\n"
    bench = Bench(rules).feed(
        (0, {"kind": "mem", "site": "s1", "x": 99, "host": "b"}),
        (0.1, {"kind": "cpu", "site": "s1", "x": 99, "host": "a"}),
        (0.2, {"kind": "disk", "site": "s1", "x": 99, "host": "a"}),
    )
    assert sorted(bench.alerts()) == [
        "0 mem_s1 fired warning b",
        "0.1 cpu_s1 fired warning a",
        "0.1 high fired warning a",
    ]
