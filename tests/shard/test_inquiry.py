"""Answers of a worker: whatever goes wrong is said, and the work goes on."""

from __future__ import annotations

import pytest

from streamwatchd.shard import inquiry
from streamwatchd.shard.control import Ask
from streamwatchd.shard.inquiry import answer
from tests.operators.bench import Bench

RULE = "  - {alarm: hot, by: host, when: x > 50%}\n"


def test_a_rule_or_all_alarms_are_told() -> None:
    """By the ticket of the question."""
    shard = Bench(RULE).at(1, host="a", x=60).driver.shards[0]
    told = answer(3, shard, Ask(7, "hot", {"host": "a"}))
    assert (told.shard, told.ticket, len(told.answers), told.problem) == (3, 7, 1, "")
    told = answer(3, shard, Ask(8, most=10))
    assert ([each["rule"] for each in told.answers], told.total) == (["hot"], 1)


def test_a_bug_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not end the worker."""

    def crash(*arguments: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(inquiry, "insight", crash)
    told = answer(0, Bench(RULE).driver.shards[0], Ask(1, "hot", {"host": "a"}))
    assert told.problem == "a bug: ValueError: odd"
