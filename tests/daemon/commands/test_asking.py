"""Questions to all shards: what they say, and who says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.asking import ask_shards
from streamwatchd.shard.control import Told
from tests.daemon.commands.setting import Setting


def answering(setting: Setting, answers: Mapping[int, Told]) -> None:
    supervisor: Any = cast(Any, setting.supervisor)
    supervisor.told = {}

    def inquire(rule: str, key: Mapping[str, str], most: int) -> int:
        supervisor.told[1] = dict(answers)
        return 1

    supervisor.inquire = inquire


def ask(setting: Setting) -> tuple[list[int], list[str]]:
    context = replace(setting.context, settings=replace(setting.context.settings, shards=2))
    found, problems = ask_shards(context, "hot", {"host": "a"})
    return [each.shard for each in found], problems


def test_all_answer_and_nothing_is_left_behind() -> None:
    """In the order of the shards."""
    setting = Setting()
    answering(setting, {1: Told(1, 1), 0: Told(0, 1)})
    assert ask(setting) == ([0, 1], [])
    assert cast(Any, setting.supervisor).told == {}


def test_whoever_says_nothing_is_named() -> None:
    """A shard that is away, one that is busy, one that can't, and those of another host."""
    setting = Setting()
    answering(setting, {0: Told(0, 1, problem="it is recovering its state")})
    found, problems = ask(setting)
    assert found == []
    assert problems == [
        "shard 1 did not answer within 10 s: a batch takes long",
        "shard 0 can't say: it is recovering its state",
    ]
    setting.supervisor.slots[1].phase = "replaying"
    assert ask(setting)[1][0] == "shard 1 is not at work (replaying)"
    del setting.supervisor.slots[1]
    assert ask(setting)[1][-1] == "another host has shard 1: ask there too"


def test_without_a_shard_at_work_there_is_no_answer() -> None:
    """They start, or recover."""
    setting = Setting()
    for slot in setting.supervisor.slots:
        slot.phase = "starting"
    with pytest.raises(CommandRefused, match="no shard is at work yet"):
        ask(setting)
