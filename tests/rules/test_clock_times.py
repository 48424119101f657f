"""Clock times of alarms: what is written, and on which panes they fall."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.calendars.clock import ClockTimes
from streamwatchd.rules.clock_times import step_of
from streamwatchd.rules.loader import load
from streamwatchd.rules.ruleset import Alarm

CONFIG = "sources: {m: {topic: m, key: host, fields: {host: string, x: float}}}\n"
RULE = "source: m\nrules:\n  - alarm: a\n    by: host\n    when: max(x over 1h) > 5\n    at: "


def loaded(folder: Path, text: str) -> tuple[list[str], Alarm | None]:
    (folder / "rules.d").mkdir()
    (folder / "streamwatchd.yaml").write_text(CONFIG)
    (folder / "rules.d" / "a.yaml").write_text(text)
    found = load(folder / "streamwatchd.yaml")
    rules = [rule for rule in found.ruleset.rules if isinstance(rule, Alarm)]
    return [each.message for each in found.diagnostics if each.is_error], rules[0] if rules else None


def test_several_times_and_the_zone_of_the_file(tmp_path: Path) -> None:
    problems, rule = loaded(tmp_path, "timezone: Asia/Tokyo\n" + RULE + '["18:30", "6:00"]\n')
    assert problems == []
    assert rule is not None
    assert (rule.clock, rule.every_ms) == (ClockTimes((360, 1_110), "Asia/Tokyo"), 900_000)


@pytest.mark.parametrize(("minutes", "step"), [((360,), 15), ((10,), 5), ((361,), 1), ((0, 720), 15)])
def test_panes_are_as_wide_as_all_zones_allow(minutes: tuple[int, ...], step: int) -> None:
    assert step_of(ClockTimes(minutes, "UTC")) == step * 60_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('"25:00"\n', "`25:00` is no time of the day"),
        ('"06:00"\n    every: 1m\n', "`at` and `every` exclude each other"),
        ('"06:00"\n    late: amend\n', "`at` and `late` exclude each other"),
        ('"06:00"\n    timezone: Mars/Olympus\n', "there is no time zone `Mars/Olympus`"),
        ('"06:00"\n    values: {u: usual(max(x over 1h))}\n', "not supported with `at`"),
    ],
)
def test_what_makes_no_clock_time_is_told(change: str, message: str, tmp_path: Path) -> None:
    problems, _ = loaded(tmp_path, RULE + change)
    assert any(message in each for each in problems)
