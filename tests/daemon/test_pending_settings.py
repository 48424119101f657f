"""Edits of the settings that wait for a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.pending_settings import PendingSettings
from tests.daemon.project import ListLog, write_project


class Setting:
    """A daemon that runs by the file as it is now."""

    def __init__(self, folder: Path) -> None:
        self.config = write_project(folder, {})
        self.written = self.config.read_text()
        self.log, self.metrics = ListLog(), Metrics()
        self.pending = PendingSettings(self.config, self.config.read_bytes(), self.log, self.metrics)

    def edit(self, more: str) -> tuple[str, ...]:
        """The file as it was at the start, and more."""
        self.config.write_text(self.written + more)
        self.pending.look()
        return self.pending.sentences()

    def count(self) -> float:
        return self.metrics.samples(0)["pending_settings", ()]


def test_nothing_waits_while_the_file_is_what_runs(tmp_path: Path) -> None:
    """Also after an edit of a comment."""
    setting = Setting(tmp_path)
    assert setting.edit("") == setting.edit("# words\n") == ()
    assert (setting.count(), setting.log.lines) == (0, [])


def test_what_waits_is_told_once(tmp_path: Path) -> None:
    """In the log, as a metric, and for whoever asks; again when it is something else, and when it is taken back."""
    setting = Setting(tmp_path)
    assert setting.edit("shards: 3\n") == ("shards: 2 → 3",)
    assert setting.edit("shards: 3 # more\n") == ("shards: 2 → 3",)
    assert setting.edit("shards: 3\napp: noc\n") == ("app: streamwatchd → noc", "shards: 2 → 3")
    assert setting.count() == 2
    assert setting.edit("") == ()
    assert setting.count() == 0
    hint = "a reload leaves the settings as they are"
    assert setting.log.lines == [
        ("warning", "restart_awaited", {"settings": ["shards: 2 → 3"], "hint": hint}),
        ("warning", "restart_awaited", {"settings": ["app: streamwatchd → noc", "shards: 2 → 3"], "hint": hint}),
        ("info", "settings_taken_back", {}),
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [("shard: 3\n", "streamwatchd.yaml has no field `shard`"), ("app: [\n", "the file ends in the middle of a list")],
)
def test_a_file_that_does_not_check_is_told(tmp_path: Path, more: str, why: str) -> None:
    """Before a restart meets it."""
    assert Setting(tmp_path).edit(more) == (f"nothing, streamwatchd.yaml does not check: {why}",)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    """As the next start would say it."""
    setting = Setting(tmp_path)
    setting.config.unlink()
    setting.pending.look()
    (said,) = setting.pending.sentences()
    assert said.startswith("nothing, streamwatchd.yaml does not check: the file can't be read")
