"""State folders of this version and of earlier ones, kept as files: what was there, what came then, what must follow.

    tests/cases/state/<version>-snapshot<format>/
      project/            the rules and tables in force before and after the change, as users wrote them
      records.ndjson.gz   all source records in their order; the first `before` of them were read when the daemon died
      kafka.msgpack       the internal topics and the committed offsets at that moment
      state/              the state folder: a snapshot, the files it refers to, the journal behind it, versions, rules
      answers.ndjson.gz   what is written from there on to the end
      form.txt            of what the files consist
      about.json          formats and numbers

`pytest tests/state --update` makes one for this version, if its formats have none yet. A format that no release had
may be removed together with its folder.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

import streamwatchd
from streamwatchd.daemon import contents
from streamwatchd.operators import panes
from streamwatchd.ports.fake_broker import Entry
from streamwatchd.ports.kafka import Committed, Partition, Record
from streamwatchd.shard import journal, snapshot, snapshot_file
from streamwatchd.shard.snapshot import SnapshotStore
from tests.state.form import form_of
from tests.state.traffic import PARTITIONS, START_MS, stretch
from tests.state.world import PROJECT, STATE, StoreLink, World

ROOT = PROJECT.parent
END_S = 300
SHARD = STATE / "shard-0"


def formats() -> dict[str, int]:
    """The numbers that files of today carry."""
    return {
        "snapshot": snapshot_file.FORMAT,
        "journal": journal._FORMAT,
        "versions": contents.VERSIONS_FORMAT,
        "rules": contents.RULES_FORMAT,
    }


def all_goldens() -> list[Path]:
    return sorted(path.parent for path in ROOT.glob("*/about.json"))


def of_today() -> Path | None:
    return next((each for each in all_goldens() if about(each)["formats"] == formats()), None)


def about(golden: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((golden / "about.json").read_text())
    return found


def lived() -> World:
    """A daemon's life up to its death: two versions of the rules, snapshots that share files, epochs behind them."""
    world = World()
    world.begin()
    with mock.patch.object(snapshot, "_SMALL", 0), mock.patch.object(panes, "_MANY_KEYS", 1):
        world.feed(stretch(0, 100))
        world.run()
        world.feed(stretch(100, 110))
        world.change(PROJECT / "after", START_MS + 115_000)
        world.feed(stretch(110, 150))
        world.run()
    world.feed(stretch(150, 170))
    world.run_and_kill()
    return world


def undisturbed() -> World:
    """The same without the death, and to the end."""
    world = World()
    world.begin()
    world.feed(stretch(0, 110))
    world.run()
    world.change(PROJECT / "after", START_MS + 115_000)
    world.feed(stretch(110, END_S))
    world.run(turns=90)
    return world


def go_on(world: World) -> StoreLink:
    world.feed(stretch(170, END_S))
    return world.run(turns=90)


# to files


def make() -> Path:
    """Of this version's formats."""
    folder = ROOT / f"{streamwatchd.__version__}-snapshot{snapshot_file.FORMAT}"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("before", "after"):
        shutil.copytree(PROJECT / name, folder / "project" / name)
    world = lived()
    for path, data in needed(world).items():
        target = folder / "state" / path.relative_to(STATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / "kafka.msgpack").write_bytes(msgspec.msgpack.encode(_broker(world)))
    (folder / "form.txt").write_text(form_of(world))
    before, said = _entries(world, PARTITIONS), world.outputs()
    go_on(world)
    _write_lines(folder / "records.ndjson.gz", _entries(world, PARTITIONS))
    answers = new_answers(said, world)
    _write_lines(folder / "answers.ndjson.gz", answers)
    numbers = {"before": len(before), "answers": len(answers)}
    (folder / "about.json").write_text(json.dumps({"formats": formats(), **numbers}, indent=2) + "\n")
    return folder


def needed(world: World) -> dict[Path, bytes]:
    """The newest snapshot with the files that it refers to, the journal behind it, and what is not of a shard."""
    store = SnapshotStore(world.disk, SHARD, _owner(world))
    newest = store.epochs()[-1]
    epochs = store.manifest(newest).files | {newest}
    return {
        path: data
        for path, data in world.disk.files.items()
        if (path.suffix != ".snapshot" or int(path.stem) in epochs)
        and (path.suffix != ".log" or int(path.stem.removeprefix("journal-")) > newest)
    }


