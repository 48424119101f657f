"""Which branches of rules tests go through."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.rules.loader import Loaded
from streamwatchd.testing.coverage import Coverage, branches, share
from streamwatchd.testing.timeline_match import failures
from streamwatchd.testing.timeline_run import bench
from tests.testing.project import project, suite

RULES = """
source: web
every: 10s
rules:
  - alarm: slow
    by: shop
    values: {mean: avg(latency over 1m)}
    levels:
      critical: mean > 900ms
      warning: mean > 400ms for 20s until mean < 300ms
    no_data: alert after 5m
  - {alarm: fails, when: status >= 500}
  - {kpi: requests, by: page, every: 1m, values: {total: count()}, late: amend}
"""
TEXT = """
tests:
  - name: fails
    events:
      - {source: web, step: 10s, shop: north, page: home, status: 500, latency: "100x7 2000x3 450x9 100x12"}
    expect: [{alarm: slow}]
    expect_no: [{alarm: fails, severity: info}]
"""


def test_branches_are_what_rules_can_do_and_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels up and down, holds, silence, rows; an occurrence has no end."""
    monkeypatch.chdir(tmp_path)
    loaded = project(tmp_path, RULES)
    rules = {rule.name: rule for rule in loaded.ruleset.rules}
    assert branches(rules["slow"]) == (
        "critical is raised",
        "critical clears",
        "warning is raised",
        "warning begins, and ends before its hold",
        "warning clears",
        "no data",
        "stays silent (`expect_no`)",
    )
    assert branches(rules["fails"]) == ("warning is raised", "stays silent (`expect_no`)")
    found = suite(tmp_path, TEXT, loaded)
    coverage = Coverage(rules)
    coverage.take(found.cases[0], bench(found, loaded).run(found.cases[0]))
    missing = {each.rule.name: each.missing for each in coverage.found()}
    assert missing == {
        "slow": ("warning begins, and ends before its hold", "no data", "stays silent (`expect_no`)"),
        "fails": (),
        "requests": (),
    }
    assert share(coverage.found()) == (7, 10)


def test_that_a_key_flaps_is_a_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of that is none: the alarm itself has not cleared."""
    monkeypatch.chdir(tmp_path)
    rule = "  - {alarm: bad, source: web, by: shop, when: status >= 500, flapping: 2 changes in 1m}\n"
    loaded = project(tmp_path, f"rules:\n{rule}")
    text = """
tests:
  - name: flaps
    events: [{source: web, step: 10s, shop: north, page: home, status: "500 200 500x20"}]
    expect: [{alarm: bad, event: flapping}, {alarm: bad, event: resolved, reason: calmed_down}]
"""
    found, rules = suite(tmp_path, text, loaded), {rule.name: rule for rule in loaded.ruleset.rules}
    coverage = Coverage(rules)
    coverage.take(found.cases[0], bench(found, loaded).run(found.cases[0]))
    (covered,) = coverage.found()
    assert covered.branches == (*("warning is raised", "warning clears", "flaps", "stays silent (`expect_no`)"),)
    assert covered.missing == ("stays silent (`expect_no`)",)


CLEARS = "warning clears no sooner than after its hold (a test fails without it)"
UNTIL = "when: latest > 400ms until latest < 300ms for 20s"
KEEP = "when: latest > 400ms, keep_firing_for: 20s"


def slow_shops(folder: Path, condition: str) -> Loaded:
    """A project of one alarm on the last latency of a shop."""
    rule = f"{{alarm: slow, source: web, by: shop, values: {{latest: last(latency over 10s)}}, {condition}}}"
    return project(folder, f"every: 10s\nrules:\n  - {rule}\n")


@pytest.mark.parametrize(("at", "missing"), [("", (CLEARS,)), ("at: 80s, ", ())])
@pytest.mark.parametrize("hold", [UNTIL, KEEP])
def test_a_hold_of_clearing_is_a_branch_that_a_test_needs(
    hold: str, at: str, missing: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone through where a test that passes would fail without the hold; `keep_firing_for` is one."""
    monkeypatch.chdir(tmp_path)
    loaded = slow_shops(tmp_path, hold)
    text = f"""
tests:
  - name: clears
    events: [{{source: web, step: 10s, shop: north, page: home, latency: "100x2 900x3 100x10"}}]
    expect: [{{{at}alarm: slow, event: resolved}}]
    expect_no: [{{alarm: slow, severity: info}}]
"""
    assert missing_of(tmp_path, text, loaded) == missing


ROWS = (
    "{at: 35s, reload: true}",
    "{at: 35s, reload: {slow: {message: other}}}",
    "{at: 35s, silence: {rules: slow, for: 10s}}",
    "{at: 35s, ack: {rule: slow, by: anna}}",
)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("hold", [UNTIL, KEEP])
def test_a_hold_is_tried_also_where_rules_are_loaded_anew(
    hold: str, row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a row of the test loads again is without the hold, too."""
    monkeypatch.chdir(tmp_path)
    loaded = slow_shops(tmp_path, hold)
    text = f"""
tests:
  - name: clears
    events:
      - {{source: web, step: 10s, shop: north, page: home, latency: "100x2 900x3 100x10"}}
      - {row}
    expect: [{{at: 80s, alarm: slow, event: resolved}}]
    expect_no: [{{alarm: slow, severity: info}}]
"""
    assert missing_of(tmp_path, text, loaded) == ()


def test_a_hold_that_only_a_reload_brings_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is in force when the condition turns back."""
    monkeypatch.chdir(tmp_path)
    loaded = slow_shops(tmp_path, UNTIL)
    when = "latest > 400ms until latest < 300ms for 40s"
    text = f"""
tests:
  - name: clears
    events:
      - {{source: web, step: 10s, shop: north, page: home, latency: "100x2 900x3 100x10"}}
      - {{at: 35s, reload: {{slow: {{when: "{when}"}}}}}}
    expect: [{{at: 100s, alarm: slow, event: resolved}}]
    expect_no: [{{alarm: slow, severity: info}}]
"""
    assert missing_of(tmp_path, text, loaded) == ()


def missing_of(folder: Path, text: str, loaded: Loaded) -> tuple[str, ...]:
    """The branches of the only rule that the only test, which passes, does not go through."""
    found, rules = suite(folder, text, loaded), {rule.name: rule for rule in loaded.ruleset.rules}
    assert found.problems == ()
    coverage = Coverage(rules)
    ran = bench(found, loaded).run(found.cases[0])
    assert failures(found.cases[0], ran) == []
    coverage.take(found.cases[0], ran)
    coverage.try_holds(found, loaded, found.cases)
    (covered,) = coverage.found()
    return covered.missing
