"""What ran, in the journal topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streamwatchd.daemon import content_journal
from streamwatchd.daemon.content_journal import MOST_BYTES, ContentJournal, Journalled, journalled
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of
from streamwatchd.daemon.places import Places
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka, FakePlainWriter
from streamwatchd.ports.kafka import Record
from streamwatchd.rules.silence_reader import SPOKEN
from tests.daemon.project import ListLog, rule, write_project
from tests.shard.small import content

TOPIC = "streamwatchd.journal"
HOUR_MS = 3_600_000
CONFIG = b"app: mine\nkafka: {sasl.password: secret}\nsources: {events: {topic: in}}\n"


def nothing(part: str, path: str) -> bytes | None:
    return None


class Site:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.kafka, self.clock, self.log = FakeKafka({TOPIC: 4}), ManualClock(), ListLog()
        self.store = ContentStore(FakeDisk(), Path("/state"))
        self.journal = ContentJournal(self.kafka, TOPIC, "me", self.clock, self.log, most_bytes)

    def bundle(self, name: str, *, spoken: bytes = b"", tables: Mapping[str, bytes] = {}) -> Bundle:
        rules = {"same.yaml": b"same", "rules.yaml": name.encode()}
        return Bundle(CONFIG, rules, tables, silences={SPOKEN: spoken} if spoken else {})

    def add(self, name: str, *, spoken: bytes = b"") -> None:
        self.store.add(content(name), self.bundle(name, spoken=spoken))

    def found(self, *wanted: str, app: str = "me") -> dict[str, Journalled]:
        return journalled(self.kafka, TOPIC, app, wanted)

    @property
    def written(self) -> list[bytes]:
        return [bytes(each.record.key or b"") for each in self.kafka.broker.topics[TOPIC][0].entries]


def test_a_content_comes_back_as_it_was() -> None:
    """But for the settings, of which it has what says what rules mean: the others are those of today."""
    site = Site()
    site.add("a")
    site.add("b", spoken=b"one")
    assert site.journal.push(site.store)
    found = site.found("a", "b", "c")
    assert found.keys() == {"a", "b"}
    assert [each.spoken for each in found.values()] == [b"", b"one"]
    today = b"app: mine\nkafka: {bootstrap.servers: elsewhere}\nmax_record_bytes: 5\nsources: {others: {topic: x}}\n"
    back = found["b"].bundle(today, nothing)
    assert back is not None
    assert back.parts == site.bundle("b", spoken=b"one").parts
    assert back.config == (
        b'{"app":"mine","kafka":{"bootstrap.servers":"elsewhere"},"sources":{"events":{"topic":"in"}}}'
    )
    same = found["b"].bundle(CONFIG, nothing)
    assert same is not None
    assert same.config == CONFIG
    assert site.found("a", app="you") == {}


def test_no_secret_is_written() -> None:
    site = Site()
    site.add("a")
    site.journal.push(site.store)
    assert not any(b"secret" in bytes(each.record.value or b"") for each in site.kafka.broker.topics[TOPIC][0].entries)


def test_what_comes_back_compiles_to_the_same(tmp_path: Path) -> None:
    """Its digest says so, whatever else of the settings has another value by now; not where keys lay elsewhere."""
    config = write_project(tmp_path, {"counts.yaml": rule("counts")}, source="key: k, fields: {x: float}")
    bundle = Bundle(config.read_bytes(), {"counts.yaml": rule("counts").encode()}, {}, places=Places({"in": 5}))
    ran = content_of(bundle.compile(), bundle.places)
    assert ran is not None
    site = Site()
    site.journal.ahead(ran.digest, bundle)
    other = write_project(tmp_path, {}, servers="elsewhere:1", topic="other", shards=7)
    back = site.found(ran.digest)[ran.digest].bundle(other.read_bytes(), nothing)
    assert back is not None
    again = content_of(back.compile(), back.places)
    assert again is not None
    assert again.digest == ran.digest
    bare = content_of(back.compile())
    assert bare is not None
    assert bare.digest != ran.digest


def test_it_is_there_before_its_content_is_in_force() -> None:
    """A host that is lost with its disk right after the change is found by it; later it counts as any other."""
    site = Site()
    assert site.journal.ahead("a", site.bundle("a"))
    assert site.found("a").keys() == {"a"}
    site.add("a")
    written = len(site.written)
    site.journal.push(site.store)
    assert len(site.written) == written


def test_files_that_versions_share_are_written_once() -> None:
    site = Site()
    for name in ("a", "b", "c"):
        site.add(name)
        site.journal.push(site.store)
    files = [key for key in site.written if key.startswith(b"file/")]
    assert (len(files), len(set(files))) == (4, 4)


def test_files_that_are_alike_are_written_once() -> None:
    site = Site()
    site.journal.ahead("a", site.bundle("same", tables={"one.csv": b"rows", "two.csv": b"rows"}))
    assert len(site.written) == len({*site.written}) == 3
    back = site.found("a")["a"].bundle(CONFIG, nothing)
    assert back is not None
    assert back.tables == {"one.csv": b"rows", "two.csv": b"rows"}


def test_it_is_written_again_every_hour_as_long_as_a_version_names_it() -> None:
    """The topic forgets after a week."""
    site = Site()
    site.add("a")
    site.add("b")
    site.journal.push(site.store)
    site.journal.push(site.store)
    assert len(site.written) == 5
    site.store.prune(oldest=1)
    site.clock.advance(HOUR_MS)
    site.journal.push(site.store)
    assert len(site.written) == 5 + 3


def test_large_files_are_written_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further piece of so many bytes is an hour more, up to a day."""
    monkeypatch.setattr(content_journal, "_BYTES_AN_HOUR", 1_000)
    rows = np.random.default_rng(1).bytes(3_500)
    site = Site()
    site.store.add(content("a"), site.bundle("a", tables={"large.csv": rows}))
    site.journal.push(site.store)
    first = len(site.written)
    for hours, more in ((1, 3), (1, 3), (1, 3), (1, 4)):
        site.clock.advance(hours * HOUR_MS)
        site.journal.push(site.store)
        assert len(site.written) == first + more
        first += more


