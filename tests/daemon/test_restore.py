"""A savepoint is restored where it leads to what Kafka committed; else nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.daemon.content_journal import ContentJournal
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of, encode_versions
from streamwatchd.daemon.restore import restore
from streamwatchd.errors import StateMismatch
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Committed, Partition, Record
from streamwatchd.settings import Settings
from streamwatchd.shard.journal import EpochRecord, Range
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.savepoint import Savepoint, write_savepoint
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.stamp import stamp_of
from streamwatchd.shard.version import BEGINNING, Version
from tests.daemon.project import ListLog, rule

OWNER, TASK, IN = Owner("app", 0, 1, 0), TaskId(1, "in", 0), Partition("in", 0)
CONFIG = b"kafka: {bootstrap.servers: '127.0.0.1:1'}\nsources: {events: {topic: in, time: t, key: k}}\n"


class Setting:
    """Kafka has committed epoch 9 at offset 90; the savepoint is of epoch 7 at offset 70."""

    def __init__(self, folder: Path, version: int = 0) -> None:
        """`version`: the number of the rules that the savepoint has."""
        self.kafka = FakeKafka({"in": 1, "streamwatchd.journal": 1})
        self.settings = Settings(config_path=folder / "x.yaml", app="app", shards=1, state_dir=folder / "state")
        bundle = Bundle(CONFIG, {"a.yaml": rule("one").encode()}, {})
        content = content_of(bundle.compile())
        assert content is not None
        self.digest = content.digest
        self.version = version = Version(version, BEGINNING, self.digest)
        self.url = f"file://{folder}/saves/a"
        store = SharedStore(RealDisk(), folder / "saves" / "a", "app")
        store.snapshots(OWNER).write(Snapshot(OWNER, 7, (version,), {TASK: 70}, {TASK: [1]}, "0"))
        store.files.write(store.folder / "content" / self.digest, bundle.encode(self.digest))
        store.files.write(store.folder / "versions", encode_versions([version]))
        write_savepoint(store.files, folder / "saves" / "a", Savepoint("app", "0", 5, Layout(0, 1), {0: 7}, 10))
        self.commit(9, 90)
        writer = self.kafka.plain_writer()
        writer.send(Record("in", b"{}", partition=0) for _ in range(90))
        for epoch in (8, 9):
            self.journal(self.record(epoch))

    def commit(self, epoch: int, offset: int, owner: Owner = OWNER) -> None:
        self.kafka.admin().commit("app", {IN: Committed(offset, str(stamp_of(owner, epoch)))})

    def record(self, epoch: int) -> EpochRecord:
        ranges = {TASK: Range(10 * epoch - 10, 10 * epoch)}
        return EpochRecord(OWNER, epoch, 0, ranges, (), (), self.version.number, self.digest, "0", {})

    def journal(self, record: EpochRecord) -> None:
        self.kafka.plain_writer().send([Record("streamwatchd.journal", record.encode(), b"0", 0)])

    def restore(self) -> int:
        return restore(self.settings, self.kafka, RealDisk(), self.url).replays[0]


def test_what_came_since_is_replayed(tmp_path: Path) -> None:
    """State and rules are in the state folder; nothing is replayed where the savepoint stands at what is committed."""
    setting = Setting(tmp_path)
    assert setting.restore() == 2
    folder = OWNER.folder(setting.settings.state_dir)
    assert SnapshotStore(RealDisk(), folder, OWNER).epochs() == [7]
    assert (setting.settings.state_dir / "content" / setting.digest).exists()
    (tmp_path / "b").mkdir()
    exact = Setting(tmp_path / "b")
    exact.commit(7, 70)
    assert exact.restore() == 0


def test_versions_before_the_savepoint_are_not_asked_for(tmp_path: Path) -> None:
    """The journal topic still names them; their rules were pruned before, and the replay needs none of them."""
    setting = Setting(tmp_path, version=2)
    oldest = replace(setting.record(1), version=0, content="pruned")
    setting.journal(oldest)
    setting.journal(replace(oldest, epoch=2, version=1, content="pruned.too", switches=(Version(1, 5, "pruned.too"),)))
    setting.journal(replace(setting.record(3), switches=(setting.version,)))
    assert setting.restore() == 2
    restored = ContentStore(RealDisk(), setting.settings.state_dir)
    assert restored.versions == (setting.version,)
    restored.demand_all()


def test_rules_that_came_back_since_are_known_by_their_number(tmp_path: Path) -> None:
    """A version after the savepoint whose rules it has, as they were in force before."""
    setting = Setting(tmp_path)
    again = Version(1, 5, setting.digest)
    setting.kafka.broker.log(Partition("streamwatchd.journal", 0)).delete_before(2)
    setting.journal(setting.record(8))
    setting.journal(replace(setting.record(9), version=1, switches=(again,)))
    assert setting.restore() == 2
    assert ContentStore(RealDisk(), setting.settings.state_dir).versions == (setting.version, again)


def test_rules_that_came_since_are_taken_from_the_journal_topic(tmp_path: Path) -> None:
    """Under the settings of today: the topic has none that say how to reach others."""
    setting = Setting(tmp_path)
    setting.settings.config_path.write_bytes(CONFIG)
    bundle = Bundle(CONFIG, {"a.yaml": rule("two").encode()}, {})
    content = content_of(bundle.compile())
    assert content is not None
    ContentJournal(setting.kafka, "streamwatchd.journal", "app", ManualClock(), ListLog()).ahead(content.digest, bundle)
    setting.kafka.broker.log(Partition("streamwatchd.journal", 0)).delete_before(2)
    setting.journal(setting.record(8))
    later = Version(1, 5, content.digest)
    setting.journal(replace(setting.record(9), version=1, content=content.digest, switches=(later,)))
    assert setting.restore() == 2
    restored = ContentStore(RealDisk(), setting.settings.state_dir)
    assert restored.versions == (setting.version, later)
    restored.demand_all()


REFUSALS: dict[str, tuple[Callable[[Setting], object], str]] = {
    "state": (lambda s: RealDisk().write(s.settings.state_dir / "versions", b"x"), "has state already"),
    "no offsets": (lambda s: s.kafka.broker.groups.clear(), "has committed no offsets"),
    "ahead": (lambda s: s.commit(6, 60), "Kafka has committed epoch 6 only"),
    "moved by hand": (lambda s: s.commit(7, 71), "it was moved by hand"),
    "other layout": (lambda s: s.commit(9, 90, Owner("app", 1, 1, 0)), "came after the change of shards"),
    "journal gone": (
        lambda s: s.kafka.broker.log(Partition("streamwatchd.journal", 0)).delete_before(1),
        r"1 epoch\(s\) from 8 on are not in topic",
    ),
    "input gone": (lambda s: s.kafka.broker.log(IN).delete_before(71), "retains offsets from 71 on"),
    "rules gone": (
        lambda s: s.journal(replace(s.record(9), switches=(Version(1, 5, "later"),))),
        "came after the savepoint, and neither it nor the journal topic has got them",
    ),
    "other app": (lambda s: setattr(s, "settings", replace(s.settings, app="other")), "is of app app, this is other"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_one_that_leads_nowhere_is_refused(case: str, tmp_path: Path) -> None:
    """With the reason, and the state folder as it was."""
    setting = Setting(tmp_path)
    spoil, words = REFUSALS[case]
    spoil(setting)
    with pytest.raises(StateMismatch, match=words):
        setting.restore()
    assert not list(setting.settings.state_dir.rglob("*.snapshot"))
