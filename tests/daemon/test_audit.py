"""What the audit keeps, and what a disk that fails does to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.daemon import audit
from streamwatchd.daemon.audit import BEFORE, NAME, AuditedLog, newest
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from tests.daemon.project import ListLog

STATE = Path("/state")


class Setting:
    def __init__(self) -> None:
        self.disk, self.log, self.clock = FakeDisk(), ListLog(), ManualClock(1_767_571_200_000)
        self.audited = self.restart()

    def restart(self) -> AuditedLog:
        self.audited = AuditedLog(self.log, self.disk, STATE, self.clock)
        return self.audited

    def kept(self, most: int = 50, *events: str) -> list[object]:
        return [each["event"] for each in newest(self.disk, STATE, most, events)]


def test_what_changes_the_work_is_kept_with_its_fields_and_all_is_logged() -> None:
    """In order, over restarts."""
    it = Setting()
    it.audited.info("silence_began", silence="s1", by="anna", rules=["hot"])
    it.audited.warning("trouble_began", what="disk")
    it.audited.error("file_refused", path=Path("rules.d/a.yaml"))
    it.restart().info("silence_ended", silence="s1")
    it.audited.debug("silence_ended", silence="s2")
    assert it.log.events() == ["silence_began", "trouble_began", "file_refused", "silence_ended", "silence_ended"]
    assert it.kept() == ["silence_began", "file_refused", "silence_ended"]
    first, second, _ = newest(it.disk, STATE, 50)
    at = "2026-01-05T00:00:00.000Z"
    assert first == {"at": at, "event": "silence_began", "silence": "s1", "by": "anna", "rules": ["hot"]}
    assert second["path"] == "rules.d/a.yaml"


def test_the_newest_are_shown_and_of_some_events_alone() -> None:
    """The last of them, oldest first."""
    it = Setting()
    for number in range(5):
        it.audited.info("silence_began", silence=f"s{number}")
        it.audited.info("file_accepted", path="a")
    assert it.kept(3) == ["file_accepted", "silence_began", "file_accepted"]
    found = newest(it.disk, STATE, 2, ["silence_began"])
    assert [each["silence"] for each in found] == ["s3", "s4"]
    assert newest(it.disk, Path("/nowhere"), 5) == []


def test_a_full_file_makes_room_and_the_one_before_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the state folder does not grow."""
    monkeypatch.setattr(audit, "MOST_BYTES", 300)
    it = Setting()
    for number in range(20):
        it.audited.info("silence_began", silence=f"s{number:02}")
    names = [each["silence"] for each in newest(it.disk, STATE, 50)]
    assert names == [f"s{number:02}" for number in range(20 - len(names), 20)]
    assert 5 <= len(names) < 12
    assert {NAME, BEFORE} == set(it.disk.list(STATE))


def test_a_disk_that_takes_nothing_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, until it works again; a torn line is left out and spoils none."""
    it = Setting()
    it.audited.info("silence_began", silence="s0")
    it.disk.append(STATE / NAME, b'{"event": "torn')

    def fails(*args: object, **more: object) -> None:
        raise Unavailable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(it.disk, "append", fails)
        it.audited.info("silence_began", silence="s1")
        it.audited.info("silence_began", silence="s2")
    it.audited.info("silence_began", silence="s3")
    assert it.log.events().count("audit_not_written") == 1
    assert [each["silence"] for each in newest(it.disk, STATE, 50)] == ["s0", "s3"]
