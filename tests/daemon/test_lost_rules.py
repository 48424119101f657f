"""Versions out of the journal topic; what a start makes of them is in tests/kafka/test_lost_state."""

from __future__ import annotations

import random
from pathlib import Path

from streamwatchd.daemon.content_journal import ContentJournal
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of
from streamwatchd.daemon.lost_rules import LostRules
from streamwatchd.enrichment.fetched import copy_path
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from streamwatchd.settings import Settings
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.version import BEGINNING, Content, Version
from tests.daemon.project import ListLog, rule

CONFIG = b"kafka: {bootstrap.servers: '127.0.0.1:1'}\nsources: {events: {topic: in, time: t, key: k}}\n"
TOPIC = "streamwatchd.journal"
ROWS = b'{"k": "a", "site": "%s"}\n' % random.Random(1).randbytes(2_000).hex().encode()


class Site:
    """Two versions ran, `one` and `two`; a `most_bytes` keeps files out of the topic."""

    def __init__(self, folder: Path, *, most_bytes: int = 900_000) -> None:
        self.kafka, self.log = FakeKafka({TOPIC: 1}), ListLog()
        enrichment, state = folder / "enrichment.d", folder / "state"
        self.settings = Settings(folder / "x.yaml", app="me", state_dir=state, enrichment_dir=enrichment)
        self.journal = ContentJournal(self.kafka, TOPIC, "me", ManualClock(), self.log, most_bytes)
        self.contents = [self.ran(name) for name in ("one", "two")]
        self.versions = tuple(
            Version(number, BEGINNING if number == 0 else 5, each.digest) for number, each in enumerate(self.contents)
        )
        for epoch, version in enumerate(self.versions, 1):
            record = EpochRecord(
                Owner("me", 0, 1, 0), epoch, 0, {}, (), (version,) if version.number else (), version.number,
                version.digest, "0", {},
            )  # fmt: skip
            self.kafka.plain_writer().send([Record(TOPIC, record.encode(), b"0", 0)])
        self.lost = LostRules(self.kafka, self.settings, self.log, lambda: CONFIG)

    def ran(self, name: str) -> Content:
        tables = {".fetched/devices.ndjson": ROWS} if name == "two" else {}
        bundle = Bundle(CONFIG, {"a.yaml": rule(name).encode()}, tables)
        content = content_of(bundle.compile())
        assert content is not None
        self.journal.ahead(content.digest, bundle)
        return content


def test_what_ran_is_known_before_topics_are_asked(tmp_path: Path) -> None:
    """And comes into the folder once its versions are."""
    site = Site(tmp_path)
    assert [each.digest for each in site.lost.look()] == [each.digest for each in site.contents]
    assert site.lost.versions == site.versions
    store = ContentStore(FakeDisk(), tmp_path / "state")
    store.adopt(site.lost.versions)
    assert len(store.lost()) == 2
    assert site.lost.bring_back(store, store.lost()).keys() == {each.digest for each in site.contents}
    store.demand_all()


def test_a_folder_that_lost_contents_alone_has_them_again(tmp_path: Path) -> None:
    site = Site(tmp_path)
    store = ContentStore(FakeDisk(), tmp_path / "state")
    store.adopt(site.versions)
    site.lost.bring_back(store, store.lost())
    assert not store.lost()
    assert [fields["contents"] for _, event, fields in site.log.lines if event == "rules_rebuilt"] == [2]


def test_a_first_start_finds_nothing(tmp_path: Path) -> None:
    lost = LostRules(FakeKafka({}), Settings(tmp_path / "x.yaml", app="me"), ListLog(), lambda: CONFIG)
    assert (lost.look(), lost.versions) == ([], ())


def test_rows_that_fitted_no_record_are_taken_from_the_copy_of_today(tmp_path: Path) -> None:
    """Where they are the same."""
    site = Site(tmp_path, most_bytes=2_500)
    assert [fields["path"] for _, event, fields in site.log.lines if event == "file_not_journalled"]
    for data, known in ((ROWS + b"\n", 1), (ROWS, 2)):
        copy = copy_path(site.settings.state_dir, "devices")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)
        lost = LostRules(site.kafka, site.settings, ListLog(), lambda: CONFIG)
        assert len(lost.look()) == known
