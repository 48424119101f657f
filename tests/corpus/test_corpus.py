"""Rules that people really run, said in our language: they validate, lint finds nothing, and each fires and is silent.

The facts (what is watched, over which window, against which bound) come from public collections, named beside each
rule; the rules are ours. What could not be said is in docs/practice.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.small import swctl

HERE = Path(__file__).parent
LEAST = 60


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


def test_there_are_many_and_all_of_them_check() -> None:
    """With their tests, formatted, and without a finding of lint."""
    rules = [
        line for path in HERE.glob("rules.d/*.yaml") for line in path.read_text().splitlines() if "- alarm:" in line
    ]
    assert len(rules) >= LEAST
    assert all("   # " in line for line in rules), "each says where it comes from"
    result = swctl("validate")
    assert (result.exit_code, f"no problems ({len(rules)} rules" in result.stdout) == (0, True), result.output
    assert swctl("lint", "--strict").stdout == f"{len(rules)} rules: nothing found\n"
    assert swctl("fmt", "--check").exit_code == 0


@pytest.mark.parametrize("path", sorted((HERE / "rules.d").glob("*_test.yaml")), ids=lambda path: path.stem)
def test_each_rule_fires_and_stays_silent(path: Path) -> None:
    """Every rule of a file has a test of its own for both."""
    result = swctl("test-rule", path, "--coverage")
    assert result.exit_code == 0, result.output
    assert " is raised" not in result.stdout
    assert "stays silent" not in result.stdout
