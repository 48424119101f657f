"""The daemon's command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.__main__ import main
from tests.daemon.project import rule, write_project


def test_check_says_nothing_of_a_good_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves with 0, without a broker."""
    config = write_project(tmp_path, {"a.yaml": rule("one")})
    assert main(["--config", str(config), "--check"]) == 0
    assert capsys.readouterr().err == ""


def test_check_shows_every_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With place, line and carets, and exit code 2."""
    config = write_project(tmp_path, {"a.yaml": rule("one") + "  - kpi: two\n    evry: 1m\n", "b.yaml": "rules: [\n"})
    assert main(["--config", str(config), "--check"]) == 2
    text = capsys.readouterr().err
    assert "a.yaml:" in text
    assert "b.yaml:" in text
    assert "^" in text


def test_settings_that_do_not_check_end_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to run with."""
    config = tmp_path / "streamwatchd.yaml"
    config.write_text("kafka: {plugin.library.paths: evil}\nsources: {}\n")
    assert main(["--config", str(config)]) == 2
    assert "plugin.library.paths" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gone.yaml", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Missing, or a folder."""
    assert main(["--config", str(tmp_path / name)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
