"""The tests beside the shipped rules hold each figure of them: whoever changes one by a little is told."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from streamwatchd.rules.loader import Loaded, load
from streamwatchd.testing.timeline_reader import read_suite, rules_folder, suite_paths
from tests.bounds.edits import Edit
from tests.bounds.notice import Trial

CONFIG = Path(__file__).parents[1] / "streamwatchd.yaml"
SEVERAL_HOURS = frozenset({"cpu_unusual"})
"""Rules whose tests play a day: the suite tries some of their edits, a campaign all."""
ONE_OF = 9

_JUDGED_AS_THEY_COME = "the rules of the file are judged on events or on rows of a KPI, or say `every` themselves"
_NO_SUCH_SCORE = "scores are real numbers: no row has this one"
EQUIVALENT = {
    "services.yaml: every: 9s": _JUDGED_AS_THEY_COME,
    "services.yaml: every: 11s": _JUDGED_AS_THEY_COME,
    "services.yaml: odd_mix: when: score >= 0.95": _NO_SUCH_SCORE,
    "network.yaml: traffic_off_forecast: when: score >= 0.95": _NO_SUCH_SCORE,
}
"""Edits that no test can notice, with the reason."""


@cache
def project() -> Loaded:
    return load(CONFIG)


@cache
def trials() -> dict[str, Trial]:
    """By the name of the rules file."""
    loaded = project()
    suites = [read_suite(path, loaded) for path in suite_paths(rules_folder(CONFIG, None, loaded), loaded)]
    found = {}
    for path in sorted({rule.span.file for rule in loaded.ruleset.rules}):
        mine = tuple(suite for suite in suites if suite.rules is None or path in suite.rules)
        found[Path(path).name] = Trial(CONFIG, loaded, path, mine)
    return found


@cache
def edits() -> dict[tuple[str, str], list[Edit]]:
    """By file and rule, "" for what stands above all rules of a file."""
    found = defaultdict(list)
    for file, trial in trials().items():
        for edit in trial.edits():
            found[file, edit.rule].append(edit)
    return found


def unnoticed(file: str, rule: str, one_of: int = 1) -> list[str]:
    trial = trials()[file]
    return [_label(file, edit) for edit in edits()[file, rule][::one_of] if not trial.notices(edit)]


def _label(file: str, edit: Edit) -> str:
    return f"{file}: {edit.label}"


QUICK = [pytest.param(*each, id=": ".join(each)) for each in edits() if each[1] not in SEVERAL_HOURS]
LONG = [pytest.param(*each, id=": ".join(each)) for each in edits() if each[1] in SEVERAL_HOURS]


def equivalent(file: str, rule: str) -> list[str]:
    labels = [_label(file, edit) for edit in edits()[file, rule]]
    return [label for label in labels if label in EQUIVALENT]


@pytest.mark.parametrize(("file", "rule"), QUICK)
def test_each_figure_is_held(file: str, rule: str) -> None:
    """A bound, a hold, a window, a percentile, a severity: with any other some test of the rule fails."""
    assert unnoticed(file, rule) == equivalent(file, rule)


@pytest.mark.parametrize(("file", "rule"), LONG)
def test_some_figures_of_a_long_rule_are_held(file: str, rule: str) -> None:
    """One edit of nine."""
    assert unnoticed(file, rule, ONE_OF) == []


@pytest.mark.campaign
@pytest.mark.parametrize(("file", "rule"), LONG)
def test_each_figure_of_a_long_rule_is_held(file: str, rule: str) -> None:
    """As above, for rules whose tests play a day."""
    assert not trials()[file].fails(rule, project())
    assert unnoticed(file, rule) == equivalent(file, rule)


@pytest.mark.parametrize(("file", "rule"), [each for each in QUICK if each.values[1]])
def test_without_an_edit_nothing_fails(file: str, rule: str) -> None:
    """So it is the edit that is noticed, not what was left out to find it sooner."""
    assert not trials()[file].fails(rule, project())


def test_what_is_called_equivalent_is_there() -> None:
    """A rule that changed takes its excuse along."""
    labels = {_label(file, edit) for (file, _), mine in edits().items() for edit in mine}
    assert set(EQUIVALENT) <= labels


def test_each_shipped_rule_has_figures() -> None:
    """Of none was nothing tried."""
    assert {rule for _, rule in edits()} - {""} == {rule.name for rule in project().ruleset.rules}
