"""The examples say what they claim: their tests pass, with restarts in between too, and nothing is wrong with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from streamwatchd.diagnostics import render
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.testing.timeline import Case, Suite
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_reader import read_suite, rules_folder, suite_paths
from streamwatchd.testing.timeline_run import Bench, bench

CONFIG = Path(__file__).parents[1] / "examples" / "streamwatchd.yaml"


@cache
def project() -> Loaded:
    return load(CONFIG)


@cache
def suites() -> tuple[Suite, ...]:
    return tuple(read_suite(path, project()) for path in suite_paths(rules_folder(CONFIG, None, project()), project()))


@cache
def bench_of(path: str) -> Bench:
    return bench(next(suite for suite in suites() if suite.path == path), project())


CASES = [
    pytest.param(suite, case, id=f"{Path(suite.path).stem}: {case.name}") for suite in suites() for case in suite.cases
]


def test_every_rules_file_ships_with_tests() -> None:
    """A rule without a test is a rule that nobody has seen fire."""
    tested = {file for suite in suites() for file in suite.rules or ()}
    assert tested == {rule.span.file for rule in project().ruleset.rules}


def test_nothing_is_wrong_with_the_shipped_files() -> None:
    """No error and no warning, in rules, tables and tests."""
    found = [*project().diagnostics, *(problem for suite in suites() for problem in suite.problems)]
    assert "\n\n".join(map(render, found)) == ""


@pytest.mark.parametrize(("suite", "case"), CASES)
def test_a_shipped_test_passes(suite: Suite, case: Case) -> None:
    """What the timeline expects comes, and a daemon that restarts again and again comes to the same."""
    found = check(bench_of(suite.path), case, restart_everywhere=True)
    assert [(str(each.span), each.message, each.details) for each in found] == []
