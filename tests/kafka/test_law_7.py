"""Laws 7 and 2 on the real thing: the daemon on Kafka says what its recording played by dry-run says, and what any
other number of its shards says.

One project holds the shipped rules and many random ones, so that a run of the daemon tries them all.
"""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import signal
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.demo.sources import KINDS
from streamwatchd.demo.traffic import Shape, generate
from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import NewTopic, Partition, Record
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.rules.loader import load
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.journal import read_topic as read_journal
from tests.kafka.process import Process, free_port, read_letters
from tests.laws.engine import LARGEST_INPUT
from tests.oracle import reading
from tests.oracle.compare import Plain, add_shadow, by_law, differences, iso_ms, plain_topics
from tests.oracle.random_rules import World, build_world
from tests.oracle.world import START_MS
from tests.published import misfits

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]
FILM_FROM_S, FILM_S, FILM_PARTITIONS = 840, 120, 2
RULES, RECORDS = 40, 250
SEED = 7
SETTLED_MS = 20_000
"""So long before the closing records everything is settled, however far the idle ones went on after them."""
PAUSE_AT_MS = START_MS + 500 * FILM_S
LEAST = {"alerts": 100, "kpis": 300, "late": 50, "dead_letters": 20}
"""So many of each there must be for the comparison to mean something."""
SINKS = ("alerts", "kpis", "late", "dead_letters")
OWN_TOPICS = ("shadow", "exchange", "journal", "self_alerts", "heartbeat")

Logs = dict[Partition, list[Record]]


@dataclass(slots=True)
class Traffic:
    """The logs of all topics (names without the run's prefix); `end_ms` is when the closing records are."""

    world: World
    logs: Logs
    end_ms: int


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    world = small_world()
    logs = film_logs() | world_logs(world)
    end_ms = max(record.timestamp_ms or 0 for log in logs.values() for record in log) + 60_000
    for place, log in logs.items():
        log.append(closing(place, end_ms))
    return Traffic(world, logs, end_ms)


def small_world() -> World:
    """Many random rules at a time scale of seconds, over sources with several partitions."""
    for seed in range(SEED, SEED + 1_000):
        world = build_world(random.Random(seed), seed, rules=RULES, records=RECORDS)
        text = "".join(world.rules.values())
        if "every: 1s" in text and min(world.partitions.values()) > 1:
            return world
    raise AssertionError("no such world")


def film_logs() -> Logs:
    """A stretch of the shipped traffic in which things go wrong, from START_MS on."""
    end_ms = START_MS + 1_000 * FILM_S
    film = generate(Shape(START_MS - 1_000 * FILM_FROM_S))
    logs: Logs = {}
    for records, row in takewhile(lambda at: at[0].arrival_ms[at[1]] < end_ms, film):
        at, topic = int(records.arrival_ms[row]), records.kind.topic
        if at >= START_MS and records.flaws.get(row) != "far_future":  # which it is not for ever
            partition = partition_of(records.keys[row], FILM_PARTITIONS)
            record = Record(topic, records.payloads[row], records.keys[row], partition, timestamp_ms=at)
            logs.setdefault(Partition(topic, partition), []).append(record)
    return logs


def world_logs(world: World) -> Logs:
    """Without marks: those are the daemon's to set."""
    return {
        Partition(topic, partition): [
            Record(topic, item.payload, None, partition, timestamp_ms=item.timestamp)
            for item in log
            if isinstance(item, reading.Record)
        ]
        for (topic, partition), log in world.logs.items()
    }


