"""`swctl validate`; what it prints stands in tests/cases/cli."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.small import copy, swctl


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "bad.yaml").write_text("source: web\nrules: [{alarm: a, by: shop, when: statsu > 5}]\n")
    return copy(tmp_path)


@pytest.mark.parametrize(
    ("path", "code", "files"), [("", 1, 5), ("rules.d", 1, 3), ("rules.d/bad.yaml", 1, 1), ("enrichment.d", 0, 1)]
)
def test_paths_choose_what_is_shown(config: Path, path: str, code: int, files: int) -> None:
    """Files and folders, however they are written; the exit code follows what is shown."""
    result = swctl("validate", "--config", config, "--output", "json", config.parent / "rules.d" / ".." / path)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["files"], document["errors"]) == (code, files, code)


def test_json_has_a_place_for_each_problem(config: Path) -> None:
    """For editors and CI."""
    (problem,) = json.loads(swctl("validate", "--config", config, "--output", "json").stdout)["problems"]
    assert Path(problem["file"]).name == "bad.yaml"
    assert (problem["line"], problem["column"], problem["rule"]) == (2, 36, "a")


def test_a_configuration_that_does_not_check_hides_no_tests_behind_it(config: Path) -> None:
    """Its own mistakes are shown, and not that everything is unknown."""
    config.write_text("sources: 5\n")
    result = swctl("validate", "--config", config)
    assert result.exit_code == 1
    assert result.stdout.endswith("1 file: 1 error, 0 warnings\n")


def test_a_file_that_is_refused_for_words_of_another_is_not_called_fine(tmp_path: Path) -> None:
    """Though all that is wrong stands there."""
    config = copy(tmp_path)
    rules = tmp_path / "rules.d"
    for text, code in (("labels: {a: b\n", "SW308"), ("defaults: {runbook: a, where: status > > 5}\n", "SW101")):
        (rules / "shared.yaml").write_text(text)
        result = swctl("validate", "--config", config, rules / "shop.yaml")
        assert (result.exit_code, code in result.stdout) == (1, True)


def test_the_shared_file_is_checked_with_all_that_takes_it_over(tmp_path: Path) -> None:
    """A hook that checks only what changed must see what the change breaks elsewhere."""
    config = copy(tmp_path)
    shared, shop = tmp_path / "rules.d" / "shared.yaml", tmp_path / "rules.d" / "shop.yaml"
    shared.write_text("params: {slowest: 400ms}\n")
    shop.write_text(shop.read_text().replace("slow > 400ms", "slow > slowest"))
    assert swctl("validate", "--config", config, shared).exit_code == 0
    shared.write_text("params: {slowest: 40%}\n")
    result = swctl("validate", "--config", config, shared)
    assert (result.exit_code, "shop.yaml:8" in result.stdout) == (1, True)
