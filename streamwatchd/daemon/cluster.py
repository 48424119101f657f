"""What must be there on the cluster before work begins, waited for with a word; and how far behind we are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.quiet import Quiet
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Admin, Kafka, NewTopic, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import exchange_topic
from streamwatchd.shard.move import layout_in_force
from streamwatchd.shard.owner import Layout
from streamwatchd.shard.version import Content

T = TypeVar("T")

_OUTPUT_PARTITIONS = 4
_WEEK_MS = 7 * 24 * 3600 * 1000
_CREATE = "create it in Kafka, or correct `topic:` of its source in streamwatchd.yaml and start again"


def own_topics(settings: Settings, stages: int) -> list[NewTopic]:
    """What streamwatchd writes to. The exchange's partition count is fixed when it is created."""
    topics = settings.topics
    outputs = [
        topics.alerts,
        topics.kpis,
        topics.anomalies,
        topics.late,
        topics.dead_letters,
        topics.enriched,
        topics.shadow,
    ]
    outputs += [topics.of_self_alerts] if topics.of_self_alerts not in outputs else []
    keep = {"cleanup.policy": "delete", "retention.ms": str(_WEEK_MS)}
    return [
        *(NewTopic(name, _OUTPUT_PARTITIONS) for name in outputs if name),
        *([NewTopic(topics.of_heartbeat, 1, keep)] if topics.of_heartbeat not in (*outputs, "") else []),
        NewTopic(topics.journal, max(settings.shards, _OUTPUT_PARTITIONS), keep),
        *(NewTopic(exchange_topic(topics, n), settings.exchange_partitions, keep) for n in range(2, stages + 1)),
    ]


class Cluster:
    """Each question opens an admin client and closes it again."""

    def __init__(self, kafka: Kafka, settings: Settings, clock: Clock, log: Log) -> None:
        self._kafka = kafka
        self._settings = settings
        self._clock = clock
        self._log = log
        self.missing: Mapping[str, str] = {}
        """Topics that `prepare` waits for, and what to do about each."""

    def prepare(self, contents: list[Content], stopped: Callable[[], bool]) -> dict[str, int] | None:
        """Partition counts of all topics, once the newest content's are there; None when told to stop meanwhile.

        The last of `contents` is what shall run; topics that only older ones read may be gone.
        """
        wait_s, newest = 0.5, contents[-1]
        while not stopped():
            try:
                missing, counts = self._look(contents, newest)
                self.missing = dict.fromkeys(missing, f"is not there: {_CREATE}")
                if not missing:
                    return counts
                self._log.error("topic_missing", topics=missing, retry_in_seconds=wait_s, hint=_CREATE)
            except Unavailable as error:
                self.missing = {}
                self._say_unavailable(error, wait_s)
            self._sleep(wait_s, stopped)
            wait_s = min(10.0, 2 * wait_s)
        return None

    def layout(
        self, contents: list[Content], partitions: Mapping[str, int], stopped: Callable[[], bool]
    ) -> Layout | None:
        """The layout in force; None where nothing is committed yet, and when told to stop meanwhile.

        Raises StateMismatch for offsets that others wrote, and for another number of exchange partitions.
        """

        def ask() -> Layout | None:
            self._demand_exchange(max(content.stages for content in contents), partitions)
            return layout_in_force(self._kafka, self._settings, partitions, contents)

        return self.until_answered(ask, stopped)

    def _demand_exchange(self, stages: int, partitions: Mapping[str, int]) -> None:
        """Keys lie in the partition that their number says, and what is known of them beside it: neither moves."""
        wanted = self._settings.exchange_partitions
        for topic in (exchange_topic(self._settings.topics, stage) for stage in range(2, stages + 1)):
            used = partitions[topic]
            if used > wanted:  # an administrator may have made it, with some to spare
                used = max(self._worked_on(topic, range(wanted, used)), default=wanted - 1) + 1
            if used != wanted:
                raise StateMismatch(
                    f"`exchange_partitions` is {wanted}, and the work so far lies in {used} partitions of {topic}: "
                    f"their number is fixed from the first start on. Set `exchange_partitions: {used}`; another number "
                    "takes an `app`, topics and a `state_dir` of its own"
                )

    def _worked_on(self, topic: str, numbers: Iterable[int]) -> list[int]:
        """Those of a topic's partitions of which offsets are committed. Raises Unavailable."""
        admin = self._kafka.admin()
        try:
            positions = admin.committed(self._settings.app, [Partition(topic, number) for number in numbers])
        finally:
            admin.close()
        return [each.partition for each, position in positions.items() if position is not None]

    def until_answered(self, ask: Callable[[], T], stopped: Callable[[], bool]) -> T | None:
        """Ask until it is not Unavailable; None when told to stop meanwhile."""
        wait_s = 0.5
        while not stopped():
            try:
                return ask()
            except Unavailable as error:
                self._say_unavailable(error, wait_s)
            self._sleep(wait_s, stopped)
            wait_s = min(10.0, 2 * wait_s)
        return None

    def _say_unavailable(self, error: Unavailable, wait_s: float) -> None:
        servers = self._settings.kafka.get("bootstrap.servers", "")
        self._log.error("kafka_unavailable", servers=servers, reason=str(error), retry_in_seconds=wait_s)

    def _look(self, contents: list[Content], newest: Content) -> tuple[list[str], dict[str, int]]:
        admin = self._kafka.admin()
        try:
            topics = {each.topic for content in contents for each in content.inputs}
            counts = admin.partitions_of(topics)
            missing = sorted({each.topic for each in newest.inputs} - counts.keys())
            if not missing:
                counts |= self._ensure(admin, max(content.stages for content in contents))
            return missing, counts
        finally:
            admin.close()

    def _ensure(self, admin: Admin, stages: int) -> dict[str, int]:
        wanted = own_topics(self._settings, stages)
        if created := admin.ensure_topics(wanted):
            self._log.info("topics_created", topics=created)
        return admin.partitions_of([each.name for each in wanted])

    def ensure_stages(self, stages: int) -> None:
        """Exchange topics for a new version. Raises Unavailable."""
        admin = self._kafka.admin()
        try:
            self._ensure(admin, stages)
        finally:
            admin.close()

    def _sleep(self, seconds: float, stopped: Callable[[], bool]) -> None:
        until = self._clock.monotonic() + seconds
        while not stopped() and self._clock.monotonic() < until:
            self._clock.sleep(0.1)


class LagWatch:
    """Where the partitions that are read end, and how far they may be read: what lies behind the first open transaction
    of a producer may not."""

    def __init__(self, metrics: Metrics, quiet: Quiet, clock: Clock) -> None:
        self._metrics, self._quiet, self._clock = metrics, quiet, clock

    def look(self, admin: Admin) -> None:
        """Raises Unavailable, StateMismatch."""
        begun_s = self._clock.monotonic()
        read = {place: position for place, (_, position) in self._metrics.positions().items()}
        partitions = [Partition(topic, number) for topic, number in read]
        ends = admin.end_offsets(partitions) if partitions else {}
        stable = admin.end_offsets(partitions, read_committed=True) if partitions else {}
        by_place = {(each.topic, each.partition): end for each, end in ends.items()}
        self._metrics.put_ends(by_place)
        self._quiet.see(by_place, read, begun_s, self._clock.monotonic())
        self._metrics.put_all(
            "lso_lag_records",
            {
                (("partition", str(each.partition)), ("topic", each.topic)): max(0, end - stable[each])
                for each, end in ends.items()
            },
        )
