"""Before any work: topics and committed offsets must be as we left them. What is not is said with the command that
settles it, and settled only by that command; nothing is ever reset by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from streamwatchd.daemon.inspection import Accept, Finding, Inspection, in_words, unjournalled, unreplayable
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.put_back import has_worked, put_back
from streamwatchd.daemon.replays import Replays
from streamwatchd.daemon.topic_book import TopicBook, TopicWatch, every_partition
from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.move import Order

__all__ = ["Accept", "Fit"]


class Fit:
    """What is found at one start. Each question may raise Unavailable."""

    def __init__(
        self, kafka: Kafka, settings: Settings, topics: Iterable[str], book: TopicBook, replays: Replays, log: Log
    ) -> None:
        self._kafka, self._settings, self._book, self._log = kafka, settings, book, log
        inspection = Inspection(kafka, settings.app, topics, book.read())
        self._now = inspection.now
        self._findings = inspection.findings()
        if inspection.is_blank and has_worked(kafka, settings):
            self._findings.append(self._all_lost())
        if not any(each.lost for each in self._findings):
            self._look_behind(replays, inspection)

    def _look_behind(self, replays: Replays, inspection: Inspection) -> None:
        """Whether the state can be brought to the committed offsets, which are all ours."""
        known = {partition for each in self._findings for partition in each.gone}
        lacks, state_dir = replays.lacks(inspection.committed), self._settings.state_dir
        if lacks.unjournalled:
            journal = self._settings.topics.journal
            self._findings.append(unjournalled(lacks.unjournalled, journal, state_dir))
        gaps = {each: gap for each, gap in lacks.gaps.items() if each not in known}
        if gaps:
            self._findings.append(unreplayable(gaps, state_dir))

    def _all_lost(self) -> Finding:
        settings = self._settings
        return Finding(
            Accept.OFFSETS,
            f"group {settings.app} has no committed offsets, yet topic {settings.topics.journal} shows that it has "
            "worked before: they were deleted or have expired (or, to begin anew, take another `app`)",
            lost=frozenset(every_partition(self._now)),
        )

    def demand(self, accepted: Collection[Accept], command: Callable[[str], str]) -> None:
        """Raises StateMismatch unless all that was found is accepted."""
        if any(each.accept not in accepted for each in self._findings):
            reason = in_words(self._findings, command)
            self._log.error("start_refused", reason=reason)
            raise StateMismatch(reason)

    def count(self, metrics: Metrics) -> None:
        """For the self-alerts, which a start tells that is refused, and one that accepts what was found."""
        for each in self._findings:
            for partition in each.gone:
                labels = (("partition", str(partition.partition)), ("topic", partition.topic))
                metrics.add("offset_gaps_total", 1, labels)
            for topic in each.counts:
                metrics.put("partitions_changed", 1, (("topic", topic),))
            if each.remade:
                metrics.add("topic_id_changes_total", 1, (("topic", each.remade),))

    def put_back(self) -> bool:
        """Offsets that were lost are in Kafka again."""
        lost: set[Partition] = set()
        for each in self._findings:
            lost |= each.lost
        for partition, position in put_back(self._kafka, self._settings, lost).items() if lost else ():
            self._log.info("offset_put_back", partition=str(partition), offset=position.offset)
        return True

    @property
    def moves(self) -> bool:
        """Some partition is to go on elsewhere or without some records, which the state must know of."""
        return any(each.starts or each.gone or each.anew for each in self._findings)

    @property
    def more_partitions(self) -> dict[str, int]:
        """Topics that have got more partitions, and how many they have now."""
        return {topic: self._now[topic].partitions for each in self._findings for topic in each.counts}

    def order(self, order: Order) -> Order:
        """The same with what was found and accepted."""
        for each in self._findings:
            order = replace(
                order,
                starts={**order.starts, **each.starts},
                gone={**order.gone, **each.gone},
                counts={**order.counts, **each.counts},
                anew={**order.anew, **each.anew},
            )
        return order

    def settled(self) -> None:
        """All that was found is in force; raises Unavailable where the disk does not take that down."""
        self._book.write(self._now)
        for each in self._findings:
            starts = {str(partition): at for partition, at in each.starts.items()}
            where = {"goes_on_at": starts} if starts else {}  # offsets that were put back are told by themselves
            self._log.warning("accepted", what=each.accept, reason=each.text, **where)
        if not self._findings:
            self._log.info("nothing_to_accept", reason="topics and offsets are as they should be")

    def watch(self, refuse: Callable[[str], None], metrics: Metrics) -> TopicWatch:
        return TopicWatch(self._settings.app, self._book, self._now, refuse, metrics)
