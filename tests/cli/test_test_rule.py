"""`swctl test-rule`; what it prints stands in tests/cases/cli."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.small import copy, swctl

FAILING = """
rules: [shop.yaml]
tests:
  - {name: never, events: [{source: web, shop: a, latency: 5}], expect: [{alarm: shop_slow}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = copy(tmp_path)
    (tmp_path / "rules.d" / "never_test.yaml").write_text(FAILING)
    return config


def test_one_failure_fails_the_run(config: Path) -> None:
    """The others are run all the same."""
    result = swctl("test-rule", "--config", config)
    assert result.exit_code == 1
    assert result.stdout.endswith("1 test of 2 files passed, 1 failed\n")


def test_a_rules_file_stands_for_the_tests_beside_it(config: Path) -> None:
    """`test-rule rules.d/shop.yaml` runs `shop_test.yaml`."""
    result = swctl("test-rule", "--config", config, config.parent / "rules.d" / "shop.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 test of 1 file passed\n")


def test_tests_may_stand_elsewhere(config: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that is named is run, wherever it is; without `rules:` it loads all of the project."""
    path = tmp_path_factory.mktemp("elsewhere") / "own_test.yaml"
    path.write_text("\n".join(FAILING.splitlines()[2:]).replace("expect:", "expect_no:") + "\n")
    assert swctl("test-rule", "--config", config, path).stdout == "1 test of 1 file passed\n"


def test_mistakes_in_files_that_the_tests_do_not_load_do_not_matter(config: Path) -> None:
    """They are refused alone, here as in the daemon."""
    (config.parent / "rules.d" / "broken.yaml").write_text("rules: 5\n")
    shop = config.parent / "rules.d" / "shop_test.yaml"
    assert swctl("test-rule", "--config", config, shop).exit_code == 0
    (config.parent / "rules.d" / "shop.yaml").write_text("rules: 5\n")
    result = swctl("test-rule", "--config", config, shop)
    assert (result.exit_code, result.stderr) == (1, "no test was run: 1 error, 0 warnings\n")


def test_a_project_without_tests_says_how_to_begin(config: Path) -> None:
    """That nothing failed would be a lie."""
    for path in (config.parent / "rules.d").glob("*_test.yaml"):
        path.unlink()
    result = swctl("test-rule", "--config", config)
    assert (result.exit_code, result.stderr) == (
        2,
        "swctl: there are no tests; write one beside your rules, in a file NAME_test.yaml\n",
    )


def test_a_broken_shared_file_is_the_first_thing_to_know(tmp_path: Path) -> None:
    """And a test does not name it: its words hold anyway."""
    config = copy(tmp_path)
    shared, test = tmp_path / "rules.d" / "shared.yaml", tmp_path / "rules.d" / "shop_test.yaml"
    shared.write_text("labels: {a: b}\nwat: 5\n")
    result = swctl("test-rule", "--config", config)
    assert (result.exit_code, "shared.yaml has no field `wat`" in result.output) == (1, True)
    shared.write_text("labels: {a: b}\n")
    test.write_text(test.read_text().replace("rules: [", "rules: [shared.yaml, "))
    assert "its words hold for the rules of all files anyway" in swctl("test-rule", "--config", config).output
