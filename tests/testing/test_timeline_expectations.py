"""Rows of `expect:` → expectations."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.testing.timeline import Expectation, Kind
from tests.testing.project import RULES, project, suite


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def expectation(folder: Path, row: str) -> Expectation:
    text = f"tests:\n  - name: one\n    events: [{{source: web, shop: a}}]\n    expect:\n      - {row}\n"
    found = suite(folder, text)
    assert not found.failed, found.problems
    return found.cases[0].expect[0]


def test_times_names_and_fields(tmp_path: Path) -> None:
    """`at` and `by` count from the start; the rest is what the document must hold."""
    row = "{at: 9m, by: 10m, alarm: slow, event: fired, key: {shop: a}, values: {mean: 500}, tolerance: 1%}"
    found = expectation(tmp_path, row)
    assert (found.kind, found.name, found.at_ms, found.by_ms) == (Kind.ALARM, "slow", 540_000, 600_000)
    assert found.fields == {"event": "fired", "key": {"shop": "a"}, "values": {"mean": 500}}
    assert found.tolerance == 0.01
    assert found.text == row


def test_the_rank_of_a_row_can_be_expected(tmp_path: Path) -> None:
    """Of a KPI with `top:`."""
    assert expectation(tmp_path, "{kpi: requests, rank: 1}").fields == {"rank": 1}


def test_windows_may_be_told_from_the_start(tmp_path: Path) -> None:
    """A duration becomes the time that stands in the document."""
    found = expectation(tmp_path, "{kpi: requests, window: {start: 1m, end: '2026-01-05T00:02:00Z'}}")
    assert found.fields == {"window": {"start": "2026-01-05T00:01:00.000Z", "end": "2026-01-05T00:02:00.000Z"}}


@pytest.mark.parametrize(("row", "kind"), [("{late: web}", Kind.LATE), ("{dead_letter: web}", Kind.DEAD_LETTER)])
def test_what_is_set_apart_can_be_expected(tmp_path: Path, row: str, kind: Kind) -> None:
    """By source."""
    assert expectation(tmp_path, row).kind is kind


def test_a_rule_of_another_file_must_be_loaded(tmp_path: Path) -> None:
    """An expectation of a rule that the test does not load could never be met, or never fail."""
    text = "rules: [other.yaml]\ntests:\n  - {name: x, events: [{source: web}], expect_no: [{alarm: slow}]}\n"
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "other.yaml").write_text("source: web\nrules: [{alarm: o, by: shop, when: up}]\n")
    codes = [(problem.code, problem.hint) for problem in suite(tmp_path, text).problems]
    assert codes == [("SW504", "add its file to `rules:`: rules.d/shop.yaml")]


FLAPPING = RULES.replace("for 20s", "for 20s\n    flapping: 4 changes in 10m until 1")


@pytest.mark.parametrize(
    ("rules", "row", "problem"),
    [
        (FLAPPING, "{alarm: slow, event: flapping, values: {changes: 4, window: 10m}, key: {shop: a}}", ""),
        (FLAPPING, "{alarm: slow, event: resolved, reason: calmed_down, values: {changes: 6}}", ""),
        (FLAPPING, "{alarm: slow, event: fired, values: {mean: 6}, muted_by: flapping}", ""),
        (FLAPPING, "{alarm: slow, event: flapping, values: {mean: 4}}", "SW509 `slow` has no value `mean`"),
        (FLAPPING, "{alarm: slow, event: fired, values: {changes: 4}}", "SW509 `slow` has no value `changes`"),
        (RULES, "{alarm: slow, event: storm, values: {folded: 4}}", ""),
        (RULES, "{alarm: slow, event: resolved, values: {folded: 4}}", ""),
        (RULES, "{alarm: slow, event: resolved, values: {changes: 4}}", "SW509 `slow` has no value `changes`"),
        (RULES, "{alarm: slow, event: flapping}", "SW509 `slow` never flaps"),
        (RULES, "{alarm: slow, event: fird}", "SW335 `event` can't be `fird`"),
        (RULES, "{alarm: slow, previous: null, severity: warning}", ""),
        (RULES, "{kpi: requests, values: {folded: 4}}", "SW509 `requests` has no value `folded`"),
    ],
)
def test_alerts_that_stand_for_many_have_values_of_their_own(
    tmp_path: Path, rules: str, row: str, problem: str
) -> None:
    """What no event of the rule can say is told at once: an `expect_no` would never fail by it."""
    loaded = project(tmp_path, rules)
    text = f"tests:\n  - {{name: one, events: [{{source: web, shop: a}}], expect: [{row}]}}\n"
    problems = suite(tmp_path, text, loaded).problems
    assert [f"{each.code} {each.message}" for each in problems] == ([problem] if problem else [])
