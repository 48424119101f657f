"""`swctl record` against a broker in memory."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.cli import record
from streamwatchd.cli.record import asked_to_end
from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_kafka import FakeKafka, FakeReader
from streamwatchd.ports.kafka import Record, Taken
from streamwatchd.recording import RecordingWriter, open_recording
from tests.cli.small import START, copy, swctl


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kafka = FakeKafka({"web.requests": 2})
    writer = kafka.plain_writer()
    for n in range(30):
        event = json.dumps({"ts": START + 10 * n, "shop": "north", "page": "home"}).encode()
        writer.send([Record("web.requests", event, partition=n % 2, timestamp_ms=(START + 10 * n) * 1000)])
    writer.flush(1.0)
    monkeypatch.setattr(record, "open_kafka", lambda settings: kafka)
    return copy(tmp_path)


def test_a_recording_can_be_played(config: Path) -> None:
    """All sources by default; what was recorded goes to standard error, so that `-` can be piped."""
    file, out = config.parent / "traffic.ndjson.zst", config.parent / "out"
    result = swctl("record", "--config", config, "--from-beginning", "--out", file)
    assert (result.exit_code, result.stderr) == (0, f"{file}: 30 records of 1 topic, 0 marks\n")
    assert swctl("dry-run", "--config", config, file, "--out", out, "--now", START + 1000).exit_code == 0
    assert sum(json.loads(row)["events"] for row in (out / "kpis.ndjson").read_text().splitlines()) == 24


def test_a_topic_may_be_named_by_its_source(config: Path) -> None:
    """And one that is not there is an error before anything is written."""
    file = config.parent / "a.ndjson"
    assert swctl("record", "web", "--config", config, "--from-beginning", "--out", file).exit_code == 0
    assert len(file.read_text().splitlines()) == 31
    result = swctl("record", "nowhere", "--config", config, "--out", config.parent / "b.ndjson")
    assert (result.exit_code, result.stderr) == (2, "swctl: the cluster has no topic nowhere\n")
    assert not (config.parent / "b.ndjson").exists()


def test_seconds_end_it(config: Path) -> None:
    """From now on there is nothing."""
    file = config.parent / "a.ndjson"
    result = swctl("record", "--config", config, "--out", file, "--seconds", 0.01)
    assert (result.exit_code, len(file.read_text().splitlines())) == (0, 1)


def test_a_stretch_of_what_the_topics_hold(config: Path) -> None:
    """By the timestamps of records; it goes with no other way to say what."""
    file = config.parent / "a.ndjson"
    ends = ("--from", START + 100, "--until", START + 200)
    assert swctl("record", "web", "--config", config, *ends, "--out", file).exit_code == 0
    stamps = [json.loads(line)["timestamp"] for line in file.read_text().splitlines()[1:]]
    assert (min(stamps), max(stamps), len(stamps)) == ((START + 100) * 1000, (START + 190) * 1000, 10)
    assert swctl("record", "web", "--config", config, *ends, "--seconds", 1, "--out", file).exit_code == 2


def test_a_recording_that_may_be_given_away(config: Path) -> None:
    """A share of it, with pseudonyms for shops."""
    file = config.parent / "a.ndjson"
    options = ("--from-beginning", "--hide", "shop", "--sample", 50, "--out", file)
    assert swctl("record", "web", "--config", config, *options).exit_code == 0
    lines = file.read_text().splitlines()[1:]
    assert 5 <= len(lines) <= 25
    assert not any("north" in line for line in lines)
    assert len({json.loads(line)["value"]["shop"] for line in lines}) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("suffix", [".ndjson", ".parquet"])
def test_a_signal_ends_a_whole_recording(
    config: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, number: signal.Signals
) -> None:
    """With all that was taken until then, also where it comes in the middle of writing."""
    write, signals = RecordingWriter.write, [number]
    before = signal.getsignal(signal.SIGINT)  # ignored, where the tests run in the background

    def signalled(self: RecordingWriter, raw: RawBatch) -> None:
        if signals:
            signal.raise_signal(signals.pop())
        write(self, raw)

    monkeypatch.setattr(RecordingWriter, "write", signalled)
    file = config.parent / f"a{suffix}"
    result = swctl("record", "web", "--config", config, "--from-beginning", "--seconds", 60, "--out", file)
    assert (result.exit_code, result.stderr) == (0, f"\n{file}: 30 records of 1 topic, 0 marks\n")
    with open_recording(str(file)) as recording:
        assert sum(len(item) for item in recording if isinstance(item, RawBatch)) == 30
    assert signal.getsignal(signal.SIGINT) is before


def failing(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Kafka is gone after so many times of taking records."""
    take, left = FakeReader.take, [None] * after

    def taken(self: FakeReader, max_records: int, timeout_s: float) -> Taken:
        if not left:
            raise Unavailable("no broker answers")
        left.pop()
        return take(self, 10, timeout_s)

    monkeypatch.setattr(FakeReader, "take", taken)


@pytest.mark.parametrize("before", [None, b"good"])
def test_what_was_recorded_until_kafka_failed_is_kept(
    config: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    """As a whole file beside the place, so that an old recording stays."""
    folder = config.parent / "r"
    folder.mkdir()
    file = folder / "a.parquet"
    if before is not None:
        file.write_bytes(before)
    failing(monkeypatch, after=1)
    result = swctl("record", "web", "--config", config, "--from-beginning", "--out", file)
    assert (result.exit_code, file.read_bytes() if file.exists() else None) == (2, before)
    (part,) = (each for each in folder.iterdir() if each != file)
    assert f"what was recorded until then: {part}: 10 records\n" in result.stderr
    with open_recording(str(part)) as recording:
        assert sum(len(item) for item in recording if isinstance(item, RawBatch)) == 10


def test_nothing_is_left_where_nothing_was_recorded(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Parquet; of one in lines the header is there."""
    folder = config.parent / "r"
    folder.mkdir()
    failing(monkeypatch, after=0)
    for name in ("a.parquet", "b.ndjson"):
        result = swctl("record", "web", "--config", config, "--from-beginning", "--out", folder / name)
        assert (result.exit_code, "until then" in result.stderr) == (2, False)
    assert [each.name for each in folder.iterdir()] == ["b.ndjson"]


def test_the_second_interrupt_breaks_in() -> None:
    """Where something hangs."""
    with asked_to_end() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
