"""What the forms of the language mean, as timelines that are read like documentation: one file of rules a form.

Each is run as it is written, with a restart at many instants, on three shards with three partitions of each source,
with each instant as a batch of its own, and all of that together. Nothing of that may change what comes of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.rules.loader import Loaded
from streamwatchd.testing.timeline import Case, Suite
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_reader import read_suite, suite_paths
from streamwatchd.testing.timeline_run import Bench, Layout, bench, with_restarts
from tests.cli.small import swctl

HERE = Path(__file__).parent
CONFIG = HERE / "streamwatchd.yaml"
PER_PARTITION = ("storms",)
"""Forms that count in each partition by itself: their timelines have one."""


@cache
def loaded() -> Loaded:
    return compile_project(CONFIG).loaded


@cache
def suites() -> tuple[Suite, ...]:
    return tuple(read_suite(path, loaded()) for path in suite_paths(HERE / "rules.d", loaded()))


@cache
def place_of(path: str) -> Bench:
    return bench(next(suite for suite in suites() if suite.path == path), loaded())


CASES = [
    pytest.param(suite, case, id=f"{Path(suite.path).stem.removesuffix('_test')}: {case.name}")
    for suite in suites()
    for case in suite.cases
]


def test_the_files_check_are_formatted_and_every_branch_is_gone_through() -> None:
    """Each file of rules has its file of tests; each level is raised and cleared, each rule stays silent somewhere."""
    tested = {file for suite in suites() for file in suite.rules or ()}
    assert tested == {rule.span.file for rule in loaded().ruleset.rules}
    assert " files: no problems (" in swctl("validate", "--config", CONFIG).stdout
    assert swctl("fmt", "--check", "--config", CONFIG).exit_code == 0
    result = swctl("test-rule", "--config", CONFIG, "--coverage", "--min-coverage", "100")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("suite", "case"), CASES)
def test_what_is_written_comes_however_the_work_is_laid_out(suite: Suite, case: Case) -> None:
    """On one shard and on three, in large batches and in small ones, with restarts and without."""
    place = place_of(suite.path)
    partitions = 1 if Path(suite.path).stem.removesuffix("_test") in PER_PARTITION else 3
    layouts = (Layout(shards=3, partitions=partitions), Layout(by_instant=True))
    both = Layout(shards=3, partitions=partitions, by_instant=True)
    found = check(place, case, restart_everywhere=True, layouts=layouts)
    found += check(place, with_restarts(case), layouts=(both,))
    assert [(str(each.span), each.message, each.details) for each in found] == []
