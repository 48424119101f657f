"""Topics and offsets that change under the daemon: it stops and says so, one command settles it. No silent reset."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Committed, Partition
from tests.kafka.process import EXIT_MISMATCH
from tests.kafka.site import SOURCE_PARTITIONS, START_MS, Site

pytestmark = [pytest.mark.kafka, pytest.mark.campaign]
PATIENCE_S = 120.0


class Operated(Site):
    """A site with an operator at hand."""

    @cached_property
    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": str(self.kafka.options["bootstrap.servers"])})

    def work(self, count: int) -> None:
        """Start, and take in so many more events; the topics are in the book afterwards."""
        self.start()
        self.until(lambda: self.health()[0] == 200, PATIENCE_S)
        self.feed(count)
        self.until(lambda: self.metric("streamwatchd_records_total") >= count, PATIENCE_S)
        self.until((self.folder / "state" / "topics").exists, PATIENCE_S)

    def settle(self, accept: str, reason: str) -> None:
        """A start is refused with the command, which is then given."""
        code, said = self.run()
        assert code == EXIT_MISMATCH, said
        assert reason in said, said
        assert f"streamwatchd --config {self.config} --accept {accept}" in said, said
        code, said = self.run("--accept", accept)
        assert code == 0, said
        assert self.run("--accept", accept)[0] == 0, "there is nothing more to accept"

    def delete_topic(self) -> None:
        next(iter(self.admin.delete_topics([self.topic]).values())).result(30)
        admin = self.kafka.admin()
        self.until(lambda: not admin.partitions_of([self.topic]), PATIENCE_S)

    def delete_records(self, below: int) -> None:
        self._delete([TopicPartition(self.topic, number, below) for number in range(SOURCE_PARTITIONS)])

    def forget_journal(self, left: float) -> None:
        """Retention takes it, but for this part of each partition."""
        admin, topic = self.kafka.admin(), f"{self.name}.journal"
        every = [Partition(topic, number) for number in range(admin.partitions_of([topic])[topic])]
        ends = admin.end_offsets(every)
        self._delete([TopicPartition(topic, each.partition, round(ends[each] * (1 - left))) for each in every])

    def _delete(self, below: list[TopicPartition]) -> None:
        for future in self.admin.delete_records(below).values():
            future.result(30)

    def add_partitions(self, total: int) -> None:
        next(iter(self.admin.create_partitions([NewPartitions(self.topic, total)]).values())).result(30)
        admin = self.kafka.admin()
        self.until(lambda: admin.partitions_of([self.topic]) == {self.topic: total}, PATIENCE_S)


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Operated]:
    site = Operated(kafka, tmp_path)
    yield site
    site.end()


@pytest.mark.campaign
def test_partitions_added_while_it_runs_stop_it(site: Operated) -> None:
    """With their number; after the command they are read from their first record, nothing lost and nothing doubled."""
    site.work(1_000)
    site.add_partitions(SOURCE_PARTITIONS + 2)
    site.until_left()
    assert f"topic {site.topic} has 6 partitions, no longer 4" in site.logged("topics_changed")[0]["reason"]
    assert fired(site, "partitions_changed") == 1
    site.partitions += 2
    site.feed(1_000)
    site.settle("partitions", f"topic {site.topic} has 6 partitions, it had 4")
    site.start_and_wait()
    site.feed(1_000)
    site.until_all_counted()


@pytest.mark.campaign
def test_partitions_added_while_it_was_killed_are_found_at_the_start(site: Operated) -> None:
    """What has to be replayed is replayed under the old number."""
    site.work(1_000)
    site.signal(signal.SIGKILL)
    site.add_partitions(SOURCE_PARTITIONS + 1)
    site.partitions += 1
    site.feed(500)
    site.settle("partitions", f"topic {site.topic} has 5 partitions, it had 4")
    site.start_and_wait()
    site.feed(500)
    site.until_all_counted()


@pytest.mark.campaign
def test_a_topic_made_anew_while_it_runs_stops_it(site: Operated) -> None:
    """The client itself may say nothing: it waits for ever, or reads on in the middle of the new topic. What came after
    the last snapshot and is gone with the old topic is lost; the new one is counted once."""
    site.work(1_000)
    site.delete_topic()
    site.create_topic()
    site.until_left()
    said = [*site.logged("topics_changed"), *site.logged("worker_refused")]
    assert any(site.topic in each["reason"] for each in said), (
        "whoever notices first: a worker by its offsets, or the look"
    )
    site.feed(2_000)
    site.settle("gap", f"topic {site.topic} was deleted and made anew")
    site.start_and_wait()
    site.finish()
    site.until(lambda: counted(site) >= 2_000, PATIENCE_S)
    assert set(site.windows().values()) == {1}


@pytest.mark.campaign
def test_a_topic_made_anew_while_it_was_killed_is_found_at_the_start(site: Operated) -> None:
    """Though it has grown beyond the old offsets, and what a replay would want is gone."""
    site.work(1_000)
    site.signal(signal.SIGKILL)
    site.delete_topic()
    site.create_topic()
    site.feed(2_000)
    site.settle("gap", f"topic {site.topic} was deleted and made anew")
    site.start_and_wait()
    site.finish()
    site.until(lambda: counted(site) >= 2_000, PATIENCE_S)
    assert set(site.windows().values()) == {1}


def fired(site: Site, alert: str) -> int:
    """How many self-alerts of the name."""
    rows = site.output("self_alerts")
    return sum((each["rule"], each["event"]) == (f"streamwatchd.{alert}", "fired") for each in rows)


def counted(site: Site) -> int:
    return sum(row["values"]["n"] for row in site.kpis())


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.campaign)])
def test_records_that_passed_retention_while_it_was_down_are_named(site: Operated, how: signal.Signals) -> None:
    """How many, and where; the command goes on with what is there."""
    site.work(1_000)
    site.signal(how)
    site.feed(1_000)
    site.delete_records(400)
    site.settle("gap", f"{site.topic}[0] begins at offset 400, the next to be read was 250: 150 record(s)")
    assert fired(site, "offset_gap") == SOURCE_PARTITIONS
    site.start_and_wait()
    site.finish()
    site.until(lambda: counted(site) >= site.sent - 4 * 150, PATIENCE_S)
    assert set(site.windows().values()) == {1}
    assert counted(site) == site.sent - 4 * 150


def test_records_that_passed_retention_before_the_state_folder_was_lost_are_named(site: Operated) -> None:
    """No worker starts without them; the command rebuilds the state of what is there, and no row is written twice."""
    site.work(2_000)
    site.until(lambda: counted(site) == 1_000, PATIENCE_S)
    site.signal(signal.SIGTERM)
    site.delete_records(300)
    (site.folder / "state").rename(site.folder / "lost")
    workers = len(site.logged("worker_started"))
    site.start()
    site.until_left()
    assert len(site.logged("worker_started")) == workers
    site.settle("gap", f"{site.topic}[0] begins at offset 300, the replay at 0: 300 record(s)")
    site.start_and_wait()
    site.feed(400)
    site.finish()
    there = site.sent - 4 * 50  # the first window was written before; the second one lacks these
    site.until(lambda: counted(site) >= there, PATIENCE_S)
    assert set(site.windows().values()) == {1}
    assert counted(site) == there


def test_what_was_late_before_the_gap_is_late_after_it(site: Operated) -> None:
    """Though no record is there that would say how far time had come: no row of a window is written a second time."""
    site.work(2_000)
    site.until(lambda: counted(site) == 1_000, PATIENCE_S)
    site.signal(signal.SIGTERM)
    site.delete_records(500)
    (site.folder / "state").rename(site.folder / "lost")
    site.settle("gap", f"{site.topic}[0] begins at offset 500, the replay at 0: 500 record(s)")
    site.start_and_wait()
    sent, site.sent = site.sent, 0
    site.feed(40)
    site.sent = sent
    site.feed(400)
    site.finish()
    site.until(lambda: counted(site) >= 1_400, PATIENCE_S)
    assert set(site.windows().values()) == {1}
    assert counted(site) == 1_400
    assert len(site.output("late")) == 40


@pytest.mark.parametrize("left", [0.5, pytest.param(0.0, marks=pytest.mark.campaign)])
def test_a_journal_past_retention_when_the_state_folder_was_lost_is_named(site: Operated, left: float) -> None:
    """Nothing is reset; the command goes on with what is left of it, no row is written twice, and the next windows are
    whole, here behind the exchange."""
    site.work(2_000)
    site.until(lambda: counted(site) == 1_000, PATIENCE_S)
    site.feed(500)
    site.until(lambda: site.metric("streamwatchd_records_total") >= 2_500, PATIENCE_S)
    site.signal(signal.SIGTERM)
    site.forget_journal(left)
    (site.folder / "state").rename(site.folder / "lost")
    workers = len(site.logged("worker_started"))
    site.start()
    site.until_left()
    assert len(site.logged("worker_started")) == workers
    site.settle("gap", f"topic {site.name}.journal does not retain all epochs")
    site.start_and_wait()
    late = 40 if left else 0  # of an epoch that is retained it is known how far time had come
    before, site.sent = site.sent, 0
    site.feed(late)
    site.sent = before
    site.feed(2_500)
    site.finish()
    site.until(lambda: rows_from(site, 30) == 2_000, PATIENCE_S)
    assert set(site.windows().values()) == {1}
    assert len(site.output("late")) == late


def rows_from(site: Site, second: int) -> int:
    """Events counted in windows from there on."""
    start = iso(START_MS + 1_000 * second)
    return sum(row["values"]["n"] for row in site.kpis() if row["window"]["start"] >= start)


def by_hand(site: Operated) -> None:
    admin = site.kafka.admin()
    admin.commit(site.name, {Partition(site.topic, 1): Committed(3)})


def by_deleting_the_group(site: Operated) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            next(iter(site.admin.delete_consumer_groups([site.name]).values())).result(30)
            return
        except KafkaException:  # its coordinator may not have noticed that nobody is there any more
            assert time.monotonic() < deadline
            time.sleep(0.5)


@pytest.mark.parametrize(
    ("lose", "reason"),
    [
        (by_hand, "were set by hand or by another program"),
        pytest.param(by_deleting_the_group, "were deleted or have expired", marks=pytest.mark.campaign),
    ],
)
def test_offsets_that_were_moved_or_lost_are_put_back(
    site: Operated, lose: Callable[[Operated], None], reason: str
) -> None:
    """As the journal topic has them: nothing is lost, nothing is counted twice."""
    site.work(1_000)
    site.signal(signal.SIGTERM)
    lose(site)
    site.feed(1_000)
    site.settle("offsets", reason)
    site.start_and_wait()
    site.until_all_counted()


@pytest.mark.campaign
def test_offsets_and_state_folder_lost_together_are_no_first_start(site: Operated) -> None:
    """The journal topic knows better; after the command the state is rebuilt from Kafka."""
    site.work(1_000)
    site.signal(signal.SIGTERM)
    by_deleting_the_group(site)
    (site.folder / "state").rename(site.folder / "lost")
    site.settle("offsets", f"topic {site.name}.journal shows that it has worked before")
    site.start_and_wait()
    site.feed(1_000)
    site.until_all_counted()
