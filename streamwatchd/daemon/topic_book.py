"""What is known of topics whose offsets we keep: which incarnation of them, and how many partitions it had.

An offset means nothing in another incarnation of its topic, and keys lie elsewhere among other numbers of partitions.
`<state>/topics` has both, sealed; without it, as on a new host, what Kafka keeps of the offsets must do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import Unavailable
from streamwatchd.packing import rows_of, seal
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.files import Files
from streamwatchd.ports.kafka import Admin, Partition, TopicFacts

_KIND, _FORMAT = b"SWDTOPC\n", 1
_FILE = "topics"
LOOKS_MISSING = 2
"""A topic that is missing so many times in a row is believed to be gone: a broker that starts may not know it yet."""


class TopicBook:
    """The file; spoilt, it is as if it were not there.

    Where hosts share the shards, what changed is settled on the one that `leads`: it keeps a copy in the shared store,
    by which the others go.
    """

    def __init__(
        self, disk: Disk, state_dir: Path, shared: tuple[Files, Path] | None = None, *, leads: bool = True
    ) -> None:
        """`shared`: the store and the application's folder in it."""
        self._mine: tuple[Files, Path] = disk, state_dir / _FILE
        self._shared = None if shared is None else (shared[0], shared[1] / _FILE)
        self._leads = leads

    def read(self) -> dict[str, TopicFacts]:
        """Raises Unavailable where another host's copy can't be read now."""
        if self._shared is not None and not self._leads:
            files, path = self._shared
            data = files.read(path)
            if data is not None:
                return _decoded(data)
        try:
            files, path = self._mine
            data = files.read(path)
        except Unavailable:
            return {}
        return _decoded(data)

    def write(self, topics: Mapping[str, TopicFacts]) -> None:
        """Raises Unavailable."""
        rows = {topic: (facts.id, facts.partitions) for topic, facts in sorted(topics.items())}
        for files, path in (self._mine, self._shared) if self._shared and self._leads else (self._mine,):
            files.write(path, seal(_KIND, _FORMAT, msgspec.json.encode(rows)))


def _decoded(data: bytes | None) -> dict[str, TopicFacts]:
    rows = rows_of(_KIND, _FORMAT, data, dict[str, tuple[str, int]])
    return {topic: TopicFacts(*row) for topic, row in rows.items()}


def is_remade(known: TopicFacts, now: TopicFacts) -> bool:
    return bool(known.id and now.id) and known.id != now.id


class TopicWatch:
    """Looks until a topic is not what it was at the start: then `refuse` hears of it.

    Once every partition has a committed offset, what the topics are is written into the book.
    """

    def __init__(
        self, group: str, book: TopicBook, at_start: Mapping[str, TopicFacts], refuse: Callable[[str], None],
        metrics: Metrics,
    ) -> None:  # fmt: skip
        self._group, self._book = group, book
        self._at_start = dict(at_start)
        self._refuse, self._metrics = refuse, metrics
        self._missing: dict[str, int] = {}
        self._noted = False
        self._refused = False

    def look(self, admin: Admin) -> None:
        """Raises Unavailable."""
        if self._refused:
            return
        if changed := self.changes(admin.describe(self._at_start)):
            self._refused = True
            self._refuse("; ".join(changed))
        elif not self._noted and all(admin.committed(self._group, every_partition(self._at_start)).values()):
            self._book.write(self._at_start)
            self._noted = True

    def changes(self, now: Mapping[str, TopicFacts]) -> list[str]:
        """What is not as it was, in words."""
        found = []
        for topic, known in self._at_start.items():
            if topic not in now:
                self._missing[topic] = self._missing.get(topic, 0) + 1
                if self._missing[topic] >= LOOKS_MISSING:
                    found.append(f"topic {topic} was deleted")
                    self._count_gone(topic)
                continue
            self._missing[topic] = 0
            if is_remade(known, now[topic]):
                found.append(f"topic {topic} was deleted and made anew")
                self._count_gone(topic)
            elif now[topic].partitions != known.partitions:
                found.append(f"topic {topic} has {now[topic].partitions} partitions, no longer {known.partitions}")
                self._metrics.put("partitions_changed", 1, (("topic", topic),))
        return found

    def _count_gone(self, topic: str) -> None:
        self._metrics.add("topic_id_changes_total", 1, (("topic", topic),))


def every_partition(topics: Mapping[str, TopicFacts], only: Collection[str] | None = None) -> Iterable[Partition]:
    for topic, facts in topics.items():
        if only is None or topic in only:
            yield from (Partition(topic, number) for number in range(facts.partitions))
