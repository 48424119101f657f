"""`audit`: its lines, and what it is asked for."""

from __future__ import annotations

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.audit import AuditedLog
from tests.daemon.commands.setting import Setting


def test_lines_come_from_the_state_folder() -> None:
    """As many as are asked for."""
    it = Setting()
    log = AuditedLog(it.log, it.context.disk, it.context.settings.state_dir, it.clock)
    log.info("file_accepted", path="a.yaml")
    log.info("silence_ended", silence="s1")
    assert [each["event"] for each in it.run("audit")["lines"]] == ["file_accepted", "silence_ended"]
    assert [each["event"] for each in it.run("audit", lines=1)["lines"]] == ["silence_ended"]
    assert [each["path"] for each in it.run("audit", events=["file_accepted"])["lines"]] == ["a.yaml"]


def test_an_event_that_is_none_is_refused() -> None:
    """With the one that was meant."""
    with pytest.raises(CommandRefused, match="did you mean `silence_began`"):
        Setting().run("audit", events=["silence_begun"])
