"""Topics that streamwatchd writes to, watched while it runs: one that is deleted is told, and made anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from streamwatchd.daemon.cluster import own_topics
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.topic_book import LOOKS_MISSING, is_remade
from streamwatchd.errors import StreamwatchdError
from streamwatchd.ports.kafka import Admin, NewTopic, TopicFacts
from streamwatchd.settings import Settings

_HINT = "create it in Kafka; until then epochs that write to it wait, and nothing is lost"
_ANEW = "what it held is gone; epochs that waited for it go on"
_JOURNAL_ANEW = (
    "epochs that waited for it go on; what it held is gone, so a state folder that is lost now can't be rebuilt "
    "from it: take a savepoint (`swctl savepoint`)"
)


class OutputWatch:
    """`wrong` says of each topic that is not as it must be why, and what to do; each look replaces it as a whole.

    Exchange topics are not among them: their offsets are gone with them (see `daemon.topic_book.TopicWatch`).
    """

    def __init__(self, settings: Settings, metrics: Metrics, log: Log) -> None:
        self.wrong: Mapping[str, str] = {}
        self._metrics, self._log = metrics, log
        self._journal = settings.topics.journal
        self._wanted = {topic.name: topic for topic in own_topics(settings, stages=1)}
        self._journal_least = 1
        self._known: dict[str, TopicFacts] = {}
        self._missing: Counter[str] = Counter()

    def look(self, admin: Admin) -> None:
        """Raises Unavailable."""
        now, wrong = admin.describe(self._wanted), {}
        for name, topic in self._wanted.items():
            if why := self._there(name, now[name]) if name in now else self._absent(admin, topic):
                wrong[name] = why
        self.wrong = wrong
        self._metrics.put_all("topic_missing", {(("topic", name),): 1.0 for name in wrong})

    def _there(self, name: str, now: TopicFacts) -> str:
        """What is wrong with a topic that is there; empty where all is well."""
        known = self._known.get(name, now)
        if name == self._journal and name not in self._known:  # shards write to the partitions that it had at the start
            self._journal_least = now.partitions
        self._missing[name] = 0
        self._known[name] = now
        if is_remade(known, now):
            self._metrics.add("topic_id_changes_total", 1, (("topic", name),))
            hint = _JOURNAL_ANEW if name == self._journal else _ANEW
            self._log.warning("topic_made_anew", topic=name, partitions=now.partitions, hint=hint)
        if name == self._journal and now.partitions < self._journal_least:
            needed = f"{self._journal_least} are needed: add partitions to it in Kafka"
            return self._told("topic_too_small", name, f"has {now.partitions} partitions, {needed}")
        if name in self.wrong:
            self._log.info("topic_there_again", topic=name)
        return ""

    def _absent(self, admin: Admin, topic: NewTopic) -> str:
        """Make it anew, with as many partitions as it had; what is wrong while that does not succeed."""
        name = topic.name
        self._missing[name] += 1
        if self._missing[name] < LOOKS_MISSING:
            return ""
        if self._missing[name] == LOOKS_MISSING:
            self._log.error("topic_missing", topics=[name], hint=f"it is made anew; if that fails, {_HINT}")
        partitions = self._known[name].partitions if name in self._known else topic.partitions
        if name == self._journal:
            partitions = max(partitions, self._journal_least)
        try:
            admin.ensure_topics([replace(topic, partitions=partitions)])
        except StreamwatchdError as error:
            return self._told("topic_not_made", name, f"is not there and can't be made ({error}): {_HINT}")
        return ""

    def _told(self, event: str, name: str, why: str) -> str:
        """The reason, logged where it is a new one."""
        if self.wrong.get(name) != why:
            self._log.error(event, topic=name, reason=why)
        return why
