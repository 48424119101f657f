"""Sealed epochs and how they are made to count."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from streamwatchd.errors import Fenced, StateMismatch, Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_kafka import Delayed, Doubled, FakeKafka
from streamwatchd.ports.kafka import Committed, Partition
from streamwatchd.settings import Topics
from streamwatchd.shard.epoch import (
    OpenEpoch,
    PlainCommitter,
    Sealed,
    TransactionalCommitter,
    iso,
    records_of,
)
from streamwatchd.shard.journal import EpochRecord, Range
from streamwatchd.shard.output import ExchangeRecord, Letters, Output, Sink, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.stamp import stamp_of

TOPICS = Topics()
JOURNAL = Partition(TOPICS.journal, 0)
IN = Partition("in", 0)
MOST = 1_000_000
OWNER = Owner("streamwatchd", 0, 1, 0)


def sealed(epoch: int, tenure: str = "") -> Sealed:
    record = EpochRecord(OWNER, epoch, 0, {TaskId(1, "in", 0): Range(0, epoch)}, (), (), 0, "c", "0", {})
    return Sealed(
        record=record,
        outputs=(
            Output(Sink.ALERTS, b"k", {"epoch": epoch}),
            Output(Sink.LATE, None, b"raw", (("topic", "in"), ("offset", "7"))),
            Output(Sink.ENRICHED, None, {"a": 1}),
        ),
        exchanged=(ExchangeRecord(2, 1, b"partial"),),
        positions={IN: Committed(epoch, str(stamp_of(OWNER, epoch, tenure=tenure)))},
        emitted_at_ms=1_767_571_200_123,
    )


class Setting:
    def __init__(self) -> None:
        self.clock = ManualClock()
        names = [TOPICS.alerts, TOPICS.late, TOPICS.journal, "in"]
        self.kafka = FakeKafka(dict.fromkeys(names, 1) | {f"{TOPICS.exchange}.2": 2}, clock=self.clock)
        self.notes: list[str] = []
        self.counts: list[str] = []
        self.committer = self.open()

    def open(self) -> TransactionalCommitter:
        writer = self.kafka.writer(OWNER.transactional_id)
        return TransactionalCommitter(
            self.kafka, writer, OWNER, TOPICS, JOURNAL, self.clock, self.notes.append, MOST, self.counts.append
        )

    def epochs(self) -> list[int]:
        return [msgspec.json.decode(record.value or b"")["epoch"] for record in self.kafka.records(TOPICS.alerts)]


def test_what_goes_into_a_transaction() -> None:
    """Outputs with `emitted_at`, payloads as they were, exchange records to their partition, and the journal record."""
    records = list(records_of(sealed(1), TOPICS, JOURNAL, shard=0, most_bytes=MOST))
    alert, late, exchanged, journalled = records
    assert msgspec.json.decode(alert.value or b"") == {"epoch": 1, "emitted_at": "2026-01-05T00:00:00.123Z"}
    assert alert.key == b"k"
    assert (late.value, late.headers) == (b"raw", (("topic", "in"), ("offset", "7")))
    assert (exchanged.topic, exchanged.partition, exchanged.value) == (f"{TOPICS.exchange}.2", 1, b"partial")
    assert (journalled.topic, journalled.key) == (TOPICS.journal, b"0")
    assert EpochRecord.decode(journalled.value or b"") == sealed(1).record


def test_enriched_events_go_out_where_a_topic_is_set() -> None:
    """Without one they go nowhere."""
    topics = replace(TOPICS, enriched="enriched")
    assert [record.topic for record in records_of(sealed(1), topics, JOURNAL, 0, MOST)][2] == "enriched"


def test_letters_go_out_in_their_order_whatever_lies_between() -> None:
    """One that is too large is cut; its neighbours, and one without a payload, are as they were."""
    where = (("offset", "7"),)
    payloads = [b"a", None, bytes(2 * MOST), b"b"]
    letters = [Output(Sink.DEAD_LETTERS, b"k", payload, where, 5) for payload in payloads]
    late = Output(Sink.LATE, None, b"late", where)
    outputs = (letters[0], late, *letters[1:], late)
    records = [*records_of(replace(sealed(1), outputs=outputs, exchanged=()), TOPICS, JOURNAL, 0, MOST)][:-1]
    assert [record.topic for record in records if record.value == b"late"] == [TOPICS.late] * 2
    found = [record for record in records if record.topic == TOPICS.dead_letters]
    assert [record.value for record in found if len(record.value or b"") < MOST // 2] == [b"a", None, b"b"]
    assert found[2].headers == (*where, ("length", b"2000000"))
    assert {(record.key, record.headers) for record in found} == {(b"k", where), (b"k", found[2].headers)}
    assert [record.source_partition for record in found] == [5] * 4


def test_packed_letters_go_out_like_others() -> None:
    """With their own offsets and reasons, in their order, to one partition each batch; nowhere without a topic."""
    place = (("source", "m"), ("topic", "in"), ("partition", "5"))
    small = Letters(place, 5, [b"k", None], [b"a", None], [7, 9], ["bad_json", "empty"])
    large = Letters(place, 6, [None], [bytes(2 * MOST)], [8], ["too_large"])
    whole = replace(sealed(1), outputs=(), exchanged=(), letters=(small, large))
    first, second, cut, journalled = records_of(whole, TOPICS, JOURNAL, 0, MOST)
    assert (first.topic, first.key, first.value, first.source_partition) == (TOPICS.dead_letters, b"k", b"a", 5)
    assert first.headers == (*place, ("offset", "7"), ("reason", "bad_json"))
    assert (second.key, second.value, second.headers[-2:]) == (None, None, (("offset", "9"), ("reason", "empty")))
    assert (cut.source_partition, cut.headers[-1]) == (6, ("length", b"2000000"))
    assert len(cut.value or b"") < MOST
    assert journalled.topic == TOPICS.journal
    assert len([*records_of(whole, replace(TOPICS, dead_letters=""), JOURNAL, 0, MOST)]) == 1
    singly = replace(whole, letters=(), outputs=(*small.outputs(), *large.outputs()))
    assert [*records_of(singly, TOPICS, JOURNAL, 0, MOST)] == [*records_of(whole, TOPICS, JOURNAL, 0, MOST)]


def test_an_epoch_with_a_few_letters_is_not_urgent() -> None:
    """They count all the same: many of them, or large ones, are."""
    place = (("source", "m"), ("topic", "in"), ("partition", "0"))
    epoch = OpenEpoch(1, 0, {}, {}, 0.0)
    assert epoch.is_empty
    epoch.take([], [], [Letters(place, 0, [None] * 2, [b"abc", None], [1, 2], ["bad_json", "empty"])])
    assert (epoch.is_empty, epoch.has_outputs, epoch.is_urgent, epoch.size, epoch.bytes) == (False, True, False, 2, 3)
    many = 10_000
    epoch.take([], [], [Letters(place, 0, [None] * many, [b""] * many, range(many), ["empty"] * many)])
    assert (epoch.is_urgent, epoch.size) == (True, many + 2)
    large = OpenEpoch(1, 0, {}, {}, 0.0)
    large.take([], [], [Letters(place, 0, [None], [bytes(9_000_000)], [1], ["too_large"])])
    assert large.is_urgent


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "1970-01-01T00:00:00.000Z"), (1_767_571_200_007, "2026-01-05T00:00:00.007Z")]
)
def test_times_are_iso_with_milliseconds(ms: int, text: str) -> None:
    """As in every document that leaves."""
    assert iso(ms) == text


def test_a_commit_counts_once() -> None:
    """Outputs, offsets and journal together."""
    setting = Setting()
    for epoch in (1, 2, 3):
        setting.committer.commit(sealed(epoch))
    assert setting.epochs() == [1, 2, 3]
    assert setting.counts == []
    assert setting.kafka.admin().committed("streamwatchd", [IN])[IN] == Committed(3, "e=3;s=0/1;g=0")


@pytest.mark.parametrize("point", ["begin", "send", "send.done", "send_offsets", "commit", "commit.done", "rebuild"])
@pytest.mark.parametrize("times", [1, 3])
def test_any_failure_is_settled(point: str, times: int) -> None:
    """Lost requests and lost answers, once or several times in a row."""
    setting = Setting()
    setting.committer.commit(sealed(1))
    setting.kafka.faults.at(1, lambda: Unavailable("lost"), point="kafka.commit")
    for n in range(times):
        setting.kafka.faults.at(1 + n, lambda: Unavailable("lost"), point=f"kafka.{point}")
    setting.committer.commit(sealed(2))
    setting.committer.commit(sealed(3))
    assert setting.epochs() == [1, 2, 3]
    assert setting.notes
    assert setting.counts.count("producer_rebuilds_total") >= 1
    assert setting.counts.count("commits_unknown_total") >= 1


def test_an_abort_is_no_doubt() -> None:
    """Of a transaction that was given up before its end was asked for, it is known that it does not count."""
    setting = Setting()
    setting.kafka.faults.at(1, lambda: Unavailable("lost"), point="kafka.send_offsets")
    setting.committer.commit(sealed(1))
    assert setting.epochs() == [1]
    assert setting.counts == ["producer_rebuilds_total"]


@pytest.mark.parametrize("sign", [Delayed, Doubled])
def test_a_late_end_of_a_transaction_ends_no_other(sign: type[Unavailable]) -> None:
    """The first copy of EndTxn arrives in the middle of the next transaction: a new producer has fenced it off."""
    setting = Setting()
    point = "kafka.commit" if sign is Delayed else "kafka.commit.done"
    setting.kafka.faults.at(1, lambda: sign("late"), point=point)
    setting.kafka.faults.at(2, setting.kafka.deliver, point="kafka.send_offsets")  # type: ignore[arg-type]
    setting.committer.commit(sealed(1))
    setting.kafka.faults.at(2, lambda: Unavailable("lost"), point="kafka.send_offsets")
    setting.committer.commit(sealed(2))
    setting.committer.commit(sealed(3))
    assert setting.epochs() == [1, 2, 3]


def test_a_fenced_committer_says_so() -> None:
    """Another owner is at work: nothing is tried again."""
    setting = Setting()
    setting.open()
    with pytest.raises(Fenced):
        setting.committer.commit(sealed(1))


def test_foreign_offsets_stop_it() -> None:
    """In doubt, offsets of neither this epoch nor the one before mean that somebody else wrote them."""
    setting = Setting()
    setting.committer.commit(sealed(1))
    setting.kafka.faults.at(1, lambda: Unavailable("lost"), point="kafka.commit")
    setting.kafka.admin().commit("streamwatchd", {IN: Committed(9, "e=9;s=0/1;g=0")})
    with pytest.raises(StateMismatch, match="epoch 9 is committed"):
        setting.committer.commit(sealed(2))


@pytest.mark.parametrize("point", ["kafka.flush", "kafka.admin_commit"])
def test_plain_commits_are_tried_again(point: str) -> None:
    """At least once: perhaps twice, never not at all."""
    setting = Setting()
    plain = PlainCommitter(setting.kafka, "streamwatchd", TOPICS, JOURNAL, 0, setting.clock, setting.notes.append, MOST)
    setting.kafka.faults.at(1, lambda: Unavailable("lost"), point=point)
    plain.commit(sealed(1))
    assert set(setting.epochs()) == {1}
    assert setting.kafka.admin().committed("streamwatchd", [IN])[IN] == Committed(1, "e=1;s=0/1;g=0")
