"""The promises of `ports.kafka`, kept by the fake, by librdkafka on a real broker, and mostly by the embedded one."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import BadRecord, Fenced, StateMismatch, Unavailable
from streamwatchd.ports.embedded import EmbeddedBroker
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Committed, Kafka, NewTopic, Outcome, Partition, Reader, Record, Writer, split
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.murmur2 import partition_of

PATIENCE_SECONDS = 30.0
REAL = pytest.param("real", marks=pytest.mark.kafka)
everywhere = pytest.mark.parametrize("cluster", ["fake", "embedded", REAL], indirect=True)
transactional = pytest.mark.parametrize("cluster", ["fake", REAL], indirect=True)


@pytest.fixture(scope="module")
def embedded() -> Iterator[Kafka]:
    with EmbeddedBroker() as broker:
        yield broker.kafka()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Kafka:
    match request.param:
        case "fake":
            return FakeKafka()
        case "embedded":
            found: Kafka = request.getfixturevalue("embedded")
            return found
        case _:
            return Librdkafka({"bootstrap.servers": request.getfixturevalue("kafka")}, patience_s=2.0)


@pytest.fixture
def topic(cluster: Kafka) -> str:
    name = f"t-{uuid.uuid4().hex[:12]}"
    cluster.admin().ensure_topics([NewTopic(name, 4)])
    return name


def collect(reader: Reader, count: int, size: int = 1000) -> list[RawBatch]:
    """Batches until `count` records are there."""
    batches: list[RawBatch] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sum(map(len, batches)) < count:
        assert time.monotonic() < deadline, batches
        batches += reader.take(size, 0.2).batches
    return batches


def read_to_end(reader: Reader) -> list[RawBatch]:
    """Batches until every partition stands at its end."""
    batches: list[RawBatch] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        taken = reader.take(1000, 0.2)
        batches += taken.batches
        if not taken.batches and taken.at_end == set(reader.positions()):
            return batches
        assert time.monotonic() < deadline, (batches, taken.at_end)


def values(batches: list[RawBatch]) -> list[bytes | None]:
    return list(itertools.chain.from_iterable(batch.payloads for batch in batches))


def write(cluster: Kafka, *records: Record) -> None:
    writer = cluster.plain_writer()
    writer.send(records)
    writer.flush(PATIENCE_SECONDS)


def commit(cluster: Kafka, *records: Record) -> None:
    writer = cluster.writer(f"w-{uuid.uuid4().hex}")
    writer.begin()
    writer.send(records)
    assert writer.commit(PATIENCE_SECONDS) is Outcome.COMMITTED
    await_markers(cluster, {Partition(each.topic, each.partition) for each in records if each.partition is not None})


def await_markers(cluster: Kafka, partitions: set[Partition]) -> None:
    """A broker says that a transaction is committed before its markers are in the log, and readers see it after."""
    admin = cluster.admin()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while admin.end_offsets(partitions, read_committed=True) != admin.end_offsets(partitions):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    admin.close()


def visible(cluster: Kafka, partition: Partition, *, read_committed: bool = True) -> list[bytes | None]:
    reader = cluster.reader(read_committed=read_committed)
    reader.assign({partition: 0})
    found = values(read_to_end(reader))
    reader.close()
    return found


@everywhere
def test_records_come_back_as_they_were_written(cluster: Kafka, topic: str) -> None:
    """Order, offsets, keys, times, null and empty values survive."""
    written = [(b"k", b"one"), (None, b""), (b"", None), (b"k", b"two\n")]
    write(cluster, *(Record(topic, v, k, 1, timestamp_ms=1000 + i) for i, (k, v) in enumerate(written)))
    reader = cluster.reader()
    reader.assign({Partition(topic, 1): 0})
    batches = collect(reader, 4)
    assert [(b.topic, b.partition) for b in batches] == [(topic, 1)] * len(batches)
    assert values(batches) == [value for _, value in written]
    assert [k for b in batches for k in b.keys or ()] == [key for key, _ in written]
    assert [o for b in batches for o in b.offsets] == [0, 1, 2, 3]
    assert [t for b in batches for t in b.timestamps] == [1000, 1001, 1002, 1003]


@everywhere
def test_records_of_one_partition_go_to_one_partition(cluster: Kafka, topic: str) -> None:
    """That of the same number, whatever their keys, or where the topic has fewer, of the number modulo as many."""
    for send in (write, commit):
        send(cluster, *(Record(topic, b"%d" % n, b"k%d" % n, source_partition=n % 6) for n in range(12)))
    await_markers(cluster, {Partition(topic, number) for number in range(4)})
    for number, sources in enumerate(({0, 4}, {1, 5}, {2}, {3})):
        once = [b"%d" % n for n in range(12) if n % 6 in sources]
        assert visible(cluster, Partition(topic, number)) == once * 2


@everywhere
def test_each_take_gives_one_batch_per_partition_however_records_are_mixed(cluster: Kafka, topic: str) -> None:
    """Two topics with equal partition numbers are kept apart, and small takes lose and repeat nothing."""
    other = f"{topic}-other"
    cluster.admin().ensure_topics([NewTopic(other, 4)])
    names = list(itertools.product([topic, other], range(3)))
    for round_ in range(5):
        write(cluster, *(Record(name, b"%d" % round_, partition=number) for name, number in names))
    reader = cluster.reader()
    reader.assign({Partition(name, number): 0 for name, number in names})
    found: dict[tuple[str, int], list[bytes | None]] = {}
    for _ in range(1000):
        taken = reader.take(7, 0.05)
        homes = [(batch.topic, batch.partition) for batch in taken.batches]
        assert len(homes) == len(set(homes))
        assert len(taken) <= 7
        for batch in taken.batches:
            found.setdefault((batch.topic, batch.partition), []).extend(batch.payloads)
        if sum(map(len, found.values())) == 30:
            break
    assert found == {home: [b"%d" % round_ for round_ in range(5)] for home in names}


@everywhere
def test_the_end_lies_behind_control_markers(cluster: Kafka, topic: str) -> None:
    """A transaction's marker takes an offset: the reached end is the broker's end, not the last record."""
    commit(cluster, Record(topic, b"a", partition=0))
    reader = cluster.reader()
    reader.assign({Partition(topic, 0): 0})
    assert values(read_to_end(reader)) == [b"a"]
    assert reader.positions() == {Partition(topic, 0): 2}
    assert cluster.admin().end_offsets([Partition(topic, 0)]) == {Partition(topic, 0): 2}


@everywhere
def test_a_new_record_ends_the_end(cluster: Kafka, topic: str) -> None:
    """A partition at its end is no longer there once a record came, until the end is reached anew."""
    reader = cluster.reader()
    reader.assign({Partition(topic, 0): 0, Partition(topic, 1): 0})
    read_to_end(reader)
    write(cluster, Record(topic, b"a", partition=0))
    assert values(collect(reader, 1)) == [b"a"]
    read_to_end(reader)
    assert reader.positions() == {Partition(topic, 0): 1, Partition(topic, 1): 0}


@transactional
def test_aborted_records_are_seen_only_uncommitted(cluster: Kafka, topic: str) -> None:
    """read_committed hides what was aborted; its offsets stay used."""
    writer = cluster.writer(topic)
    writer.begin()
    writer.send([Record(topic, b"bad", partition=0)])
    # An abort purges what was not sent yet: let it reach the log, so that there is something to hide.
    partition = Partition(topic, 0)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while cluster.admin().end_offsets([partition])[partition] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert writer.abort(PATIENCE_SECONDS) is Outcome.ABORTED
    commit(cluster, Record(topic, b"good", partition=0))
    assert visible(cluster, partition) == [b"good"]
    assert visible(cluster, partition, read_committed=False) == [b"bad", b"good"]


@transactional
def test_an_open_transaction_holds_the_last_stable_offset(cluster: Kafka, topic: str) -> None:
    """Records behind it wait, even plain ones; the reader stands at its end meanwhile."""
    partition = Partition(topic, 0)
    writer = cluster.writer(topic)
    writer.begin()
    writer.send([Record(topic, b"open", partition=0)])
    reader = cluster.reader(read_committed=False)
    reader.assign({partition: 0})
    collect(reader, 1)
    write(cluster, Record(topic, b"plain", partition=0))
    assert visible(cluster, partition) == []
    assert visible(cluster, partition, read_committed=False) == [b"open", b"plain"]
    admin = cluster.admin()
    assert admin.end_offsets([partition], read_committed=True) == {partition: 0}
    assert admin.end_offsets([partition]) == {partition: 2}
    assert writer.commit(PATIENCE_SECONDS) is Outcome.COMMITTED
    late = cluster.reader()
    late.assign({partition: 0})
    assert values(collect(late, 2)) == [b"open", b"plain"]


@everywhere
def test_positions_travel_with_the_transaction(cluster: Kafka, topic: str) -> None:
    """Committed offsets carry their text; an aborted transaction leaves them as they were."""
    first, second = Partition(topic, 0), Partition(topic, 1)
    writer = cluster.writer(topic)
    writer.begin()
    writer.send([Record(topic, b"x", partition=2)])
    writer.send_offsets(topic, {first: Committed(7, "e=1;h=ä"), second: Committed(0, "e=1")})
    assert writer.commit(PATIENCE_SECONDS) is Outcome.COMMITTED
    writer.begin()
    writer.send([Record(topic, b"y", partition=2)])
    writer.send_offsets(topic, {first: Committed(9, "e=2")})
    assert writer.abort(PATIENCE_SECONDS) is Outcome.ABORTED
    third = Partition(topic, 3)
    found = cluster.admin().committed(topic, [first, second, third])
    assert found == {first: Committed(7, "e=1;h=ä"), second: Committed(0, "e=1"), third: None}


@transactional
def test_undecided_positions_are_not_given(cluster: Kafka, topic: str) -> None:
    """Whoever asks while a transaction on them is open waits, and is told so in the end; or hears what stands yet."""
    partition = Partition(topic, 0)
    writer = cluster.writer(topic)
    writer.begin()
    writer.send([Record(topic, b"x", partition=0)])
    writer.send_offsets(topic, {partition: Committed(1)})
    admin = cluster.admin()
    with pytest.raises(Unavailable):
        admin.committed(topic, [partition])
    with pytest.raises(Unavailable):
        admin.committed(topic, [partition], patience_s=0.2)
    assert admin.committed(topic, [partition], stable=False) == {partition: None}
    writer.commit(PATIENCE_SECONDS)
    assert admin.committed(topic, [partition]) == {partition: Committed(1)}


@everywhere
def test_an_operator_sets_positions(cluster: Kafka, topic: str) -> None:
    """Outside of transactions, for a group without members."""
    partition = Partition(topic, 0)
    admin = cluster.admin()
    assert admin.committed(topic, [partition]) == {partition: None}
    admin.commit(topic, {partition: Committed(3, "by hand")})
    assert admin.committed(topic, [partition]) == {partition: Committed(3, "by hand")}


@transactional
def test_a_new_writer_fences_the_old_one_and_aborts_what_it_left_open(cluster: Kafka, topic: str) -> None:
    """The zombie hears Fenced at its next step that reaches the broker, and nothing of it is seen."""
    partition = Partition(topic, 0)
    zombie = cluster.writer(topic)
    zombie.begin()
    zombie.send([Record(topic, b"zombie", partition=0)])
    zombie.send_offsets(topic, {partition: Committed(5)})
    owner = cluster.writer(topic)
    with pytest.raises(Fenced):
        zombie.commit(PATIENCE_SECONDS)
    owner.begin()
    owner.send([Record(topic, b"owner", partition=0)])
    assert owner.commit(PATIENCE_SECONDS) is Outcome.COMMITTED
    assert visible(cluster, partition) == [b"owner"]
    assert cluster.admin().committed(topic, [partition]) == {partition: None}


@transactional
def test_a_fence_ends_what_a_dead_writer_left_open(cluster: Kafka, topic: str) -> None:
    """Readers go on at once, and the next writer of the id opens it as ever."""
    partition = Partition(topic, 0)
    dead = cluster.writer(topic)
    dead.begin()
    dead.send([Record(topic, b"dead", partition=0)])
    dead.send_offsets(topic, {partition: Committed(5)})
    commit(cluster, Record(topic, b"other", partition=1))
    cluster.fence(topic)
    await_markers(cluster, {partition})
    assert visible(cluster, partition) == []
    with pytest.raises(Fenced):
        dead.commit(PATIENCE_SECONDS)
    next_one = cluster.writer(topic)
    next_one.begin()
    next_one.send([Record(topic, b"next", partition=0)])
    assert next_one.commit(PATIENCE_SECONDS) is Outcome.COMMITTED


@transactional
def test_a_zombie_between_transactions_is_fenced(cluster: Kafka, topic: str) -> None:
    """Fencing reaches a writer that had nothing open."""
    zombie = cluster.writer(topic)
    cluster.writer(topic)
    zombie.begin()
    with pytest.raises(Fenced):
        _send_and_commit(zombie, Record(topic, b"zombie", partition=0))


def _send_and_commit(writer: Writer, record: Record) -> None:
    writer.send([record])
    writer.commit(PATIENCE_SECONDS)


@everywhere
def test_after_an_abort_the_writer_is_rebuilt(cluster: Kafka, topic: str) -> None:
    """A doubtful writer begins nothing; a rebuilt one does."""
    writer = cluster.writer(topic)
    writer.begin()
    writer.send([Record(topic, b"x", partition=0)])
    assert writer.abort(PATIENCE_SECONDS) is Outcome.ABORTED
    assert writer.doubtful
    with pytest.raises(RuntimeError):
        writer.begin()
    writer.rebuild()
    assert not writer.doubtful
    writer.begin()
    writer.send([Record(topic, b"y", partition=1)])
    assert writer.commit(PATIENCE_SECONDS) is Outcome.COMMITTED
    assert visible(cluster, Partition(topic, 1)) == [b"y"]


@everywhere
def test_an_empty_transaction_commits(cluster: Kafka, topic: str) -> None:
    """Beginning and committing without a record is no error."""
    writer = cluster.writer(topic)
    writer.begin()
    assert writer.commit(PATIENCE_SECONDS) is Outcome.COMMITTED


@everywhere
def test_a_record_too_large_is_refused_alone(cluster: Kafka, topic: str) -> None:
    """BadRecord, and the transaction goes on."""
    writer = cluster.writer(topic)
    writer.begin()
    with pytest.raises(BadRecord, match="too_large"):
        writer.send([Record(topic, bytes(2_000_000), partition=0)])
    writer.send([Record(topic, b"small", partition=0)])
    assert writer.commit(PATIENCE_SECONDS) is Outcome.COMMITTED
    assert visible(cluster, Partition(topic, 0)) == [b"small"]


@everywhere
def test_keys_choose_partitions_as_java_does(cluster: Kafka, topic: str) -> None:
    """murmur2 of the key, so that equal keys of all producers meet."""
    keys = [b"cell-%d" % i for i in range(20)]
    write(cluster, *(Record(topic, b"x", key) for key in keys))
    reader = cluster.reader()
    reader.assign({Partition(topic, number): 0 for number in range(4)})
    found = {key: batch.partition for batch in collect(reader, 20) for key in batch.keys or ()}
    assert found == {key: partition_of(key, 4) for key in keys}


@everywhere
@pytest.mark.parametrize("beyond", [1, 1000])
def test_a_position_outside_of_the_log_is_a_mismatch(cluster: Kafka, topic: str, beyond: int) -> None:
    """Never a silent reset: the reader says so, again and again."""
    write(cluster, Record(topic, b"x", partition=0))
    reader = cluster.reader()
    reader.assign({Partition(topic, 0): 1 + beyond})
    with pytest.raises(StateMismatch):
        collect(reader, 1)
    with pytest.raises(StateMismatch):
        reader.take(10, 0.2)


@everywhere
def test_what_is_not_there_is_a_mismatch(cluster: Kafka, topic: str) -> None:
    """A topic or partition that does not exist is said at once, not waited for."""
    reader = cluster.reader()
    for absent in [Partition(f"{topic}-absent", 0), Partition(topic, 4)]:
        with pytest.raises(StateMismatch):
            reader.assign({absent: 0})
        with pytest.raises(StateMismatch):
            cluster.admin().end_offsets([absent])


@everywhere
def test_a_paused_partition_waits_and_loses_nothing(cluster: Kafka, topic: str) -> None:
    """Pausing holds back what was fetched already too; resuming goes on where it stood."""
    held, free = Partition(topic, 0), Partition(topic, 1)
    write(cluster, *(Record(topic, b"%d" % i, partition=number) for i in range(50) for number in (0, 1)))
    reader = cluster.reader()
    reader.assign({held: 0, free: 0})
    first = collect(reader, 10, size=10)
    reader.pause([held])
    paused = collect(reader, 50 - sum(len(b) for b in first if b.partition == 1))
    assert {batch.partition for batch in paused} <= {1}
    assert not reader.take(10, 0.2).batches
    reader.resume([held])
    rest = collect(reader, 50 - sum(len(b) for b in first if b.partition == 0))
    seen = [b for b in [*first, *paused, *rest] if b.partition == 0]
    assert values(seen) == [b"%d" % i for i in range(50)]


@everywhere
def test_assigning_again_keeps_no_pause(cluster: Kafka, topic: str) -> None:
    """What was held back before is read after a new assignment."""
    partition = Partition(topic, 0)
    write(cluster, *(Record(topic, b"%d" % i, partition=0) for i in range(5)))
    reader = cluster.reader()
    reader.assign({partition: 0})
    collect(reader, 5)
    reader.pause([partition])
    reader.assign({partition: 2})
    assert values(collect(reader, 3)) == [b"2", b"3", b"4"]


@everywhere
def test_assigning_again_reads_from_the_given_positions_only(cluster: Kafka, topic: str) -> None:
    """Replay: the same records again, none from before, none of the partition that was left."""
    write(cluster, *(Record(topic, b"%d" % i, partition=i % 2) for i in range(10)))
    reader = cluster.reader()
    reader.assign({Partition(topic, 0): 0, Partition(topic, 1): 0})
    collect(reader, 10)
    reader.assign({Partition(topic, 0): 2})
    again = collect(reader, 3)
    assert {b.partition for b in again} == {0}
    assert values(again) == [b"4", b"6", b"8"]
    assert reader.positions() == {Partition(topic, 0): 5}


@everywhere
def test_a_batch_is_cut_at_an_offset(cluster: Kafka, topic: str) -> None:
    """The cut falls between offsets, also where markers left gaps."""
    for value in (b"a", b"b", b"c"):
        commit(cluster, Record(topic, value, partition=0))
    reader = cluster.reader()
    reader.assign({Partition(topic, 0): 0})
    whole = collect(reader, 3)
    for to, below in [(0, 0), (1, 1), (2, 1), (3, 2), (99, 3)]:
        parts = [split(batch, to) for batch in whole]
        assert values([low for low, _ in parts]) == [b"a", b"b", b"c"][:below]
        assert values([high for _, high in parts]) == [b"a", b"b", b"c"][below:]
        assert all(offset < to for low, _ in parts for offset in low.offsets)


@everywhere
def test_topics_are_created_once_and_counted(cluster: Kafka, topic: str) -> None:
    """Ensuring again changes nothing; an absent topic has no count."""
    admin, other = cluster.admin(), f"{topic}-other"
    assert admin.ensure_topics([NewTopic(topic, 4)]) == []
    assert admin.ensure_topics([NewTopic(topic, 4), NewTopic(other, 4)]) == [other]
    assert admin.partitions_of([topic, f"{topic}-absent"]) == {topic: 4}
    assert admin.beginning_offsets([Partition(topic, 3)]) == {Partition(topic, 3): 0}


@transactional
def test_a_topic_has_an_identity(cluster: Kafka, topic: str) -> None:
    """Different topics have different ids, asked twice the same."""
    other = f"{topic}-other"
    admin = cluster.admin()
    admin.ensure_topics([NewTopic(other, 1)])
    found = admin.describe([topic, other])
    assert found == admin.describe([topic, other])
    ids = {name: facts.id for name, facts in found.items()}
    assert len(set(ids.values())) == 2
    assert all(ids.values())


@transactional
def test_offsets_are_found_by_timestamp(cluster: Kafka, topic: str) -> None:
    """The first record of that time or later; the end where there is none."""
    partition = Partition(topic, 0)
    writer = cluster.plain_writer()
    stamps = [1_767_571_200_000 + 1_000 * n for n in (0, 1, 2, 5, 6)]
    writer.send(Record(topic, b"x", partition=0, timestamp_ms=stamp) for stamp in stamps)
    writer.flush(10.0)
    admin = cluster.admin()
    asked = [(stamps[0] - 1, 0), (stamps[1], 1), (stamps[2] + 1, 3), (stamps[4] + 1, 5)]
    assert [admin.offsets_at({partition: ms})[partition] for ms, _ in asked] == [offset for _, offset in asked]
