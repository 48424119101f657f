"""Bad files and bad records meet a running daemon: each is refused with its reason, and the neighbours go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.ports.kafka import Record
from streamwatchd.ports.librdkafka import Librdkafka
from tests.bad_input.files import BAD_FILES, FIELDS, put
from tests.kafka import server
from tests.kafka.fixtures import needing_kafka
from tests.kafka.process import read_letters
from tests.kafka.site import COUNTS, LARGEST_BYTES, SOURCE_PARTITIONS, START_MS, Site

pytestmark = pytest.mark.kafka

T = f'"t":{START_MS + 1_000}'
BAD_RECORDS: dict[str, tuple[bytes | None, str]] = {
    "null": (None, "empty"),
    "empty": (b"", "empty"),
    "not_json": (b"cpu=5", "bad_json"),
    "cut_off": (b'{"k":"k0",' + T.encode(), "bad_json"),
    "not_an_object": (b"[1, 2]", "not_an_object"),
    "nan": (f'{{{T},"k":"k0","size":NaN}}'.encode(), "bad_json"),
    "infinity": (f'{{{T},"k":"k0","other":-Infinity}}'.encode(), "bad_json"),
    "wrong_type": (f'{{{T},"k":"k0","size":"many"}}'.encode(), "wrong_type: size"),
    "wrong_key_type": (f'{{{T},"k":7}}'.encode(), "wrong_type: k"),
    "no_time": (b'{"k":"k0"}', "missing_time"),
    "bad_time": (b'{"t":"yesterday","k":"k0"}', "bad_time"),
    "far_future": (b'{"t":"2999-01-01T00:00:00Z","k":"k0"}', "future_time"),
    "bad_utf8": (f'{{{T},"k":"'.encode() + b'\xff"}', "bad_utf8"),
    "deep": (f'{{{T},"k":"k0","x":'.encode() + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    "newline": (f'{{{T},"k":"k0"}}\n{{{T},"k":"k0"}}'.encode(), "bad_json"),
    "ten_megabytes": (f'{{{T},"k":"k0","x":"'.encode() + b"x" * (10 << 20) + b'"}', "too_large"),
}


def send(kafka: str, site: Site, *payloads: bytes | None) -> None:
    """Round the partitions, by a client that may send large records."""
    writer = Librdkafka({"bootstrap.servers": kafka, "message.max.bytes": LARGEST_BYTES}).plain_writer()
    writer.send(Record(site.topic, p, partition=number % SOURCE_PARTITIONS) for number, p in enumerate(payloads))
    writer.flush(30)
    writer.close()


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    site = Site(kafka, tmp_path, source=f"fields: {FIELDS}")
    yield site
    site.end()


def test_bad_records_become_dead_letters(kafka: str, site: Site) -> None:
    """Each one with reason and coordinates, also one ten times too large for a record; all events are counted."""
    site.start_and_wait()
    site.feed(1_000)
    send(kafka, site, *(payload for payload, _ in BAD_RECORDS.values()))
    site.feed(1_000)
    site.until_all_counted()
    letters = [(texts(headers), payload) for headers, payload in read_letters(kafka, f"{site.name}.dead_letters")]
    found = {
        (int(headers["partition"]), headers["reason"], (payload or b"")[:100_000])
        for headers, payload in letters
        if (headers["topic"], headers["source"]) == (site.topic, "events") and int(headers["offset"]) >= 0
    }
    assert found == {
        (number % SOURCE_PARTITIONS, reason, (payload or b"")[:100_000])
        for number, (payload, reason) in enumerate(BAD_RECORDS.values())
    }
    assert len(letters) == len(BAD_RECORDS)
    (length,) = [headers["length"] for headers, _ in letters if "length" in headers]
    assert int(length) == len(BAD_RECORDS["ten_megabytes"][0] or b"")
    assert site.metric("streamwatchd_dead_letters_total") == len(BAD_RECORDS)
    assert site.logged("worker_lost") == []


def texts(headers: list[tuple[str, bytes]]) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}


def test_events_too_large_to_pass_on_stop_nothing(kafka: str, site: Site) -> None:
    """A late event and an alert of more than a megabyte: the one is cut, the other set apart, with the full length."""
    message = " ".join(["{text}"] * 20)
    alarm = f"source: events\nrules:\n  - {{alarm: told, by: k, when: size > 100, message: '{message}'}}\n"
    site.write({"counts.yaml": COUNTS, "told.yaml": alarm}, kafka)
    site.start_and_wait()
    site.feed(100, size=500, text="x" * 60_000)
    site.feed(400)
    late = json.dumps({"t": START_MS - 100_000, "k": "k0", "text": "x" * 1_048_000}).encode()
    send(kafka, site, late)
    site.until_all_counted()
    lengths = [dict(headers)["length"] for headers, _ in read_letters(kafka, f"{site.name}.late")]
    assert lengths == [str(len(late)).encode()]
    reasons = [dict(headers)["reason"].decode() for headers, _ in read_letters(kafka, f"{site.name}.dead_letters")]
    assert sum(reason.startswith("too_large: a record of") for reason in reasons) == 3
    assert site.output("alerts") == []


def test_bad_files_are_refused_alone(site: Site) -> None:
    """All kinds at once, while it runs: each is logged with its diagnostic, counted, and forgotten when it goes."""
    site.start_and_wait()
    site.feed(500)
    rules = site.folder / "rules.d"
    paths = {bad.name: put(bad, rules) for bad in BAD_FILES}
    names = {path.name for path in paths.values()}
    site.until(lambda: {Path(path).name for path in site.health()[1].get("refused", ())} == names)
    assert site.metric("streamwatchd_refused_files") == len(BAD_FILES)
    said = [line["diagnostic"] for line in site.logged("rule_refused")]
    for bad in BAD_FILES:
        assert any(bad.code in text and bad.says in text and paths[bad.name].name in text for text in said), bad.name
    site.feed(500)
    site.until_all_counted()
    for path in paths.values():
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    site.until(lambda: site.health()[1]["refused"] == [])


def test_an_unknown_table_in_the_configuration_is_said_at_the_start(site: Site) -> None:
    """With its place, and the daemon does not run on half of a configuration."""
    config = site.config.read_text()
    site.config.write_text(config.replace("max_delay: 1s", "max_delay: 1s, enrich: {devces: k}"))
    site.start()
    assert site.process is not None
    assert site.process.wait(30) == 2
    assert "there is no table `devces`" in site.log.read_text()
    assert "streamwatchd.yaml:2:" in site.log.read_text()
    site.config.write_text(config)
    site.start_and_wait()


def test_a_broker_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    """Meanwhile the daemon says so and waits; nothing is lost and nothing doubled. No producer is used on that does not
    come back from sending offsets after an outage: that was 11 s more."""
    folder = tmp_path / "kafka"
    with needing_kafka():
        address = server.start(folder)
    try:
        site = Site(address, tmp_path)
        try:
            site.start_and_wait()
            site.feed(1_000)
            site.until(lambda: site.metric("streamwatchd_records_total") >= 1_000)
            server.stop(folder)
            site.until(lambda: site.health()[0] == 503)
            server.start_again(folder)
            site.until(lambda: site.health()[0] == 200)
            site.feed(1_000)
            site.until_all_counted()
            assert not [each for each in site.logged("worker_noted") if "does not come back" in each["note"]]
        finally:
            site.end()
    finally:
        server.stop(folder)