def _owner(world: World) -> Any:
    epoch = SnapshotStore(world.disk, SHARD, None).epochs()[-1]  # type: ignore[arg-type]
    data = world.disk.files[SHARD / f"{epoch:020d}.snapshot"]
    return snapshot_file.read_manifest(lambda _, at, size: data[at : at + size], epoch, len(data)).owner


def _entries(world: World, topics: Iterable[str]) -> list[dict[str, Any]]:
    """Source records by topic, partition and offset."""
    return [
        {"topic": topic, "partition": number, "key": _text(entry.record.key), "value": _text(entry.record.value),
         "timestamp": entry.timestamp_ms}
        for topic in topics
        for number, log in enumerate(world.kafka.broker.topics[topic])
        for entry in log.entries
        if entry.record is not None
    ]  # fmt: skip


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode()


def _broker(world: World) -> dict[str, Any]:
    """Internal topics, control markers as None, and the committed offsets."""
    broker, topics = world.kafka.broker, world.settings.topics
    internal = [topic for topic in broker.topics if topic == topics.journal or topic.startswith(topics.exchange)]
    logs = {
        topic: [
            [e.record and [e.record.key, e.record.value, e.timestamp_ms] for e in log.entries]
            for log in broker.topics[topic]
        ]
        for topic in internal
    }
    offsets = [[p.topic, p.partition, c.offset, c.metadata] for p, c in broker.groups[world.settings.app].items()]
    return {"logs": logs, "offsets": offsets, "epochs": broker.epochs}


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


# from files


def reborn(golden: Path) -> World:
    """Everything as it was when the daemon died."""
    world, number = World(golden / "project" / "before"), about(golden)["before"]
    for path in sorted((golden / "state").rglob("*")):
        if path.is_file():
            world.disk.write(STATE / path.relative_to(golden / "state"), path.read_bytes())
    broker, kept = world.kafka.broker, msgspec.msgpack.decode((golden / "kafka.msgpack").read_bytes())
    for topic, logs in kept["logs"].items():
        for log, entries in zip(broker.topics[topic], logs, strict=True):
            for entry in entries:
                record = entry and Record(topic, entry[1], entry[0])
                log.append(Entry(record, entry[2] if entry else START_MS, None))
    offsets = {Partition(topic, number): Committed(at, text) for topic, number, at, text in kept["offsets"]}
    broker.groups[world.settings.app] = offsets
    broker.epochs.update(kept["epochs"])
    world.feed(_records(golden)[:number])
    return world


def later_records(golden: Path) -> list[Record]:
    return _records(golden)[about(golden)["before"] :]


def _records(golden: Path) -> list[Record]:
    """Those that were read before the death, then the others, each of a partition in its order."""
    rows = _read_lines(golden / "records.ndjson.gz")
    ends = {(topic, part): at for topic, part, at, _ in _offsets(golden)}
    places: dict[tuple[str, int], int] = {}
    early: list[Record] = []
    later: list[Record] = []
    for row in rows:
        place = row["topic"], row["partition"]
        offset = places[place] = places.get(place, -1) + 1
        value, key = row["value"], row["key"]
        record = Record(
            row["topic"], value and value.encode(), key and key.encode(), row["partition"],
            timestamp_ms=row["timestamp"],
        )  # fmt: skip
        (early if offset < ends[place] else later).append(record)
    return early + later


def _offsets(golden: Path) -> list[tuple[str, int, int, str]]:
    found: list[tuple[str, int, int, str]] = msgspec.msgpack.decode((golden / "kafka.msgpack").read_bytes())["offsets"]
    return found


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def answers(golden: Path) -> list[dict[str, Any]]:
    return _read_lines(golden / "answers.ndjson.gz")


def new_answers(said: Mapping[str, list[dict[str, Any]]], world: World) -> list[dict[str, Any]]:
    """What has been written since, in order by sink."""
    return [
        {"sink": sink, **row} for sink, rows in world.outputs().items() for row in rows[len(said[sink]) :]
    ]  # fmt: skip