def test_a_file_that_fits_no_record_must_be_at_hand() -> None:
    """It is told when it is written, not each time somebody looks; another one of its name will not do."""
    rows = np.random.default_rng(1).bytes(MOST_BYTES + 1)
    site = Site()
    site.store.add(content("a"), site.bundle("a", tables={"large.csv": rows}))
    site.journal.push(site.store)
    site.journal.push(site.store)
    assert [event for _, event, _ in site.log.lines] == ["file_not_journalled"]
    found = site.found("a")["a"]
    assert found.bundle(CONFIG, nothing) is None
    assert found.bundle(CONFIG, lambda part, path: b"others") is None
    back = found.bundle(CONFIG, lambda part, path: rows)
    assert back is not None
    assert back.tables == {"large.csv": rows}


def test_what_kafka_did_not_take_is_written_at_the_next_try() -> None:
    """The change itself goes on."""
    site = Site()
    site.kafka.down = True
    assert not site.journal.ahead("a", site.bundle("a"))
    assert [event for _, event, _ in site.log.lines] == ["rules_not_journalled"]
    site.add("a")
    site.kafka.down = False
    assert site.journal.push(site.store)
    assert site.found("a").keys() == {"a"}


def test_options_of_the_client_say_what_fits() -> None:
    """What does not is told by its path; all else is there."""
    site = Site(most_bytes=100_000)
    large = np.random.default_rng(1).bytes(150_000)
    assert site.journal.ahead("a", site.bundle("a", tables={"large.csv": large}))
    assert [fields["path"] for _, event, fields in site.log.lines if event == "file_not_journalled"] == ["large.csv"]
    assert site.found("a").keys() == {"a"}


def test_what_came_through_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is much of it, and Kafka went away in the middle."""
    monkeypatch.setattr(content_journal, "_LOAD_BYTES", 1_000)
    site = Site()
    tables = {f"{number}.csv": np.random.default_rng(number).bytes(900) for number in range(5)}
    flushed = []

    def flush(writer: FakePlainWriter, timeout_s: float) -> None:
        flushed.append(timeout_s)
        if len(flushed) == 3:
            raise Unavailable("away")

    monkeypatch.setattr(FakePlainWriter, "flush", flush)
    assert not site.journal.ahead("a", site.bundle("a", tables=tables))
    before = set(site.written)
    assert site.journal.ahead("a", site.bundle("a", tables=tables))
    again = Counter(site.written)
    assert len(again) == 8
    assert max(again[key] for key in before) == 2  # what was on its way
    assert sum(again.values()) == 9


def test_applications_share_a_topic() -> None:
    """With equal rules they have contents of one digest."""
    site = Site()
    other = ContentJournal(site.kafka, TOPIC, "you", site.clock, site.log)
    assert site.journal.ahead("a", site.bundle("a"))
    assert other.ahead("a", site.bundle("a"))
    assert site.found("a").keys() == site.found("a", app="you").keys() == {"a"}


def test_whatever_is_wrong_the_change_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the daemon's threads do."""
    site = Site()
    monkeypatch.setattr(site.kafka, "plain_writer", lambda: 1 / 0)
    assert not site.journal.ahead("a", site.bundle("a"))
    ((_, event, fields),) = site.log.lines
    assert (event, fields["exc_info"]) == ("rules_not_journalled", True)


def test_it_is_found_behind_a_transaction_that_a_dead_worker_left_open() -> None:
    """And records that are none of these are passed over, or count as if there were none."""
    site = Site()
    writer = site.kafka.writer("dead")
    writer.begin()
    writer.send([Record(TOPIC, b"epoch", b"0", 0)])
    site.add("a")
    site.add("b")
    site.add("c")
    site.journal.push(site.store)
    plain = site.kafka.plain_writer()
    plain.send([Record(TOPIC, b"spoilt", b"content/me/b", 0), Record(TOPIC, None, b"content/me/c", 0)])
    assert site.found("a", "b", "c").keys() == {"a"}


def test_a_file_that_is_spoilt_is_none() -> None:
    site = Site()
    site.add("a", spoken=b"one")
    site.journal.push(site.store)
    plain = site.kafka.plain_writer()
    for key in {key for key in site.written if key.startswith(b"file/")}:
        plain.send([Record(TOPIC, b"spoilt", key, 0)])
    found = site.found("a")["a"]
    assert (found.spoken, found.bundle(CONFIG, nothing)) == (b"", None)


@pytest.mark.parametrize(("part", "path"), [("rules", "../a.yaml"), ("rules", "/etc/a.yaml"), ("spells", "a.yaml")])
def test_nothing_is_read_or_written_elsewhere(part: str, path: str) -> None:
    """Whatever somebody wrote into the topic."""
    site = Site()
    site.add("a")
    site.journal.push(site.store)
    found = site.found("a")["a"]
    (named,) = set(found.raw.files["rules"].values()) - {found.raw.files["rules"]["same.yaml"]}
    spoilt = replace(found, raw=msgspec.structs.replace(found.raw, files={part: {path: named}}))
    assert spoilt.bundle(CONFIG, nothing) is None


def test_what_came_last_is_written_before_the_daemon_leaves() -> None:
    site = Site()
    site.journal.follow(site.store)
    site.add("a")
    site.journal.close()
    assert site.found("a").keys() == {"a"}
