"""Folders of a project are followed whenever they come, go, or are put in the place of others."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.daemon.folder_watch import FolderWatch


class Hinted:
    """A watch over two folders, one of them not there yet; `after` says whether something came of an act."""

    def __init__(self, root: Path) -> None:
        self.config = root / "streamwatchd.yaml"
        self.rules, self.calendars = root / "rules.d", root / "calendars.d"
        self.rules.mkdir()
        self.config.write_text("sources: {}\n")
        self._hint = threading.Event()
        self.watch = FolderWatch(self._hint.set, self.config, lambda: [self.rules, self.calendars])

    def after(self, act: Callable[[], object], wait_s: float = 10) -> bool:
        """As the reloader does: what is new is followed before the files are read."""
        while self._hint.wait(0.2):  # what came of the last act
            self._hint.clear()
        act()
        hinted = self._hint.wait(wait_s)
        self.watch.follow()
        return hinted


@pytest.fixture
def hinted(tmp_path: Path) -> Hinted:
    return Hinted(tmp_path)


def test_files_and_the_configuration_are_watched(hinted: Hinted) -> None:
    """A file below a folder, one below a folder in it, and the configuration itself."""
    below = hinted.rules / "teams"
    assert hinted.after(below.mkdir)
    assert hinted.after(lambda: (below / "a.yaml").write_text("x"))
    assert hinted.after(lambda: hinted.config.write_text("sources: {a: {}}\n"))
    hinted.watch.close()


def test_a_folder_that_comes_later_is_watched(hinted: Hinted) -> None:
    """It is noticed, and so are the files that come into it afterwards."""
    assert hinted.after(hinted.calendars.mkdir)
    assert hinted.after(lambda: (hinted.calendars / "works.yaml").write_text("x"))
    hinted.watch.close()


def test_a_folder_in_the_place_of_another_is_watched(hinted: Hinted) -> None:
    """As a check-out leaves it that removes the last file and another brings it back."""
    hinted.after(lambda: shutil.rmtree(hinted.rules))
    assert hinted.after(hinted.rules.mkdir)
    assert hinted.after(lambda: (hinted.rules / "a.yaml").write_text("x"))
    replaced = hinted.rules.rename(hinted.rules.parent / "old")
    hinted.after(hinted.rules.mkdir)
    assert hinted.after(lambda: (hinted.rules / "b.yaml").write_text("x"))
    assert replaced.is_dir()
    hinted.watch.close()


def test_other_files_beside_the_configuration_are_nothing(hinted: Hinted) -> None:
    """A file that is no part of the project."""
    assert not hinted.after(lambda: (hinted.config.parent / "notes.txt").write_text("x"), wait_s=0.5)
    hinted.watch.close()
