"""A rule's plan in words; whole texts stand in tests/cases/cli/300_explain.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.aggregates.base import ACCUMULATORS
from streamwatchd.operators.spec import Accumulation, TableSpec
from streamwatchd.plan.explain import BYTES, explain, pane_count, table_bytes
from tests.operators.bench import compiled
from tests.plan.small import planned


def lines(folder: Path, rule: str) -> dict[str, tuple[str, ...]]:
    plan, rules = planned(folder)
    return {section.title: section.lines for section in explain(plan, rules, rule)}


@pytest.mark.parametrize(
    ("rule", "title", "words"),
    [
        ("slow", "runs", "because `by` (`shop`) holds `shop`, the field that the topic is partitioned by"),
        ("pages", "runs", "because `by` (`page`) does not hold `shop`, the field that web is partitioned by"),
        ("mails", "runs", "because source mail does not say which field its topic is partitioned by (`key:`)"),
        ("all", "runs", "behind the exchange, at stage 2, in one task"),
        ("all", "runs", "because it has no `by`: all partitions are judged together"),
        ("busy", "runs", "because it reads the KPI pages, which is put together there"),
        ("both", "runs", "because it joins pages and sizes, which are put together there"),
        ("both", "keeps", "panes of the rows of pages and sizes joined by page"),
        ("sent", "runs", "because it joins mails and shops, whose rows of one key lie in different tasks"),
        ("sent", "runs", "rows of shops travel from the tasks of source web, with 2 columns"),
        ("fails", "runs", "it has no `by`, so each event stands for itself"),
        ("fails", "judged", "on each row: every one that is true is an occurrence of its own, with no end"),
        ("visits", "judged", "when a session ends, 30s after its last event; per shop"),
        ("visits", "written", "only rows where total > 3; rules on it see all"),
        ("slow", "shares", "judged together with slower: the same shape, other constants"),
        ("slow", "shares", "the panes by shop with slower, spread"),
        ("slow", "otherwise", "a key is not judged before its first 5m are whole"),
    ],
)
def test_each_thing_is_said_under_its_title(tmp_path: Path, rule: str, title: str, words: str) -> None:
    """Where it runs and why, how it is judged, with whom it shares."""
    assert words in lines(tmp_path, rule)[title]


def test_every_accumulator_has_a_size() -> None:
    """A new one needs an estimate."""
    assert BYTES.keys() == ACCUMULATORS.keys()


def test_costs_follow_from_panes_and_accumulations() -> None:
    """Panes that are kept times what each holds."""
    count = Accumulation("count", "rows", None, None)
    assert pane_count(TableSpec(10_000, 0, 65_000, (count,))) == 7
    assert table_bytes(TableSpec(10_000, 0, 65_000, (count, count))) == 7 * (2 + 2 + 2)
    assert table_bytes(TableSpec(10_000, 0, 20_000, (count,))) == 2 * (2 + 2) * 3


def test_reminders_and_silences_of_an_alarm_are_said(tmp_path: Path) -> None:
    """Of whom nobody is told, and until when."""
    night = """silences: [{silence: works, rules: hot, where: 'host == "a"', until: "2026-03-02", reason: a test}]"""
    more = "repeat: 30m up to 4h, flapping: 6 changes in 30m until 2"
    rule = f"  - {{alarm: hot, by: host, when: avg(x over 10s) > 50%, {more}}}\n"
    found = compiled(rule, silences={"night": night + "\n"})
    assert found.program is not None
    sections = {each.title: each.lines for each in explain(found.program.plan, found.loaded.ruleset, "hot")}
    assert sections["muted"] == (
        "what goes on is told again after 30m, then after twice as long each time, up to 4h, unless somebody has "
        "acknowledged it",
        "a key that changes 6 times (fires, resolves) in 30m flaps: told once, then muted until at most 2 are left "
        "in 30m",
        'silence works: nobody is notified of keys where host == "a", until 2026-03-02T00:00:00.000Z',
    )


@pytest.mark.parametrize(
    ("form", "rest"),
    [
        ("when: avg(x over 10s) > 50%", ", and holds begin anew afterwards"),
        ("within: 1m, sequence: [x > 1, x > 2]", ", events take no step, and nothing falls due"),
    ],
)
def test_what_a_pause_means_is_said(form: str, rest: str) -> None:
    """Of a sequence by its steps."""
    rule = f"  - {{alarm: hot, by: host, {form}, pause: during(works)}}\n"
    found = compiled(rule, calendars={"works": 'during: [{from: "2026-01-05", to: "2026-01-06"}]\n'})
    assert found.program is not None
    sections = {each.title: each.lines for each in explain(found.program.plan, found.loaded.ruleset, "hot")}
    assert sections["muted"] == (f"it is not judged while during(works): what is up stays up{rest}",)


LEARNS = (
    "  - {alarm: odd, by: host, every: 20m, when: avg(x over 1h) > usual(avg(x over 1h)) + spread(avg(x over 1h))%s}\n"
)


@pytest.mark.parametrize(
    ("more", "history"), [("", "4w"), (", min_history: 8d", "1w1d"), (", min_history: 20m", "20m")]
)
def test_what_is_usual_costs_samples_and_waits_for_them(more: str, history: str) -> None:
    """28 days of them, or as many as `min_history` says; a key is not forgotten before."""
    found = compiled(LEARNS % more)
    assert found.program is not None
    sections = {each.title: each.lines for each in explain(found.program.plan, found.loaded.ruleset, "odd")}
    assert f"a key is not judged before its first {history} are whole" in sections["otherwise"]
    assert "a key is forgotten, and its alarm resolves, after 4w without events" in sections["otherwise"]
    samples = "what is usual: avg(x over 1h) every 20m, for 4w, for usual and spread = 7.9 KiB a key"
    assert samples in sections["keeps"]
    assert sections["keeps"][-1].startswith("about 8.0 KiB a key in all")
