"""Answers to what the supervisor asks of a running shard: read between two batches, and never the worker's end."""

from __future__ import annotations

from streamwatchd.shard.control import Ask, Told
from streamwatchd.shard.insight import insight, late_of, up
from streamwatchd.shard.recovery import ShardLike
from streamwatchd.shard.shard import Shard


def answer(number: int, shard: ShardLike, ask: Ask) -> Told:
    """Whatever goes wrong is said in the answer."""
    if not isinstance(shard, Shard):
        return Told(number, ask.ticket, problem="it has no state to look into")
    try:
        if not ask.rule:
            alarms, total = up(shard, ask.most)
            return Told(number, ask.ticket, tuple(alarms), total=total)
        late = late_of(shard, tuple(ask.key), ask.key)
        return Told(number, ask.ticket, tuple(insight(shard, ask.rule, ask.key)), late)
    except Exception as error:  # a question must not end the work
        return Told(number, ask.ticket, problem=f"a bug: {type(error).__name__}: {error}")
