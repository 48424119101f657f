"""What rules take over: from `defaults:`, and from a rule that they extend."""

from __future__ import annotations

import pytest

from streamwatchd.rules.document import plain
from streamwatchd.rules.drafts import draft
from streamwatchd.rules.reader import parse

TEXT = """
source: metrics
every: 10s
defaults:
  severity: major
  runbook: https://runbooks.example/host
  over: 5m
rules:
  - alarm: cpu
    by: host
    values: {mean: avg(cpu over 5m), most: max(cpu over 5m)}
    when: mean > 85%
    labels: {team: noc, page: "yes"}
  - alarm: cpu_db
    extends: cpu
    where: role == "db"
    values: {mean: avg(cpu over 1m), p: p90(cpu over 1m)}
    severity: critical
    labels: {team: dba}
  - alarm: cpu_levels
    extends: cpu_db
    levels: {critical: mean > 95%, warning: most > 80%}
  - kpi: load
    every: 1m
    values: {n: count()}
"""


def said(text: str = TEXT) -> dict[str, dict[str, object]]:
    found = draft(parse("f", text.encode()))
    assert [each.message for each in found.problems] == []
    return {rule.name: plain(rule.body.node) for rule in found.rules}  # type: ignore[misc]


def test_defaults_go_to_the_rules_that_have_such_a_field() -> None:
    """And to none that says otherwise, or says it in another way."""
    rules = said()
    assert (rules["cpu"]["severity"], rules["cpu"]["runbook"]) == ("major", "https://runbooks.example/host")
    assert "over" not in rules["cpu"]
    assert rules["load"] == {"over": "5m", "kpi": "load", "every": "1m", "values": {"n": "count()"}}
    assert rules["cpu_db"]["severity"] == "critical"
    assert "severity" not in rules["cpu_levels"]


def test_a_rule_extends_another() -> None:
    """Values, levels and labels entry by entry, in the order of the first; all else as a whole."""
    rules = said()
    assert rules["cpu_db"]["values"] == {
        "mean": "avg(cpu over 1m)",
        "most": "max(cpu over 5m)",
        "p": "p90(cpu over 1m)",
    }
    assert rules["cpu_db"]["labels"] == {"team": "dba", "page": "yes"}
    assert (rules["cpu_db"]["when"], rules["cpu_db"]["by"]) == ("mean > 85%", "host")
    assert rules["cpu"]["labels"] == {"team": "noc", "page": "yes"}


def test_rules_extend_rules_that_extend() -> None:
    """Levels take the place of a condition."""
    found = said()["cpu_levels"]
    assert found["where"] == 'role == "db"'
    assert "when" not in found
    assert found["levels"] == {"critical": "mean > 95%", "warning": "most > 80%"}


def test_the_digest_follows_what_is_taken_over() -> None:
    """An edit of the base is an edit of all that extend it."""
    one = {rule.name: rule.digest for rule in draft(parse("f", TEXT.encode())).rules}
    two = {rule.name: rule.digest for rule in draft(parse("f", TEXT.replace("> 85%", "> 86%").encode())).rules}
    assert {name for name in one if one[name] != two[name]} == {"cpu", "cpu_db"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("extends: cpu\n", "extends: cpi\n"), "there is no rule or base `cpi`"),
        (("extends: cpu_db", "extends: load"), "`load` is of another kind"),
        (("extends: cpu\n", "extends: cpu_levels\n"), "extends itself"),
        (("  over: 5m", "  ovr: 5m"), "`defaults:` has no field `ovr`"),
        (("  over: 5m", "  every: 5m"), "`defaults:` has no field `every`"),
    ],
)
def test_what_cannot_be_taken_over_is_told(change: tuple[str, str], message: str) -> None:
    """Once, at its place."""
    found = draft(parse("f", TEXT.replace(*change).encode()))
    assert any(message in each.message for each in found.problems)


def test_defaults_are_a_mapping() -> None:
    found = draft(parse("f", b"source: m\ndefaults: 5\nrules: [{alarm: a, when: x > 1}]\n"))
    assert [each.code for each in found.problems] == ["SW332"]
