"""`reload: {rule: {field: …}}` in timelines, and skewed clocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.document import Mapping
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import Alarm
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_patch import Edits, patched
from streamwatchd.testing.timeline_run import bench
from tests.testing.project import RULES, project, suite

HEAD = """
tests:
  - name: a
    events:
      - {source: web, step: 10s, shop: north, page: home, latency: "100x6 500x30", status: "200x12 500x24"}
"""


def found(folder: Path, rest: str) -> list[str]:
    """What fails of the test, by its messages; mistakes of form come first."""
    loaded = project(folder)
    tests = suite(folder, HEAD + rest, loaded)
    problems = [each.message for each in tests.problems]
    return problems or [each.message for each in check(bench(tests, loaded), tests.cases[0])]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_reload_of_equal_rules_changes_nothing(tmp_path: Path) -> None:
    """And that is checked, as with a restart."""
    assert found(tmp_path, "      - {at: 95s, reload: true}\n    expect: [{alarm: slow, event: fired}]\n") == []


def test_a_reload_may_change_fields_of_rules(tmp_path: Path) -> None:
    """A threshold out of reach clears the alarm; the others go on."""
    rest = (
        '      - {at: 200s, reload: {slow: {when: "mean > 900ms"}}}\n'
        "    expect:\n"
        "      - {by: 150s, alarm: slow, event: fired}\n"
        "      - {by: 220s, alarm: slow, event: resolved}\n"
        "    expect_no: [{alarm: fails, event: resolved}]\n"
    )
    assert found(tmp_path, rest) == []
    without = rest.replace('"mean > 900ms"', '"mean > 400ms"')
    assert found(tmp_path, without) == ["did not come: {by: 220s, alarm: slow, event: resolved}"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{at: 1m, reload: {slwo: {when: 'mean > 9'}}}", "the test loads no rule `slwo`"),
        ("{at: 1m, reload: 5}", "`reload` is given something else than it needs"),
        ("{at: 1m, skew: {source: web}}", "a skew needs `at` (when it begins) and `by` (how far clocks are off)"),
        ("{at: 1m, skew: {source: wbe, by: 1m}}", "there is no source `wbe`"),
    ],
)
def test_mistakes_of_the_verbs_are_told(tmp_path: Path, row: str, says: str) -> None:
    """With the way out."""
    assert says in found(tmp_path, f"      - {row}\n    expect: [{{alarm: slow}}]\n")


def test_a_reload_that_does_not_check_says_what_is_wrong(tmp_path: Path) -> None:
    """The daemon would refuse it, so there is nothing to test."""
    with pytest.raises(UnreadableInput, match="rule slow: there is no function `mena`"):
        patched(project(tmp_path), patch("slow: {when: mena(latency over 1m) > 5}"))
    row = "      - {at: 1m, reload: {slow: {when: mena(latency over 1m) > 5, severity: hih, nosuch: 3}}}\n"
    told = found(tmp_path, row + "    expect: [{alarm: slow}]\n")
    assert [word for word in ("mena", "hih", "nosuch") if not any(word in each for each in told)] == []


def test_a_clock_that_is_ahead_moves_the_windows_of_its_events(tmp_path: Path) -> None:
    """They count where they say; the events after it are late, and the test must say so."""
    row = "{at: 1m, skew: {source: web, by: 2m, for: 1m, shop: north}}"
    expect = "    expect: [{by: 290s, alarm: slow, event: fired}, {alarm: slow, event: pending, at: 220s}]\n"
    messages = found(tmp_path, f"      - {row}\n{expect}")
    assert "an event of this row is late" in messages


def test_a_clock_that_is_behind_makes_late_events(tmp_path: Path) -> None:
    """By a minute for 20 seconds: two of them."""
    row = "{at: 1m, skew: {source: web, by: -1m, for: 20s}}"
    expect = "    expect: [{late: web}, {late: web}, {alarm: slow, event: fired}]\n"
    assert found(tmp_path, f"      - {row}\n{expect}") == []


def test_a_reload_leaves_what_a_rule_takes_back(tmp_path: Path) -> None:
    """`null` in a rule is a word of it; in the patch it takes a word of the rule out, and the shared one holds."""
    loaded = project(tmp_path, RULES.replace("    by: shop\n", "    by: shop\n    runbook: null\n", 1))
    (tmp_path / "rules.d" / "shared.yaml").write_text("defaults: {runbook: shared}\n")
    loaded = load(loaded.config)
    assert alarm(loaded, "slow").runbook == ""
    assert alarm(patched(loaded, patch("slow: {severity: major}")), "slow").runbook == ""
    assert alarm(patched(loaded, patch("slow: {runbook: null}")), "slow").runbook == "shared"
    assert alarm(patched(loaded, patch("fails: {runbook: own}")), "fails").runbook == "own"


LIMITED = """
source: web
every: 10s
rules:
  - {alarm: one, by: shop, params: {limit: 400ms}, when: avg(latency over 1m) > limit, message: 'a, "b": {owner}'}
  - {alarm: two, by: shop, params: {limit: "a"}, where: page == limit, when: status >= 500}
"""


def test_a_reload_leaves_what_stands_plain_plain(tmp_path: Path) -> None:
    """A number with its unit is one, in the rule that changes and in the others; what is quoted is a text."""
    loaded = project(tmp_path, LIMITED)
    again = patched(loaded, patch("two: {severity: major}"))
    assert alarm(again, "one") == replace(alarm(loaded, "one"), span=alarm(again, "one").span)
    assert alarm(again, "two").levels[0].severity == "major"
    other = patched(loaded, patch("one: {params: {limit: 300ms}}"))
    limits = str(alarm(other, "one").levels)
    assert "300" in limits
    assert "400" not in limits


def test_any_mistake_after_a_reload_is_told_with_its_place(tmp_path: Path) -> None:
    """Also one of the whole file, or of a rule that reads the changed one; rules do not vanish."""
    row = "      - {at: 1m, reload: {requests: {values: {other: count()}}}}\n"
    loaded = project(tmp_path)
    problems = suite(tmp_path, HEAD + row + "    expect: [{alarm: slow}]\n", loaded).problems
    (of_busy,) = (each for each in problems if "rule busy: " in each.message and "total" in each.message)
    assert str(of_busy.span) == "rules.d/shop_test.yaml:6:9"


def test_a_number_in_quotes_is_told_without_a_line_of_the_changed_text(tmp_path: Path) -> None:
    """Only the test has a line that people can look at."""
    with pytest.raises(UnreadableInput) as told:
        patched(project(tmp_path, LIMITED), patch('one: {params: {limit: "300ms"}}'))
    assert str(told.value).endswith("with text; `limit` is a text because of its quotes: take them away")


def patch(text: str) -> Edits:
    """As `reload:` has it."""
    top = parse("patch", f"{text}\n".encode()).top
    assert top is not None
    edits = Edits()
    edits.patch = {
        key.text: {name.text: value for name, value in node.entries}
        for key, node in top.entries
        if isinstance(node, Mapping)
    }
    return edits


def alarm(loaded: Loaded, name: str) -> Alarm:
    rule = loaded.ruleset.rule(name)
    assert isinstance(rule, Alarm)
    return rule
