"""The eighth kind of edit: sources, by a change of the configuration and a restart. Nothing is judged twice or lost."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import SOURCES, Bench

HOT = "  - {alarm: hot, by: host, when: avg(x over 30s) > 50% for 20s}\n"
NOW = "  - {alarm: now, by: host, when: x > 50%}\n"
SITES = "  - {alarm: site, by: site, when: avg(x over 30s) > 50% for 20s}\n"
KPI = "  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n"
FIRST = SOURCES.splitlines()[0] + "\n" + SOURCES.splitlines()[1] + "\n"
"""Only `m`."""


def events(start: int, end: int, x: float = 80) -> list[tuple[float, dict[str, object]]]:
    return [(at, {"host": "a", "site": "s", "x": x}) for at in range(start, end)]


def burning(rules: str, sources: str = SOURCES) -> Bench:
    bench = Bench(rules, sources=sources).feed(*events(0, 60))
    bench.alerts(), bench.rows()
    return bench


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_delay: 1s", "max_delay: 30s"),
        ("max_delay: 1s", "max_delay: 0s"),
        ("x: {type: float, unit: percent}", "x: {type: int, unit: percent}"),
        ("n: int}}", "n: int, more: string}, idle_after: 5s}"),
    ],
)
def test_disorder_and_fields_keep_all(old: str, new: str, restart: bool) -> None:
    """The watermark never goes back, so no window is judged again: with more disorder it waits."""
    bench = burning(HOT + KPI)
    bench.change(HOT + KPI, sources=SOURCES.replace(old, new, 1))
    if restart:
        bench.restart()
    bench.feed(*events(60, 120)).feed(*events(120, 200, x=1)).clock(300)
    assert bench.alerts() == ["140 hot resolved warning a cleared"]
    assert [row.split()[0] for row in bench.rows()] == [f"{at}-{at + 10}" for at in range(50, 200, 10)]
    assert not bench.documents(Sink.LATE)


def test_a_key_that_is_no_promise_any_more_moves_its_rules() -> None:
    """Behind the exchange, where they begin anew; what was up resolves with a reason."""
    bench = burning(HOT).change(HOT, sources=SOURCES.replace("key: host, ", "", 1))
    assert bench.feed(*events(60, 120)).clock(121).alerts() == [
        "59.001 hot resolved warning a rule_changed",
        "90 hot pending warning a",
        "110 hot fired warning a",
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_a_source_may_be_called_otherwise(restart: bool) -> None:
    """Alarms on windows live on while the new ones fill; those that are judged at once begin anew."""
    rules = HOT + NOW + SITES
    bench = burning(rules)
    renamed = f"source: mm\nevery: 10s\nrules:\n{rules}"
    bench.change(renamed, sources=SOURCES.replace("m: {topic: m", "mm: {topic: m", 1))
    if restart:
        bench.restart()
    bench.feed(*events(60, 120)).clock(120)
    assert sorted(bench.alerts()) == ["59.001 now resolved warning a rule_changed", "60 now fired warning a"]
    found = bench.feed(*events(120, 200, x=1)).clock(300).alerts()
    assert sorted(found) == [
        "120 now resolved warning a cleared",
        "140 hot resolved warning a cleared",
        "140 site resolved warning s cleared",
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_a_source_that_goes_resolves_what_is_up(restart: bool) -> None:
    """What was taken in is judged up to the change, in this stage and in later ones; the rest goes on."""
    other = "  - {kpi: rest, source: other, by: host, every: 10s, values: {n: count()}}\n"
    bench = burning(f"source: m\nevery: 10s\nrules:\n{HOT + NOW + SITES + KPI}{other}")
    bench.change(f"source: other\nevery: 10s\nrules:\n{other}", sources=SOURCES.splitlines()[2] + "\n")
    if restart:
        bench.restart()
    bench.feed(*events(60, 120)).clock(200, topics=("other",))
    assert sorted(bench.alerts()) == [
        "59.001 hot resolved warning a rule_removed",
        "59.001 now resolved warning a rule_removed",
        "59.001 site resolved warning s rule_removed",
    ]
    assert all(task.topic != "m" for task in bench.driver.watermarks())


@pytest.mark.parametrize("restart", [False, True])
def test_a_source_that_comes_begins_at_the_change(restart: bool) -> None:
    """Its topic may hold older events: they meet no rule."""
    bench = burning(HOT, sources=FIRST)
    other = "  - {kpi: rest, source: other, by: host, every: 10s, values: {n: count()}}\n"
    far = "  - {kpi: all, source: other, every: 10s, values: {n: count()}}\n"
    bench.change(HOT + other + far)
    if restart:
        bench.restart()
    rows = [(at, {"host": "a"}) for at in range(40, 90)]
    bench.feed(*events(60, 100)).feed(*rows, topic="other").clock(100)
    assert bench.alerts() == []
    assert sorted(bench.rows()) == [
        "60-70 all n=10", "60-70 rest a n=10", "70-80 all n=10", "70-80 rest a n=10", "80-90 all n=10",
        "80-90 rest a n=10",
    ]  # fmt: skip


@pytest.mark.parametrize("restart", [False, True])
def test_a_source_that_moves_to_another_topic_begins_anew(restart: bool) -> None:
    """Its alarms resolve; later stages hear of the old partitions up to the change, of the new ones from there on."""
    moved = FIRST.replace("{topic: m,", "{topic: other,", 1)
    bench = burning(HOT + SITES, sources=FIRST).change(HOT + SITES, sources=moved)
    if restart:
        bench.restart()
    bench.feed(*events(60, 120), topic="other").clock(120, topics=("other",))
    assert sorted(bench.alerts()) == [
        "110 hot fired warning a", "59.001 hot resolved warning a rule_changed", "90 hot pending warning a",
    ]  # fmt: skip
    found = bench.feed(*events(120, 200, x=1), topic="other").clock(300, topics=("other",)).alerts()
    assert sorted(found) == ["140 hot resolved warning a cleared", "140 site resolved warning s cleared"]
