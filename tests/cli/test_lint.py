"""`swctl lint`; what it prints stands in tests/cases/cli/080_lint.txt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.small import copy, swctl


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return copy(tmp_path)


def labels(*arguments: object) -> list[str]:
    found = json.loads(swctl("lint", "--output", "json", *arguments).stdout)
    return [each["code"] for each in found["problems"]]


def test_warnings_fail_only_where_asked(config: Path) -> None:
    """The small project has a few."""
    assert swctl("lint", "--config", config).exit_code == 0
    assert swctl("lint", "--config", config, "--strict").exit_code == 1
    assert labels("--config", config, "--only", "runbook") == ["SW602"]
    assert labels("--config", config, "--only", "never-true") == []


def test_paths_choose_what_is_shown(config: Path) -> None:
    """As with validate."""
    assert labels("--config", config, config) == []
    assert labels("--config", config, config.parent / "rules.d") == ["SW602", "SW611"]
    assert swctl("lint", "--config", config, config.parent / "nothing").exit_code == 2


@pytest.mark.parametrize("output", ["json", "sarif", "junit", "github"])
def test_a_project_that_does_not_check_is_told_to_programs_too(config: Path, output: str) -> None:
    """A step of CI reads what is written, whatever came of it."""
    rules = config.parent / "rules.d" / "shop.yaml"
    rules.write_text(rules.read_text().replace("severity: major", "severity: mayor"))
    result = swctl("lint", "--config", config, "--output", output)
    assert (result.exit_code, result.stderr) == (1, "")
    assert "mayor" in result.stdout
