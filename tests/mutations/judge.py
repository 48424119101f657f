"""What the daemon makes of a spoilt file: a verdict, or a fault."""

from __future__ import annotations

from collections.abc import Callable

from streamwatchd.daemon.contents import Bundle, ContentStore, decode_versions
from streamwatchd.errors import SnapshotCorrupt, StateMismatch
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.shard.journal import LocalJournal, missing_epochs
from streamwatchd.shard.snapshot import SnapshotStore
from tests.mutations.corpus import ABOVE, FOLDER, Corpus
from tests.mutations.mutate import Mutant
from tests.state.world import STATE


class Believed(Exception):
    """Something spoilt was taken for good."""


REFUSED = "refused"
SHORTER = "read up to there"
CUT = "cut off"


def judge(corpus: Corpus, mutant: Mutant) -> str:
    """Raises Believed, or whatever the daemon would have died of."""
    disk = FakeDisk()
    disk.files = {**corpus.files, mutant.path: mutant.data}
    return _JUDGES[corpus.kind_of(mutant.path)](corpus, mutant, disk)


def _snapshot(corpus: Corpus, mutant: Mutant, disk: FakeDisk) -> str:
    """Refused, and so is every later snapshot that needs the bytes that changed."""
    store, epoch = SnapshotStore(disk, FOLDER, corpus.owner), int(mutant.path.stem)
    _refuses(store, epoch)
    good = corpus.files[mutant.path]
    for user, stretches in sorted(corpus.uses[epoch].items()):
        if any(mutant.data[at : at + size] != good[at : at + size] for at, size in stretches):
            _refuses(store, user)
            break
    return REFUSED


def _refuses(store: SnapshotStore, epoch: int) -> None:
    try:
        store.load(epoch)
    except SnapshotCorrupt:
        return
    raise Believed(f"the snapshot of epoch {epoch}")


def _journal(corpus: Corpus, mutant: Mutant, disk: FakeDisk) -> str:
    """What is read are records as they were written; what is not is missed, and read from the topic."""
    log = LocalJournal(disk, FOLDER, corpus.owner)
    records = log.read(0, ABOVE)
    for record in records:
        if corpus.records.get(record.epoch) != record:
            raise Believed(f"the journal record of epoch {record.epoch}")
    first, last = min(corpus.records), max(corpus.records)
    if missing_epochs(records, first - 1, last):
        return SHORTER if any(record.epoch >= int(mutant.path.stem[8:]) for record in records) else REFUSED
    log.cut(last)
    if disk.files[mutant.path] != corpus.files[mutant.path]:
        raise Believed("bytes of the journal that mean nothing")
    return CUT


def _versions(corpus: Corpus, mutant: Mutant, disk: FakeDisk) -> str:
    """The other copy is taken; without one the start is refused."""
    good = ContentStore(_folder(corpus), STATE).versions
    try:
        decode_versions(mutant.data)
    except SnapshotCorrupt:
        if ContentStore(disk, STATE).versions != good:
            raise Believed("a list of versions") from None
        for name in ("versions", "versions.second"):
            disk.files[STATE / name] = mutant.data
        try:
            ContentStore(disk, STATE)
        except StateMismatch:
            return REFUSED
    raise Believed("a list of versions")


def _rules(corpus: Corpus, mutant: Mutant, disk: FakeDisk) -> str:
    try:
        Bundle.decode(mutant.data, mutant.path.name)
    except SnapshotCorrupt:
        try:
            ContentStore(disk, STATE).bundle(mutant.path.name)
        except StateMismatch:
            return REFUSED
    raise Believed("kept rules")


def _folder(corpus: Corpus) -> FakeDisk:
    disk = FakeDisk()
    disk.files = dict(corpus.files)
    return disk


_JUDGES: dict[str, Callable[[Corpus, Mutant, FakeDisk], str]] = {
    "snapshot": _snapshot, "journal": _journal, "versions": _versions, "rules": _rules,
}  # fmt: skip
