"""The tests beside the shipped rules and the examples pass, with restarts too, and `swctl validate` finds nothing."""

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

ROOT = Path(__file__).parents[1]
CONFIGS = {"shipped": ROOT / "streamwatchd.yaml", "examples": ROOT / "examples" / "streamwatchd.yaml"}


@cache
def project(name: str) -> Loaded:
    return load(CONFIGS[name])


@cache
def suites(name: str) -> tuple[Suite, ...]:
    loaded = project(name)
    return tuple(read_suite(path, loaded) for path in suite_paths(rules_folder(CONFIGS[name], None, loaded), loaded))


@cache
def bench_of(name: str, path: str) -> Bench:
    return bench(next(suite for suite in suites(name) if suite.path == path), project(name))


CASES = [
    pytest.param(name, suite, case, id=f"{name}, {Path(suite.path).stem}: {case.name}")
    for name in CONFIGS
    for suite in suites(name)
    for case in suite.cases
]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_rules_file_ships_with_tests(name: str) -> None:
    """A rule without a test is a rule that nobody has seen fire."""
    tested = {file for suite in suites(name) for file in suite.rules or ()}
    assert tested == {rule.span.file for rule in project(name).ruleset.rules}


@pytest.mark.parametrize("name", CONFIGS)
def test_nothing_is_wrong_with_the_shipped_files(name: str) -> None:
    """No error and no warning, in rules, tables and tests."""
    found = [*project(name).diagnostics, *(problem for suite in suites(name) for problem in suite.problems)]
    assert "\n\n".join(map(render, found)) == ""


@pytest.mark.parametrize(("name", "suite", "case"), CASES)
def test_a_shipped_test_passes(name: str, suite: Suite, case: Case) -> None:
    """What the timeline expects comes, and a daemon that restarts again and again comes to the same."""
    found = check(bench_of(name, suite.path), case, restart_everywhere=True)
    assert [(str(each.span), each.message, each.details) for each in found] == []
