"""Files of silences, against the rules in force."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load
from tests.oracle.world import write_project

SOURCES = "m: {topic: m, time: ts, key: host, enrich: {devices: host}, fields: {x: float, host: string, n: int}}"
TABLES = {"devices": "host,role\na,core\n"}
RULES = """\
source: m
every: 10s
labels: {team: noc}
rules:
  - {alarm: hot, by: host, when: avg(x over 1m) > 5}
  - {alarm: cold, by: host, labels: {team: lab}, when: avg(x over 1m) < 5}
  - {alarm: all, when: avg(x over 1m) > 5}
  - {kpi: rows, by: host, every: 1m, values: {rows: count()}}
"""
END = 'until: "2026-03-02 06:00", reason: a test'


def loaded(folder: Path, silences: Mapping[str, str], **more: object) -> Loaded:
    return load(write_project(folder, SOURCES, {"a": RULES}, TABLES, {}, silences), **more)  # type: ignore[arg-type]


def named(found: Loaded) -> dict[str, list[str]]:
    return {rule: [each.name for each in silences] for rule, silences in found.ruleset.silences.items()}


def test_rules_are_chosen_by_name_and_by_label(tmp_path: Path) -> None:
    """With both, of the named those with the label; KPIs are never told, so they can't be silenced."""
    text = (
        f"silences:\n  - {{silence: named, rules: [hot, cold], {END}}}\n"
        f"  - {{silence: lab, labels: {{team: lab}}, {END}}}\n"
        f"  - {{silence: both, rules: [hot, cold], labels: {{team: noc}}, {END}}}\n"
    )
    found = loaded(tmp_path, {"night": text})
    assert named(found) == {"hot": ["named", "both"], "cold": ["named", "lab"]}
    assert [str(each) for each in found.diagnostics] == []


def test_times_are_of_the_zone_of_the_file_unless_they_say_their_own(tmp_path: Path) -> None:
    """In summer Berlin is two hours ahead."""
    text = (
        'timezone: Europe/Berlin\nsilences: [{silence: s, rules: hot, from: "2026-07-01 02:00", '
        'until: "2026-07-01T02:00:00Z", reason: a test}]\n'
    )
    (silence,) = loaded(tmp_path, {"night": text}).ruleset.silences["hot"]
    assert silence.until_ms - silence.from_ms == 2 * 3_600_000


def test_the_condition_reads_keys_their_tables_and_labels(tmp_path: Path) -> None:
    """As far as each rule has them: an alarm without keys has no host."""
    where = """where: 'host == "a" and role == "core" and devices.role != "x" and team == "noc"'"""
    found = loaded(tmp_path, {"night": f"silences: [{{silence: s, rules: hot, {where}, {END}}}]\n"})
    assert named(found) == {"hot": ["s"]}
    broken = loaded(tmp_path, {"night": f"silences: [{{silence: s, rules: [hot, all], {where}, {END}}}]\n"})
    assert (named(broken), len(broken.refused)) == ({}, 1)


def test_a_rule_that_is_not_there_is_told_and_mutes_nothing(tmp_path: Path) -> None:
    """Taking out a rule must not be refused because of a silence that names it."""
    found = loaded(tmp_path, {"night": f"silences: [{{silence: s, rules: [hot, gone], {END}}}]\n"})
    assert [(each.code, each.is_error) for each in found.diagnostics] == [(codes.BAD_SILENCE, False)]
    assert (named(found), found.refused) == ({"hot": ["s"]}, ())


def test_alarms_on_single_events_are_silenced_as_all_others(tmp_path: Path) -> None:
    """However they are chosen."""
    silences = {"night": f"silences: [{{silence: s, labels: {{team: noc}}, {END}}}]\n"}
    rows = RULES + "  - {alarm: at_once, by: host, when: x > 5}\n"
    found = load(write_project(tmp_path, SOURCES, {"a": rows}, TABLES, {}, silences))
    assert found.diagnostics == ()
    assert set(named(found)) == {"hot", "all", "at_once"}


def test_labels_that_no_alarm_has_are_told(tmp_path: Path) -> None:
    """Or somebody would think that the night is quiet."""
    found = loaded(tmp_path, {"night": f"silences: [{{silence: s, labels: {{team: nok}}, {END}}}]\n"})
    (told,) = found.diagnostics
    assert (told.code, told.is_error) == (codes.BAD_SILENCE, False)
    assert told.message == "the silence `s` is about no alarm"
    assert (named(found), found.refused) == ({}, ())


def test_a_file_that_does_not_check_is_refused_alone(tmp_path: Path) -> None:
    """Its last good content stays."""
    good = loaded(tmp_path, {"a": f"silences: [{{silence: s, rules: hot, {END}}}]\n"})
    broken = {"a": "silences: [{silence: s, rules: hot}]\n", "b": f"silences: [{{silence: t, rules: hot, {END}}}]\n"}
    again = loaded(tmp_path, broken, last_good=good.files)
    assert named(again) == {"hot": ["s", "t"]}
    assert [Path(path).name for path in again.refused] == ["a.yaml"]
    assert named(loaded(tmp_path, broken)) == {"hot": ["t"]}


def test_what_is_said_at_run_time_is_read_beside_the_folder(tmp_path: Path) -> None:
    """And is in force like a file: it comes back with the files."""
    said = b'{"silences": [{"silence": "said", "rules": ["hot"], "until": "2026-03-02T06:00:00Z", "reason": "x"}]}\n'
    found = loaded(tmp_path, {}, spoken=said)
    assert named(found) == {"hot": ["said"]}
    assert said in found.files.values()
