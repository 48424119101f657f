"""`pause:`, as it is written and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.lang.typed import During, Not, Or
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.ruleset import Alarm

CONFIG = "sources: {m: {topic: m, key: host, fields: {host: string, x: float}}}\n"
RULE = "source: m\nevery: 10s\n{}rules:\n  - {{alarm: hot, by: host, {}}}\n"
CALENDAR = 'during: [{from: "2026-01-05 00:01", to: "2026-01-05 00:02"}]\n'
WINDOW = "when: max(x over 1m) > 5"


def loaded(folder: Path, rule: str, head: str = "") -> Loaded:
    for name, text in (("works", CALENDAR), ("nights", CALENDAR)):
        (folder / "calendars.d").mkdir(exist_ok=True)
        (folder / "calendars.d" / f"{name}.yaml").write_text(text)
    (folder / "rules.d").mkdir()
    (folder / "streamwatchd.yaml").write_text(CONFIG)
    (folder / "rules.d" / "a.yaml").write_text(RULE.format(head, rule))
    return load(folder / "streamwatchd.yaml")


def paused(found: Loaded) -> object:
    assert [each.message for each in found.diagnostics if each.is_error] == []
    (rule,) = found.ruleset.rules
    assert isinstance(rule, Alarm)
    return rule.pause


def test_calendars_are_joined_by_logic(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"{WINDOW}, pause: during(works) or not during(nights)")
    assert paused(found) == Or((During("works"), Not(During("nights"))))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (f"{WINDOW}, pause: during(wroks)", "there is no calendar `wroks`"),
        (f"{WINDOW}, pause: during(works) and host == 'a'", "`pause` asks for more than calendars"),
        (f"{WINDOW}, pause: host == 'a'", "`pause` asks for more than calendars"),
    ],
)
def test_what_can_not_be_asked_is_told(rule: str, message: str, tmp_path: Path) -> None:
    """With the way out."""
    found = [each for each in loaded(tmp_path, rule).diagnostics if each.is_error]
    assert [each.message for each in found] == [message]


def test_the_alarm_of_an_anomaly_rule_is_paused(tmp_path: Path) -> None:
    """As an alarm on rows, whose windows are those of what is scored."""
    scored = "by: host, model: mix, values: {v: max(x)}, features: [v], when: v > 5"
    more = "pause: during(works), unless: during(works), repeat: 1h, no_data: alert after 2m"
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "calendars.d").mkdir()
    (tmp_path / "calendars.d" / "works.yaml").write_text(CALENDAR)
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    odd = f"source: m\nevery: 1m\nrules:\n  - {{anomaly: odd, {scored}, {more}}}\n"
    (tmp_path / "rules.d" / "a.yaml").write_text(odd)
    found = load(tmp_path / "streamwatchd.yaml").diagnostics
    assert [each.message for each in found if each.code in (codes.NOT_SUPPORTED_YET, codes.BAD_UNLESS)] == []


@pytest.mark.parametrize(
    "rule",
    ["sequence: [x > 1, x > 2], within: 1m", f"{WINDOW}, late: amend", "when: x > 5, no_data: alert after 1m"],
)
def test_defaults_reach_every_alarm(rule: str, tmp_path: Path) -> None:
    """Alarms of every form."""
    assert paused(loaded(tmp_path, rule, "defaults: {pause: during(works)}\n")) == During("works")
