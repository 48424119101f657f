"""The project that a command works on."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.cli import project
from streamwatchd.cli.project import config_path, counted, plural, runnable
from streamwatchd.compiler import compile_project
from streamwatchd.diagnostics import Diagnostic, Severity
from streamwatchd.errors import RuleSetRejected, UnreadableInput
from tests.cli.small import copy


def test_the_configuration_here_comes_before_that_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is named before both."""
    monkeypatch.chdir(tmp_path)
    system = tmp_path / "etc.yaml"
    monkeypatch.setattr(project, "SYSTEM_CONFIG", system)
    with pytest.raises(UnreadableInput, match="--config FILE"):
        config_path(None)
    system.touch()
    assert config_path(None) == system
    Path("streamwatchd.yaml").touch()
    assert config_path(None) == Path("streamwatchd.yaml")
    assert config_path(system) == system


def test_a_project_with_mistakes_does_not_run(tmp_path: Path) -> None:
    """What a command shows must come of the files as they are, not of those that happen to check."""
    config = copy(tmp_path)
    assert runnable(compile_project(config)).plan.sources.keys() == {"web"}
    (tmp_path / "rules.d" / "bad.yaml").write_text("rules: 5\n")
    with pytest.raises(RuleSetRejected):
        runnable(compile_project(config))


def test_counts_are_words() -> None:
    """One is singular."""
    warning = Diagnostic("SW1", "x", severity=Severity.WARNING)
    assert counted([Diagnostic("SW1", "x"), warning, warning]) == "1 error, 2 warnings"
    assert plural(12_000, "event") == "12,000 events"
