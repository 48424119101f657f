"""A project as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.cli.revision import version_at
from streamwatchd.errors import UnreadableInput
from tests.cli.small import copy
from tests.cli.test_plan import git


def test_the_files_are_those_of_the_revision_and_go_away(tmp_path: Path) -> None:
    """Whatever lies in the folder now."""
    config = copy(tmp_path / "noc")
    text = config.read_text()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    config.write_text("")
    with version_at(config, "HEAD") as version:
        assert version.config.read_text() == text
        assert version.shown(str(version.config)) == "HEAD:noc/streamwatchd.yaml"
    assert not version.config.exists()


@pytest.mark.parametrize(
    ("revision", "words"), [("nowhere", "neither a project's folder nor"), ("HEAD", "there is no b.yaml")]
)
def test_what_is_not_there_is_said(tmp_path: Path, revision: str, words: str) -> None:
    """A revision, or the configuration in it."""
    (tmp_path / "a").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    (tmp_path / "b.yaml").write_text("")
    with pytest.raises(UnreadableInput, match=words), version_at(tmp_path / "b.yaml", revision):
        raise AssertionError


def test_an_option_is_no_revision(tmp_path: Path) -> None:
    """Nothing that is typed reaches git as an option."""
    (tmp_path / "a.yaml").write_text("")
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UnreadableInput, match="neither"), version_at(tmp_path / "a.yaml", "--output=x"):
        raise AssertionError