def closing(place: Partition, end_ms: int) -> Record:
    """An event that counts nowhere and lets the watermark of its partition go on."""
    fields = {kind.topic: (kind.time_field, kind.stamp) for kind in KINDS}
    field, stamp = fields.get(place.topic, ("ts", "ms"))
    times = {"ms": end_ms, "s": end_ms // 1_000, "us": end_ms * 1_000, "iso": iso(end_ms)}
    event = {field: times[stamp], "kind": "heartbeat"}
    return Record(place.topic, json.dumps(event).encode(), None, place.partition, timestamp_ms=end_ms)


# --- the daemon -------------------------------------------------------------------------------------------------------


@pytest.fixture
def inputs(kafka: str, traffic: Traffic) -> str:
    """The prefix of empty topics, those of one test."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    admin = Librdkafka({"bootstrap.servers": kafka}).admin()
    counts = Counter(place.topic for place in traffic.logs)
    admin.ensure_topics(NewTopic(prefix + topic, count) for topic, count in counts.items())
    admin.close()
    return prefix


def send(kafka: Librdkafka, prefix: str, records: Iterable[Record]) -> None:
    writer = kafka.plain_writer()
    writer.send(msgspec.structs.replace(record, topic=prefix + record.topic) for record in records)
    writer.flush(30)
    writer.close()


@pytest.fixture
def run(kafka: str, traffic: Traffic, inputs: str, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Makes daemons of a number of shards and an `idle_after`."""
    made: list[Run] = []

    def make(shards: int, idle_after: str) -> Run:
        folder = tmp_path / f"{shards}-{idle_after}"
        folder.mkdir()
        made.append(Run(kafka, traffic, inputs, folder, shards, idle_after))
        return made[-1]

    yield make
    for each in made:
        each.end()


class Run(Process):
    """A daemon of its own over shared inputs; its state and outputs are its own."""

    def __init__(self, servers: str, traffic: Traffic, inputs: str, folder: Path, shards: int, idle_after: str) -> None:
        self.kafka, self.servers = Librdkafka({"bootstrap.servers": servers}), servers
        self.prefix, self.shards = f"{inputs}{shards}{idle_after}.", shards
        super().__init__(folder / "streamwatchd.yaml", free_port(), folder / "log")
        settings = {
            "app": self.prefix + "app",
            "kafka": {"bootstrap.servers": servers},
            "shards": shards,
            "listen": f"127.0.0.1:{self.port}",
            "topics": {name: self.prefix + name for name in (*SINKS, *OWN_TOPICS)},
        }
        write_rules(folder, traffic.world, inputs, idle_after, settings)

    def epochs(self) -> list[list[EpochRecord]]:
        """What the journal has, by shard."""
        topic = f"{self.prefix}journal"
        admin = self.kafka.admin()
        count = admin.partitions_of([topic])[topic]
        admin.close()
        return [
            read_journal(self.kafka, Partition(topic, shard % count), shard, 0, 2**60) for shard in range(self.shards)
        ]

    def is_past(self, end_ms: int) -> bool:
        """Every task of every stage has a watermark beyond."""
        epochs = self.epochs()
        return all(records and min(records[-1].watermarks_ms.values()) >= end_ms for records in epochs)

    def outputs(self) -> dict[str, list[Plain]]:
        letters = {name: read_letters(self.servers, self.prefix + name) for name in (*SINKS, "shadow")}
        values = {name: [value or b"" for _, value in letters[name]] for name in ("alerts", "kpis", "shadow")}
        return plain_topics(values, letters["late"], letters["dead_letters"])


def write_rules(folder: Path, world: World, inputs: str, idle_after: str, settings: Mapping[str, object]) -> None:
    """The shipped project and the random one as one."""
    for name in ("rules.d", "enrichment.d"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*_test.yaml"))
    for name, text in world.rules.items():
        (folder / "rules.d" / f"{name}.yaml").write_text(text)
    (text,) = world.tables.values()
    head, _, body = text.rpartition("\n---\n")
    (folder / "enrichment.d" / "spares.csv").write_text(body)
    (folder / "enrichment.d" / "spares.yaml").write_text(f"name: spares\nfile: spares.csv\n{head}\n")
    shipped = (ROOT / "streamwatchd.yaml").read_text()
    shipped = shipped[shipped.index("sources:\n") :].replace("idle_after: 30s", f"idle_after: {idle_after}")
    random_ones = world.sources.replace("devices", "spares").replace(
        "time: ts", f"time: ts\n  idle_after: {idle_after}"
    )
    sources = shipped + "".join(f"  {line}\n" for line in random_ones.splitlines())
    sources = re.sub(r"topic: (\S+)", rf"topic: {inputs}\1", sources)
    heads = "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
    (folder / "streamwatchd.yaml").write_text(heads + sources)
    while refused := load(folder / "streamwatchd.yaml").refused:  # random rules that disagree on a field's kind
        for path in refused:
            Path(path).unlink()


# --- law 7 ------------------------------------------------------------------------------------------------------------


def test_a_recording_of_the_daemon_gives_its_answers(
    kafka: str, traffic: Traffic, inputs: str, tmp_path: Path, run: Callable[..., Run]
) -> None:
    """With the marks that it set when partitions fell silent, and the events that those made late."""
    daemon = run(2, idle_after="1s")
    daemon.start_and_wait()
    early, later = halves(traffic)
    send(daemon.kafka, inputs, in_turn(early))
    daemon.until(lambda: any(epoch.marks for epochs in daemon.epochs() for epoch in epochs))
    send(daemon.kafka, inputs, in_turn(later))
    settled_ms = traffic.end_ms - SETTLED_MS
    daemon.until(lambda: daemon.is_past(settled_ms))
    assert daemon.signal(signal.SIGTERM) == 0

    recording = tmp_path / "recording.ndjson.zst"
    swctl("record", "--config", str(daemon.config), "--from-beginning", "--out", str(recording))
    played = dry_run(daemon.config, recording, tmp_path / "out")
    said = daemon.outputs()
    counts = {name: len(said[name]) for name in SINKS}
    assert all(counts[name] >= least for name, least in LEAST.items()), counts
    bare = {name: [{k: v for k, v in each.items() if k != "shadow"} for each in said[name]] for name in SINKS[:2]}
    assert misfits("alert", bare["alerts"]) == misfits("kpi", bare["kpis"]) == []
    assert not differences(up_to(settled_ms, said), up_to(settled_ms, played), LARGEST_INPUT)


def halves(traffic: Traffic) -> tuple[Logs, Logs]:
    """Cut at one instant; the first partitions of the random sources say nothing before it."""
    early: Logs = {}
    later: Logs = {}
    for place, log in traffic.logs.items():
        silent = place.topic in traffic.world.partitions and place.partition == 0
        cut = 0 if silent else bisect_left(log, PAUSE_AT_MS, key=lambda record: record.timestamp_ms or 0)
        early[place], later[place] = log[:cut], log[cut:]
    return early, later


def in_turn(logs: Logs) -> Iterator[Record]:
    """The partitions by turns, each in its own order."""
    queues = [iter(log) for log in logs.values()]
    while queues:
        for queue in list(queues):
            head = next(queue, None)
            if head is None:
                queues.remove(queue)
            else:
                yield head


def swctl(*arguments: str) -> None:
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


def dry_run(config: Path, recording: Path, out: Path) -> dict[str, list[Plain]]:
    swctl("dry-run", "--config", str(config), "--exact-marks", str(recording), "--out", str(out))
    files = {name: list(map(json.loads, (out / f"{name}.ndjson").read_bytes().splitlines())) for name in SINKS}
    for line in (out / "shadow.ndjson").read_bytes().splitlines():
        add_shadow(files, json.loads(line))
    return files | {name: [letter(document) for document in files[name]] for name in ("late", "dead_letters")}


def letter(document: dict[str, Any]) -> Plain:
    """A line of late.ndjson or dead_letters.ndjson in the form of a record of the topic."""
    text, encoded = document.pop("value", None), document.pop("value_base64", None)
    payload = base64.b64decode(encoded) if encoded is not None else None if text is None else text.encode()
    for name in ("key", "key_base64"):
        document.pop(name, None)
    return {name: str(value) for name, value in document.items()} | {"payload": payload}


def up_to(end_ms: int, found: Mapping[str, list[Plain]]) -> dict[str, list[Plain]]:
    """What was said of the time that is over for every task."""
    alerts = [alert for alert in found["alerts"] if iso_ms(str(alert["at"])) <= end_ms]
    kpis = [row for row in found["kpis"] if iso_ms(row["window"]["end"]) <= end_ms]  # type: ignore[index]
    return by_law({**found, "alerts": alerts, "kpis": kpis})


# --- law 2 ------------------------------------------------------------------------------------------------------------


def test_one_shard_and_two_give_the_same_answers(
    kafka: str, traffic: Traffic, inputs: str, run: Callable[..., Run], tmp_path: Path
) -> None:
    """Over the same topics, with the exchange between processes, and without marks, which are the clock's."""
    send(Librdkafka({"bootstrap.servers": kafka}), inputs, in_turn(traffic.logs))
    said = []
    for shards in (1, 2):
        daemon = run(shards, idle_after="1h")
        daemon.start_and_wait()
        daemon.until(lambda daemon=daemon: daemon.is_past(traffic.end_ms - SETTLED_MS))
        assert daemon.signal(signal.SIGTERM) == 0
        said.append(up_to(traffic.end_ms - SETTLED_MS, daemon.outputs()))
    assert not differences(*said, LARGEST_INPUT)
