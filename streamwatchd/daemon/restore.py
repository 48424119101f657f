"""`streamwatchd --restore SAVEPOINT`: bring a savepoint into the state folder, where it leads to what Kafka committed.

Kafka decides. A savepoint that stands where the committed offsets do is taken as it is; an older one only where the
journal topic and the sources retain all that came since; any other is refused, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from streamwatchd.daemon.content_journal import journalled
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of, decode_versions
from streamwatchd.daemon.lost_rules import recompiled
from streamwatchd.daemon.process import store_at
from streamwatchd.errors import SnapshotCorrupt, StateMismatch
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Committed, Kafka, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import exchange_topic
from streamwatchd.shard.history import journalled_epochs, versions_in
from streamwatchd.shard.journal import EpochRecord, missing_epochs
from streamwatchd.shard.move import committed_stamps
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.rebuild import tasks_of
from streamwatchd.shard.savepoint import Savepoint, parts, read_savepoint
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.stamp import Stamp
from streamwatchd.shard.version import Content, Version

Stamps = Mapping[Partition, tuple[Committed, Stamp]]


@dataclass(frozen=True, slots=True)
class Restored:
    """`replays`: by shard, how many epochs the next start feeds again, muted."""

    savepoint: Savepoint
    replays: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Load:
    """What a savepoint has."""

    savepoint: Savepoint
    parts: Mapping[Owner, Snapshot]
    versions: tuple[Version, ...]
    contents: Mapping[str, Content]


def restore(settings: Settings, kafka: Kafka, disk: Disk, url: str) -> Restored:
    """The caller holds the lock of the state folder. Raises Unavailable; StateMismatch where nothing was restored."""
    _check_empty(settings, disk)
    store = store_at(settings, url)
    load = _load(settings, store, url)
    epochs = journalled_epochs(kafka, settings.topics.journal, settings.app)
    later = _later(settings, kafka, load, epochs)
    load = replace(load, contents={**load.contents, **{digest: content for digest, (content, _) in later.items()}})
    replays = Check(settings, kafka, load, epochs).run()
    contents = ContentStore(disk, settings.state_dir, elsewhere=lambda name: store.files.read(store.folder / name))
    contents.adopt(_needed(load, epochs), {digest: bundle for digest, (_, bundle) in later.items()})
    for owner, part in load.parts.items():
        SnapshotStore(disk, owner.folder(settings.state_dir), owner).write(part)
    return Restored(load.savepoint, replays)


def _later(
    settings: Settings, kafka: Kafka, load: _Load, epochs: Iterable[EpochRecord]
) -> dict[str, tuple[Content, Bundle]]:
    """Contents that came after the savepoint, by digest, as far as the journal topic has them."""
    wanted = {each.digest for each in _needed(load, epochs)} - load.contents.keys()
    found = journalled(kafka, settings.topics.journal, settings.app, wanted) if wanted else {}
    return recompiled(found, settings, settings.config_path.read_bytes()) if found else {}


def _needed(load: _Load, epochs: Iterable[EpochRecord]) -> list[Version]:
    """Of the versions that the journal topic names those that a replay of what came after the savepoint meets: it has
    no rules of older ones, as none of its shards needs them."""
    oldest = min((version.number for version in load.versions), default=0)
    return [each for each in versions_in(epochs) if each.number >= oldest]


def _check_empty(settings: Settings, disk: Disk) -> None:
    for name in disk.list(settings.state_dir):
        if name.startswith(("versions", "content", "shard-", "layout-")):
            raise StateMismatch(
                f"the state folder {settings.state_dir} has state already ({name}): move the folder away first, for a "
                "restore begins with an empty one"
            )


def _load(settings: Settings, store: SharedStore, url: str) -> _Load:
    try:
        savepoint = read_savepoint(store.files, store.folder.parent)
        if savepoint.app != settings.app:
            raise StateMismatch(f"the savepoint at {url} is of app {savepoint.app}, this is {settings.app}")
        found = parts(savepoint, store)
        versions = decode_versions(store.files.read(store.folder / "versions") or b"")
        contents = {digest: _content(store, digest) for digest in {each.digest for each in versions}}
    except SnapshotCorrupt as error:
        raise StateMismatch(f"the savepoint at {url} can't be trusted ({error}); take another one") from error
    return _Load(savepoint, found, versions, contents)


def _content(store: SharedStore, digest: str) -> Content:
    bundle = Bundle.decode(store.files.read(store.folder / "content" / digest) or b"", digest)
    content = content_of(bundle.compile(), bundle.places)
    if content is None or content.digest != digest:
        raise SnapshotCorrupt(f"its rules of content {digest} are not those any more to this version of streamwatchd")
    return content


class Check:
    """Does a savepoint lead to what is committed?"""

    def __init__(self, settings: Settings, kafka: Kafka, load: _Load, epochs: Iterable[EpochRecord]) -> None:
        self._settings = settings
        self._kafka = kafka
        self._load = load
        self._epochs = [each for each in epochs if each.owner.layout == load.savepoint.layout]
        self._counts = self._partition_counts()

    def run(self) -> dict[int, int]:
        """By shard the epochs to replay. Raises StateMismatch with the reason why not."""
        stamps = committed_stamps(self._kafka, self._settings, self._counts, list(self._load.contents.values()))
        layouts = {stamp.layout for _, stamp in stamps.values()}
        if not layouts:
            raise StateMismatch(
                f"group {self._settings.app} has committed no offsets: they were deleted, or this is another cluster; "
                "a savepoint is nothing without the offsets that belong to it"
            )
        if layouts != {self._load.savepoint.layout}:
            raise StateMismatch(
                f"the savepoint is of {self._load.savepoint.layout}, in force is {', '.join(map(str, layouts))}: "
                "take a savepoint that came after the change of shards"
            )
        committed: dict[int, int] = {}
        for _, stamp in stamps.values():
            committed[stamp.shard] = max(stamp.epoch, committed.get(stamp.shard, 0))
        for shard in committed.keys() - {owner.shard for owner in self._load.parts}:
            raise StateMismatch(f"the savepoint has nothing of shard {shard}, which has committed epochs since")
        return {owner.shard: self._check(owner, part, committed, stamps) for owner, part in self._load.parts.items()}

    def _check(self, owner: Owner, part: Snapshot, committed: Mapping[int, int], stamps: Stamps) -> int:
        epoch = committed.get(owner.shard, 0)
        if part.epoch > epoch:
            raise StateMismatch(
                f"{owner}: the savepoint is of epoch {part.epoch}, Kafka has committed epoch {epoch} only: offsets "
                "were set back, or this is another cluster"
            )
        since = [each for each in self._epochs if each.owner == owner and part.epoch < each.epoch <= epoch]
        if missing := missing_epochs(since, part.epoch, epoch):
            raise StateMismatch(
                f"{owner}: the savepoint is of epoch {part.epoch}, Kafka has committed epoch {epoch}, and "
                f"{len(missing)} epoch(s) from {missing[0]} on are not in topic {self._settings.topics.journal} any "
                "more: the savepoint is too old, take a newer one"
            )
        self._check_positions(owner, part, since, stamps)
        return epoch - part.epoch

    def _check_positions(self, owner: Owner, part: Snapshot, since: list[EpochRecord], stamps: Stamps) -> None:
        """It begins where the journal goes on, the inputs are retained, and the rules are known."""
        known = self._load.contents.keys()
        for version in (version for record in since for version in record.switches):
            if version.digest not in known:
                raise StateMismatch(
                    f"{owner}: version {version.number} of the rules came after the savepoint, and neither it nor the "
                    f"journal topic has got them (content {version.digest}): take a newer savepoint"
                )
        for content in self._load.contents.values():
            for task, partition in tasks_of(self._settings, owner, self._counts, content).items():
                if task not in part.positions:
                    continue
                if not since and partition in stamps and stamps[partition][0].offset != part.positions[task]:
                    raise StateMismatch(
                        f"{partition}: the savepoint goes on at {part.positions[task]}, "
                        f"the committed offset is {stamps[partition][0].offset}: it was moved by hand"
                    )
                if since:
                    self._check_retained(partition, part.positions[task], stamps)

    def _check_retained(self, partition: Partition, start: int, stamps: Stamps) -> None:
        admin = self._kafka.admin()
        try:
            first = admin.beginning_offsets([partition])[partition]
        finally:
            admin.close()
        if first > start and (partition not in stamps or stamps[partition][0].offset > start):
            raise StateMismatch(
                f"{partition} retains offsets from {first} on, the savepoint goes on at "
                f"{start}: it is too old, take a newer one"
            )

    def _partition_counts(self) -> dict[str, int]:
        settings, contents = self._settings, self._load.contents.values()
        topics = {each.topic for content in contents for each in content.inputs}
        last = max((content.stages for content in contents), default=1)
        topics |= {exchange_topic(settings.topics, stage) for stage in range(2, last + 1)} | {settings.topics.journal}
        admin = self._kafka.admin()
        try:
            return admin.partitions_of(topics)
        finally:
            admin.close()
