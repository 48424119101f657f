"""Bare events get their place in the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording import BareSource, RecordedMark, open_recording
from tests.recording.files import records, write


def test_bare_events_lie_in_one_partition_stamped_by_the_running_maximum(tmp_path: Path) -> None:
    """Payload = line, poison too; times that are bad or too far ahead move nothing; blank lines are no events."""
    lines = [
        b"poison",
        b'{"ts":20}',
        b"",
        b'{"ts":10}\r',
        b'{"ts":"1970-01-01T00:00:00.030Z"}',
        b'{"ts":99}',
        b'{"ts":true}',
    ]
    source = BareSource("t", "ts", "ms", latest_ms=50)
    filled = [line for line in lines if line]
    for chunk in (1, 2, 100):
        found = records(open_recording(write(tmp_path / "r.ndjson", *lines), source, chunk))
        assert found == [("t", 0, n, t, None, filled[n]) for n, t in enumerate([-1, 20, 20, 30, 30, 30])]


def test_bare_events_are_spread_as_kafka_would(tmp_path: Path) -> None:
    """By murmur2 of the key's text; offsets count per partition; no key, or poison, is partition 0."""
    hosts = [f"host-{number}" for number in range(40)]
    lines = [json.dumps({"ts": n, "host": host}).encode() for n, host in enumerate(hosts)]
    lines += [b"poison", b'{"ts":40}', b'{"ts":41,"host":5}', b'{"ts":42,"host":true}']
    keys = [*hosts, None, None, "5", "true"]
    source = BareSource("t", "ts", "ms", 4, "host")
    for chunk in (7, 1000):
        found = records(open_recording(write(tmp_path / "r.ndjson", *lines), source, chunk))
        assert not any(isinstance(record, RecordedMark) for record in found)
        for partition in range(4):
            here = [record for record in found if record[1] == partition]  # type: ignore[index]
            expected = [
                line
                for line, key in zip(lines, keys, strict=True)
                if (partition_of(key.encode(), 4) if key is not None else 0) == partition
            ]
            assert [record[5] for record in here] == expected  # type: ignore[index]
            assert [record[2] for record in here] == list(range(len(here)))  # type: ignore[index]


def test_bare_events_need_a_source_that_fits(tmp_path: Path) -> None:
    """Without one, with the record timestamp as time, or to be spread without a key: said at once."""
    path = write(tmp_path / "r.ndjson", {"ts": 1})
    with pytest.raises(UnreadableInput, match="say which source"):
        open_recording(path)
    with pytest.raises(UnreadableInput, match="record timestamp"):
        open_recording(path, BareSource("t", "kafka"))
    with pytest.raises(UnreadableInput, match="no `key:`"):
        open_recording(path, BareSource("t", "ts", partitions=2))
