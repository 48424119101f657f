"""`reload`: asked for, and waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.contents import Bundle
from streamwatchd.daemon.reloader import Outcome
from tests.daemon.commands.setting import Setting, report
from tests.shard.small import content


def switched(setting: Setting, *shards: int) -> None:
    """Version 1 is decided, and these shards run it."""
    setting.store.add(content("v1"), Bundle(b"", {}, {}), 5)
    for shard in shards:
        setting.supervisor.slots[shard].report = report(shard, gauges={("version_number", ()): 1})


def test_without_waiting_it_is_only_asked_for() -> None:
    """The daemon goes on as it would on SIGHUP."""
    setting = Setting()
    assert setting.run("reload") == {"asked": True}
    assert setting.reloader.forced == 1


def test_it_waits_until_every_shard_runs_what_was_compiled() -> None:
    """And says which version that is, and which files were left out."""
    setting = Setting()
    setting.reloader.answer = Outcome("v1", ("rules.d/bad.yaml",))
    setting.reloader.on_force = lambda: switched(setting, 0, 1)
    result = setting.run("reload", wait=True)
    assert (result["in_force"], result["version"], result["refused"]) == (True, 1, ["rules.d/bad.yaml"])


def test_what_waits_for_a_restart_is_in_it() -> None:
    """As not all that is on disk is in force then."""
    setting = Setting()
    setting.context = replace(setting.context, pending_settings=lambda: ("shards: 2 → 3",))
    setting.reloader.on_force = lambda: switched(setting, 0, 1)
    result = setting.run("reload", wait=True)
    assert (result["in_force"], result["pending_settings"]) == (True, ["shards: 2 → 3"])


def test_a_shard_that_does_not_switch_is_waited_for_only_so_long() -> None:
    """With a word now and then."""
    setting = Setting()
    setting.reloader.on_force = lambda: switched(setting, 0)
    with pytest.raises(CommandRefused, match="not in force in every shard after 20 s"):
        setting.run("reload", wait=True, seconds=20)
    assert setting.said == ["waiting for every shard to switch"] * 4


def test_why_it_is_not_in_force_is_said() -> None:
    """A disk that takes nothing, for one."""
    setting = Setting()
    setting.supervisor.changes.postponed_for = "the rules can't be written: no space"
    with pytest.raises(CommandRefused, match=r"after 5 s \(the rules can't be written: no space\); it goes on trying"):
        setting.run("reload", wait=True, seconds=5)
    assert set(setting.said) == {"waiting for every shard to switch (the rules can't be written: no space)"}


def test_nothing_that_could_run_is_said() -> None:
    """The old rules stay."""
    setting = Setting()
    setting.reloader.answer = Outcome("", ("rules.d/a.yaml",), "nothing would be left to run")
    result = setting.run("reload", wait=True)
    assert (result["in_force"], result["problem"]) == (False, "nothing would be left to run")
