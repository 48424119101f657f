"""`test-rule --against`: only tests that have something to say of a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.small import copy, swctl
from tests.cli.test_plan import edit, git

OTHER = "source: web\nrules: [{alarm: failing, by: shop, when: status >= 500}]\n"
OTHER_TEST = """
rules: [other.yaml]
tests:
  - {name: fails, events: [{source: web, at: 0s, shop: a, status: 500}], expect: [{alarm: failing}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = copy(tmp_path / "noc")
    (config.parent / "rules.d" / "other.yaml").write_text(OTHER)
    (config.parent / "rules.d" / "other_test.yaml").write_text(OTHER_TEST)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return config


def said(config: Path) -> str:
    result = swctl("test-rule", "--config", config, "--against", "HEAD")
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_tests_of_what_changed_are_run(config: Path) -> None:
    """A rule, a test, or the source that both read."""
    assert said(config) == "0 tests of 0 files passed"
    edit(config, "severity: major", "severity: minor")
    assert said(config) == "1 test of 1 file passed"
    test = config.parent / "rules.d" / "other_test.yaml"
    test.write_text(test.read_text().replace("name: fails", "name: it fails"))
    assert said(config) == "2 tests of 2 files passed"
    git(config.parent, "commit", "--quiet", "--all", "--message", "second")
    assert said(config) == "0 tests of 0 files passed"
    config.write_text(config.read_text().replace("max_delay: 5s", "max_delay: 6s"))
    assert said(config) == "2 tests of 2 files passed"


def test_tests_of_rules_whose_shared_words_changed_are_run(config: Path) -> None:
    """Those that take the word over, and no others."""
    shared = config.parent / "rules.d" / "shared.yaml"
    shared.write_text("defaults: {severity: warning}\n")
    assert said(config) == "1 test of 1 file passed"
    shared.write_text('defaults: {runbook: "https://a.example"}\n')
    assert said(config) == "2 tests of 2 files passed"


def test_tests_of_rules_whose_data_changed_are_run(config: Path) -> None:
    """A row of a table that the events of a rule are joined with; a calendar that one names."""
    folder = config.parent
    rules = [
        "- {kpi: volume, by: shop, every: 1m, values: {n: count()}}",
        "- {alarm: busy, source: volume, by: shop, when: n > 0, unless: during(works)}",
        "- {kpi: pages, by: page, every: 1m, values: {n: count()}}",
    ]
    for rule, expected in zip(rules, ("kpi: volume", "alarm: busy", "kpi: pages"), strict=True):
        name = expected.split()[1]
        read = "pages.yaml" if name == "pages" else f"volume.yaml, {name}.yaml"
        source = "" if "source:" in rule else "source: web\n"
        (folder / "rules.d" / f"{name}.yaml").write_text(f"{source}rules:\n{rule}\n")
        (folder / "rules.d" / f"{name}_test.yaml").write_text(
            f"rules: [{read}]\ntests:\n- name: t\n  until: 3m\n"
            "  events: [{source: web, at: 0s, shop: a, page: p, status: 0}]\n"
            f"  expect: [{{{expected}}}]\n"
        )
    calendar = folder / "calendars.d" / "works.yaml"
    calendar.parent.mkdir()
    calendar.write_text("name: works\nduring: [{days: [sat], from: '01:00', to: '02:00'}]\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "second")
    assert said(config) == "0 tests of 0 files passed"
    calendar.write_text(calendar.read_text().replace("01:00", "00:00"))
    assert said(config) == "1 test of 1 file passed"
    git(folder, "commit", "--quiet", "--all", "--message", "third")
    table = folder / "enrichment.d" / "shops.csv"
    table.write_text(table.read_text().replace("ops", "noc"))
    assert said(config) == "4 tests of 4 files passed"
