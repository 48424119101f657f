"""`unless:` read and refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from streamwatchd.lang.typed import During, Firing, Key, TableColumn, walk
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.ruleset import Alarm
from tests.oracle.world import write_project

SOURCES = (
    "m: {topic: m, time: ts, key: host, enrich: {devices: host}, fields: {host: string, mount: string, x: float}}\n"
)
DEVICES = {"devices": "device,site\na,east\n"}
WORKS = {"works": 'during: [{days: [sun], from: "02:00", to: "04:00"}]\n'}
OTHERS = """\
  - {alarm: site_down, by: site, when: avg(x over 1m) > 1}
  - {alarm: by_mount, by: mount, when: avg(x over 1m) > 1}
  - {alarm: all_down, when: avg(x over 1m) > 1}
  - {alarm: at_once, by: host, when: x > 1}
  - {alarm: ordered, by: host, in_order: true, when: x > 1}
  - {alarm: occurs, when: x > 1}
  - {kpi: load, by: host, every: 1m, values: {load: avg(x)}}
"""


def loaded(unless: str, head: str = "alarm: a, by: host, when: avg(x over 5m) > 1") -> Loaded:
    text = f"source: m\nevery: 10s\nrules:\n  - {{{head}, unless: {unless}}}\n{OTHERS}"
    with tempfile.TemporaryDirectory() as folder:
        return load(write_project(Path(folder), SOURCES, {"a": text}, DEVICES, WORKS))


def test_it_joins_on_shared_keys_and_on_table_columns() -> None:
    """A host is of a site by the table."""
    found = loaded("firing(site_down) or firing(ordered) or firing(all_down) or during(works)")
    assert not [each for each in found.diagnostics if each.is_error], found.diagnostics
    alarm = found.ruleset.rule("a")
    assert isinstance(alarm, Alarm)
    assert alarm.unless is not None
    by_rule = {node.rule: node for node in walk(alarm.unless) if isinstance(node, Firing)}
    assert isinstance(dict(by_rule["site_down"].on)["site"], TableColumn)
    assert isinstance(dict(by_rule["ordered"].on)["host"], Key)
    assert by_rule["all_down"].on == ()
    assert [node.calendar for node in walk(alarm.unless) if isinstance(node, During)] == ["works"]
    assert set(found.ruleset.calendars) == {"works"}


@pytest.mark.parametrize(
    ("unless", "code"),
    [
        ("firing(nobody)", codes.BAD_UNLESS),
        ("firing(load)", codes.BAD_UNLESS),
        ("firing(at_once)", codes.BAD_UNLESS),
        ("firing(occurs)", codes.BAD_UNLESS),
        ("firing(by_mount)", codes.BAD_UNLESS),
        ("during(work)", codes.BAD_UNLESS),
        ("host == a", codes.BAD_UNLESS),
        ("firing(a)", codes.KPI_CYCLE),
        ("firing(site_down) and avg(x over 1m) > 1", "SW218"),
        ("firing(site_down) and", "SW101"),
    ],
)
def test_what_cannot_mute_is_refused(unless: str, code: str) -> None:
    """The rule alone, and the others go on being checked."""
    found = loaded(unless)
    assert {each.code for each in found.diagnostics if each.is_error} == {code}


def test_a_calendar_that_does_not_check_is_the_only_finding() -> None:
    """Rules and silences that name it are refused with it, and say no more than that."""
    head = "{alarm: a, by: host, when: avg(x over 5m) > 1, unless: during(works)}"
    text = f"source: m\nevery: 10s\nrules:\n  - {head}\n{OTHERS}"
    broken = {"works": 'during: [{days: [sun, mun], from: "02:00", to: "04:00"}]\n'}
    with tempfile.TemporaryDirectory() as folder:
        config = write_project(Path(folder), SOURCES, {"a": text}, DEVICES, broken)
        (Path(folder) / "silences.d").mkdir()
        said = "silences:\n  - {silence: s, rules: all_down, during: works, reason: x, by: y}\n"
        (Path(folder) / "silences.d" / "a.yaml").write_text(said)
        found = [each for each in load(config).diagnostics if each.is_error]
    assert [each.code for each in found[:1]] == [codes.BAD_CHOICE]
    assert all("works" in each.message and "is refused: " in each.message for each in found[1:]), found
    assert not any("there is no calendar" in each.message or "is no time" in each.message for each in found)


def test_an_alarm_on_events_may_be_spared_too() -> None:
    """Judged at once, it is told or marked by what is known then."""
    found = loaded("firing(site_down)", "alarm: a, by: host, when: x > 1")
    assert [each for each in found.diagnostics if each.is_error] == []


def test_what_is_refused_mutes_nobody() -> None:
    """A rule that asks for a refused one waits in its last good version; here there is none."""
    text = "source: m\nevery: 10s\nrules:\n  - {alarm: a, by: host, when: avg(x over 5m) > 1, unless: firing(b)}\n"
    other = "source: m\nevery: 10s\nrules:\n  - {alarm: b, by: host, when: avg(x over 5m) >}\n"
    with tempfile.TemporaryDirectory() as folder:
        found = load(write_project(Path(folder), SOURCES, {"a": text, "b": other}, DEVICES, WORKS))
    assert [each.code for each in found.diagnostics if each.span and each.span.file.endswith("a.yaml")] == [
        codes.READ_ELSEWHERE
    ]


def test_a_column_of_a_table_of_another_key_is_called_one() -> None:
    """It is no field of the events, and `last` reads it."""
    found = loaded("firing(all_down)", 'alarm: a, by: mount, when: avg(x over 5m) > 1 and site == "east"')
    (problem,) = [each for each in found.diagnostics if each.is_error]
    assert problem.message == "`site` is a column of `devices`, joined to single events, but this is judged on windows"
    assert "last(site over 5m)" in problem.hint
