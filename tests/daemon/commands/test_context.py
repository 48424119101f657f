"""What commands have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.control import CommandRefused
from tests.daemon.commands.setting import Setting


def test_an_unknown_command_is_refused_with_a_guess() -> None:
    """As swctl of a later version may ask for one."""
    with pytest.raises(CommandRefused, match="did you mean `status`") as refused:
        Setting().run("statis")
    assert refused.value.code == "unknown_command"


def test_before_kafka_answers_only_status_does() -> None:
    """The others say what is waited for."""
    setting = Setting(working=False)
    assert setting.run("status")["state"] == "waiting for Kafka"
    missing = {"in": "is not there: create it"}
    setting.context = replace(setting.context, wrong_topics=lambda: missing)
    assert setting.run("status")["state"] == "waiting for topics"
    assert setting.run("status")["topics"] == missing
    with pytest.raises(CommandRefused, match="kafka-1:9092") as refused:
        setting.run("lag")
    assert refused.value.code == "not_ready"


def test_the_supervisor_does_what_it_is_asked_between_turns() -> None:
    """Its result comes back, and so does what it raises."""
    context = Setting().context
    assert context.in_supervisor(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        context.in_supervisor(lambda: 1 // 0)


def test_a_supervisor_that_does_not_come_to_it_costs_only_the_asker() -> None:
    """What was asked is not done later either."""
    setting = Setting()
    deaf = replace(setting.context, wake=lambda: None)
    done: list[int] = []
    with pytest.raises(CommandRefused, match="did not come to it") as refused:
        deaf.in_supervisor(lambda: done.append(1), timeout_s=0.01)
    assert refused.value.code == "busy"
    setting.supervisor.turn()
    assert done == []
