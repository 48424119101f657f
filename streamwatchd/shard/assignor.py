"""Which shard owns which task: a pure function of names and counts, so every process agrees without asking."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from streamwatchd.ports.kafka import Partition
from streamwatchd.settings import Topics
from streamwatchd.shard.output import TaskId


def owner(topic: str, partition: int, shards: int) -> int:
    """The shard of a partition.

    It depends on nothing but its own topic, so that a new topic or partition moves no other task; the topic's name
    spreads single-partition topics.
    """
    return (zlib.crc32(topic.encode()) + partition) % shards


def exchange_topic(topics: Topics, stage: int) -> str:
    return f"{topics.exchange}.{stage}"


def assigned(
    shard: int, shards: int, sources: Mapping[str, int], topics: Topics, stages: int, exchange_partitions: int
) -> dict[TaskId, Partition]:
    """The tasks of `shard` with the partitions that feed them.

    `sources` maps source topics to partition counts; `stages` is the number of the last stage (1: no exchange).
    """
    tasks: dict[TaskId, Partition] = {}
    for topic in sorted(sources):
        for number in range(sources[topic]):
            if owner(topic, number, shards) == shard:
                tasks[TaskId(1, topic, number)] = Partition(topic, number)
    for stage in range(2, stages + 1):
        topic = exchange_topic(topics, stage)
        for number in range(exchange_partitions):
            if owner(topic, number, shards) == shard:
                tasks[TaskId(stage, "", number)] = Partition(topic, number)
    return tasks
