"""Whether topics and committed offsets are as we left them: what is not, in words and in what would mend it.

finding     what happened                                             settled by `--accept`
offsets     offsets deleted, expired, or set by hand                  put back as the journal has them
gap         records gone unread: retention, a topic made anew, a log  go on with the first record that is there
            cut short; or gone, as epochs of the journal may
            be, that a lost state folder needs again
partitions  a topic has more partitions than before                   take them in from their first record
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from streamwatchd.daemon.replays import Gap, Unjournalled
from streamwatchd.daemon.topic_book import every_partition, is_remade
from streamwatchd.errors import StateMismatch
from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Committed, Kafka, Partition, TopicFacts
from streamwatchd.shard.assignor import owner
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.rebuild import Anew
from streamwatchd.shard.stamp import Positions, stamps

NOTHING_BELOW = 2**62
"""As an offset below which all is given up: everything."""
_MOST_NAMED = 5
_BEHIND = "the state folder {} was lost or is behind the committed offsets"
_OTHER_APP = "; or `app` was another one so far: a new one takes a new `state_dir` too"
_LOST = (
    "What is there is replayed, muted; windows, levels and timers that need the rest begin anew, so windows that are "
    "open may lack records, and an alarm that is up may fire again or never resolve. A savepoint that leads to the "
    "committed offsets loses nothing: `--restore`"
)


class Accept(StrEnum):
    OFFSETS = "offsets"
    GAP = "gap"
    PARTITIONS = "partitions"


WAYS = {
    Accept.OFFSETS: "to put them back as the journal topic has them",
    Accept.GAP: "to go on with the first record that is there, without what is gone",
    Accept.PARTITIONS: "to take the new ones in from their first record",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`starts`, `gone`, `counts` and `anew` are what a move has to know of it (`shard.move.Order`); `lost`: partitions
    whose offsets are to be put back first; `remade`: the topic, where it is another one. Without `accept` only the
    operator's own hands help."""

    accept: Accept | None
    text: str
    starts: Mapping[Partition, int] = field(default_factory=dict)
    gone: Mapping[Partition, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    lost: frozenset[Partition] = frozenset()
    anew: Mapping[Owner, Anew] = field(default_factory=dict)
    remade: str = ""


class Inspection:
    """Of `topics`, whose offsets group `app` keeps; `book` is what was known of them, nothing on a new state folder."""

    def __init__(self, kafka: Kafka, app: str, topics: Iterable[str], book: Mapping[str, TopicFacts]) -> None:
        """Raises Unavailable."""
        admin = kafka.admin()
        try:
            self.now = admin.describe(topics)
            partitions = list(every_partition(self.now))
            # Another daemon may be at work: asked in this order, what it reads and commits meanwhile lies in between.
            self._first = admin.beginning_offsets(partitions)
            self._committed = admin.committed(app, partitions)
            self._end = admin.end_offsets(partitions)
        finally:
            admin.close()
        self._app, self._book = app, book

    @property
    def committed(self) -> Positions:
        return self._committed

    @property
    def is_blank(self) -> bool:
        """Nothing is committed, and nothing is known: a first start, or both were lost."""
        return not self._book and not any(self._committed.values())

    def findings(self) -> list[Finding]:
        found = [*self._of_topics(), *self._of_offsets(), *self._of_records()]
        return [each for each in found if each is not None]

    def _of_topics(self) -> Iterable[Finding | None]:
        for topic, now in self.now.items():
            known = self._book.get(topic) or TopicFacts(now.id, self._partitions_worked_on(topic))
            if is_remade(known, now):
                yield self._remade(topic, known, now)
            elif new := self._new_ones(topic, known):
                before = now.partitions - len(new)
                yield Finding(
                    Accept.PARTITIONS,
                    f"topic {topic} has {now.partitions} partitions, it had {before}: keys may lie in other "
                    "partitions now. Once producers have had the time to hear of them (`partitions_settle`, 5m unless "
                    "set otherwise, from the acceptance on), alarms that are judged by partition resolve with the "
                    "reason partitions_changed and begin anew. Until then one of a key that has moved may stay up, and "
                    "nobody is called silent by them (`no_data`). What was counted of such a key stays where it was, "
                    "so windows of it begin anew where it is now",
                    starts=new,
                    counts={topic: before},
                )

    def _partitions_worked_on(self, topic: str) -> int:
        """How many there were, without a book: a shard commits positions of all that it owns, so one that is not among
        those that its shard has committed was not there. Nobody knows of a topic without any."""
        every = list(self._of(topic))
        ours = stamps({each: self._committed[each] for each in self._committed if self._is_ours(each)})
        layout = next((stamp.layout for stamp in ours.values()), None)
        if layout is None or not any(each in ours for each in every):
            return len(every)
        at_work = {stamp.shard for stamp in ours.values()}
        count = len(every)
        while count and every[count - 1] not in ours and owner(topic, count - 1, layout.shards) in at_work:
            count -= 1
        return count

    def _new_ones(self, topic: str, known: TopicFacts) -> dict[Partition, int]:
        """Where partitions begin that were not there; those that another host has taken in since are known to all."""
        more = [each for each in self._of(topic) if each.partition >= known.partitions]
        return {each: self._first[each] for each in more if not self._is_ours(each)}

    def _remade(self, topic: str, known: TopicFacts, now: TopicFacts) -> Finding:
        if now.partitions < known.partitions:
            return Finding(
                None,
                f"topic {topic} was deleted and made anew with {now.partitions} partitions, it had {known.partitions}: "
                "make it with as many again",
                remade=topic,
            )
        old = {each for each in self._of(topic) if each.partition < known.partitions}
        return Finding(
            Accept.GAP,
            f"topic {topic} was deleted and made anew: the offsets committed for it mean nothing in the new one",
            starts={each: self._first[each] for each in self._of(topic)},
            gone=dict.fromkeys(old, NOTHING_BELOW),
            counts={topic: known.partitions} if now.partitions > known.partitions else {},
            lost=frozenset(each for each in old if not self._is_ours(each)),
            remade=topic,
        )

    def _of_offsets(self) -> Iterable[Finding | None]:
        lost = {each: position for each, position in self._old() if not self._is_ours(each)}
        if lost:
            yield Finding(
                Accept.OFFSETS,
                f"the offsets of group {self._app} for {_names(lost)} "
                + ("were set by hand or by another program" if any(lost.values()) else "were deleted or have expired")
                + ("" if any(self._committed.values()) else _OTHER_APP),
                lost=frozenset(lost),
            )

    def _of_records(self) -> Iterable[Finding | None]:
        for each, position in self._old():
            if position is None or not self._is_ours(each):
                continue
            first, end, at = self._first[each], self._end[each], position.offset
            if at < first:
                yield Finding(
                    Accept.GAP,
                    f"{each} begins at offset {first}, the next to be read was {at}: {first - at} record(s) "
                    "have passed the topic's retention unread",
                    starts={each: first},
                    gone={each: first},
                )
            elif at > end:
                yield Finding(
                    Accept.GAP,
                    f"{each} ends at offset {end}, the next to be read was {at}: its log was cut short",
                    starts={each: end},
                    gone={each: NOTHING_BELOW},
                )

    def _old(self) -> Iterable[tuple[Partition, Committed | None]]:
        """Partitions that had an offset of ours: those of the incarnation we know, without new ones."""
        for topic, now in self.now.items():
            known = self._book.get(topic)
            if known is not None and is_remade(known, now):
                continue
            for each in self._of(topic):
                if self._committed[each] is not None or (known is not None and each.partition < known.partitions):
                    yield each, self._committed[each]

    def _is_ours(self, partition: Partition) -> bool:
        position = self._committed[partition]
        if position is None:
            return False
        try:
            return bool(stamps({partition: position}))
        except StateMismatch:
            return False

    def _of(self, topic: str) -> Iterable[Partition]:
        return every_partition(self.now, (topic,))


def unreplayable(gaps: Mapping[Partition, Gap], state_dir: Path) -> Finding:
    """What a replay would need is gone (`replays.Replays.lacks`)."""
    shards = ", ".join(map(str, sorted(frozenset[int]().union(*(each.shards for each in gaps.values())))))
    gone = (
        f"{partition} begins at offset {each.first}, the replay at {each.start}: {each.first - each.start} record(s)"
        for partition, each in sorted(gaps.items())
    )
    return Finding(
        Accept.GAP,
        f"{_BEHIND.format(state_dir)}, and not all that would rebuild the state of shard(s) {shards} is retained: "
        f"{_listed(list(gone))} have passed retention. {_LOST}",
        gone={partition: each.first for partition, each in gaps.items()},
    )


def unjournalled(found: Mapping[Owner, Unjournalled], topic: str, state_dir: Path) -> Finding:
    """The journal does not lead to the committed offsets (`replays.Replays.lacks`)."""
    has = (
        f"shard {owner.shard} "
        + (
            f"epochs {each.anew.epoch + 1} to {each.epoch}, from {iso(each.since_ms)} on"
            if each.since_ms is not None
            else f"none of {each.epoch} epochs (events that were late may be counted once more then)"
        )
        for owner, each in sorted(found.items())
    )
    return Finding(
        Accept.GAP,
        f"{_BEHIND.format(state_dir)}, and topic {topic} does not retain all epochs that would rebuild its state. It "
        f"has of {_listed(list(has))}. {_LOST}",
        anew={owner: each.anew for owner, each in found.items()},
    )


def _names(partitions: Iterable[Partition]) -> str:
    return _listed(list(map(str, sorted(partitions))))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def in_words(findings: Iterable[Finding], command: Callable[[str], str]) -> str:
    """What is wrong, and the command that settles it all; `command` makes it of the words behind the program's name."""
    findings = list(findings)
    kinds = [kind for kind in Accept if any(each.accept is kind for each in findings)]
    lines = [each.text for each in findings]
    if kinds and all(each.accept is not None for each in findings):
        ways = ", and ".join(WAYS[kind] for kind in kinds)
        lines.append(f"{ways}: {command(' '.join(f'--accept {kind}' for kind in kinds))}, then start it again")
    return "\n".join(lines)
