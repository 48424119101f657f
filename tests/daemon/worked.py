"""An application that has worked and left, on a broker in memory."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.daemon.inspection import Inspection
from streamwatchd.daemon.topic_book import TopicBook
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.kafka import Partition
from tests.shard.small import SETTINGS, World

TOPICS = ["in", "streamwatchd.exchange.2"]
P0, P1 = Partition("in", 0), Partition("in", 1)


def worked(*, shared: bool = False) -> tuple[World, TopicBook]:
    """A world that has taken in 20 records and left; the topics are in the book. `shared`: with a snapshot store."""
    world = World(settings=replace(SETTINGS, shards=1))
    if shared:
        world.share()
    world.partitions["streamwatchd.journal"] = 4
    world.feed(20)
    world.run()
    book = TopicBook(FakeDisk(), SETTINGS.state_dir)
    book.write(world.kafka.admin().describe(TOPICS))
    return world, book


def inspected(world: World, book: TopicBook) -> Inspection:
    return Inspection(world.kafka, SETTINGS.app, TOPICS, book.read())
