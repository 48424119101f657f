"""Who owns what."""

from __future__ import annotations

import pytest

from streamwatchd.settings import Topics
from streamwatchd.shard.assignor import assigned, owner
from streamwatchd.shard.output import TaskId


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_every_task_has_one_owner(shards: int) -> None:
    """The shards share all tasks of sources and exchange, none twice."""
    sources = {"a": 7, "b": 1, "c": 3}
    shares = [assigned(shard, shards, sources, Topics(), stages=3, exchange_partitions=4) for shard in range(shards)]
    tasks = [task for share in shares for task in share]
    assert len(tasks) == len(set(tasks)) == 7 + 1 + 3 + 2 * 4


def test_tasks_know_their_topics() -> None:
    """Source tasks read their topic, exchange tasks the topic of their stage."""
    share = assigned(0, 1, {"a": 1}, Topics(exchange="x"), stages=2, exchange_partitions=1)
    assert {task: (p.topic, p.partition) for task, p in share.items()} == {
        TaskId(1, "a", 0): ("a", 0),
        TaskId(2, "", 0): ("x.2", 0),
    }


def test_a_new_topic_or_partition_moves_nothing_else() -> None:
    """What a shard owned it keeps when sources grow."""
    before = assigned(1, 3, {"a": 4}, Topics(), 2, 4)
    after = assigned(1, 3, {"a": 9, "0": 5, "zz": 2}, Topics(), 3, 4)
    assert before.items() <= after.items()


def test_single_partitions_are_spread() -> None:
    """Many topics of one partition do not all fall to one shard."""
    owners = [owner(f"topic-{n}", 0, 2) for n in range(40)]
    assert 10 <= sum(owners) <= 30
