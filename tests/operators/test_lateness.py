"""Late events by the rules that would have read them."""

from __future__ import annotations

from tests.operators.bench import SOURCES, Bench

RULES = """\
  - {kpi: all, by: host, every: 10s, values: {n: count()}}
  - {kpi: loud, by: host, where: x > 5, every: 10s, values: {n: count()}}
  - {kpi: more, by: host, where: x > 5, every: 10s, values: {n: count()}}
  - {kpi: sites, by: site, every: 10s, values: {n: count()}}
  - {alarm: now, by: host, where: x > 7, when: x > 99}
  - {alarm: lifted, by: host, where: 'site == "t"', when: x > 99}
  - {alarm: far, by: site, where: x > 8.5, when: x > 99}
"""
LATE: tuple[tuple[float, dict[str, object]], ...] = (
    (1, {"host": "a", "site": "s", "x": 9}),
    (2, {"host": "a", "site": "t", "x": 6}),
    (3, {"host": "a", "site": "t", "x": 0}),
    (4, {"host": "a", "site": "s", "x": 1}),
)


def counts(bench: Bench) -> dict[str, int]:
    found = bench.driver.shards[0].counters()
    return {dict(labels)["rule"]: count for (name, labels), count in found.items() if name == "rule_late"}


def test_late_events_are_counted_by_the_rules_that_would_have_read_them() -> None:
    """By `where`, wherever the rule is judged, and not what `drop` takes out; panes that are shared count once."""
    bench = Bench(RULES, sources=SOURCES.replace("key: host,", "key: host, drop: x == 1,", 1))
    bench.at(50, host="a", x=2, site="s").feed(*LATE)
    assert counts(bench) == {"all": 3, "loud and 1 more": 2, "sites": 3, "now": 1, "lifted": 2, "far": 1}


def test_batches_do_not_matter_and_rules_that_came_count_from_then_on() -> None:
    """Of a rule that went, what it missed stays."""
    bench = Bench("  - {kpi: all, by: host, every: 10s, values: {n: count()}}\n").at(50, host="a").feed(LATE[0])
    bench.change("  - {alarm: now, by: host, where: x > 7, when: x > 99}\n")
    for each in LATE:
        bench.feed(each)
    assert counts(bench) == {"all": 1, "now": 1}
