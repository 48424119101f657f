"""A rules file by itself: its words, rules and bases, before anything is taken over."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.document import plain
from streamwatchd.rules.reader import parse
from streamwatchd.rules.written import Written, is_shared, read_written

WORDS = "labels: {team: noc}\nevery: 10s\ndefaults: {severity: majr, runbook: a, where: null}\n"
BASES = "bases: [{alarm: b, needs: limit}, {kpi: c, wen: 5}]\n"


def said(text: str, shared: bool = False) -> Written:
    return read_written(parse("f", text.encode()), shared)


def test_only_words_of_the_right_form_are_taken_over() -> None:
    """A wrong one is told here, once, and no rule hears of it."""
    found = said(WORDS + "rules: [{alarm: a}]\n")
    assert [each.code for each in found.problems] == [codes.BAD_CHOICE]
    words = {"labels": {"team": "noc"}, "every": "10s", "defaults": {"runbook": "a", "where": None}}
    assert (plain(found.words), found.names) == (words, ("a",))


def test_bases_are_checked_though_nobody_extends_them() -> None:
    """They need nothing but a name; `needs` is for them alone."""
    found = said(BASES)
    assert [(each.code, each.rule) for each in found.problems] == [(codes.UNKNOWN_FIELD, "c")]
    assert found.names == ("b", "c")
    assert said("source: m\n").failed
    rule = said("rules: [{alarm: a, needs: b}]\n")
    assert not rule.failed


@pytest.mark.parametrize("text", ["rules: [{alarm: a}]\n", "tests: []\n", "extends: a\n"])
def test_the_shared_file_runs_nothing(text: str) -> None:
    assert [each.code for each in said(WORDS.replace("majr", "major") + text, shared=True).problems] == ["SW330"]


def test_there_is_one_shared_file() -> None:
    """Beside the rules; in a folder below the name means nothing."""
    folder = Path("rules.d")
    assert is_shared("rules.d/shared.yaml", folder)
    assert not is_shared("rules.d/team/shared.yaml", folder)
