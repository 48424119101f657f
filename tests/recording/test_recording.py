"""Recordings, written and read."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording import BareSource, Header, RecordedMark, Recording, RecordingWriter, open_recording

_SUFFIXES = (".ndjson", ".ndjson.gz", ".ndjson.zst")
Record = tuple[str, int, int, int, bytes | None, bytes | None]


def records(recording: Recording) -> list[Record | RecordedMark]:
    """(topic, partition, offset, timestamp, key, payload) in the order given, and marks."""
    found: list[Record | RecordedMark] = []
    with recording:
        for item in recording:
            found += [item] if isinstance(item, RecordedMark) else _of(item)
    return found


def _of(batch: RawBatch) -> list[Record | RecordedMark]:
    keys: Sequence[bytes | None] = [None] * len(batch) if batch.keys is None else batch.keys
    rows = zip(batch.offsets, batch.timestamps, keys, batch.payloads, strict=True)
    return [(batch.topic, batch.partition, *row) for row in rows]


def write(path: Path, *lines: Any) -> str:
    """A file of NDJSON lines; bytes as they are, others as JSON."""
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return str(path)


def envelope(offset: int, value: Any, partition: int = 0, **more: Any) -> dict[str, Any]:
    return {"topic": "t", "partition": partition, "offset": offset, "timestamp": offset * 10, "value": value} | more


PAYLOADS = [
    b'{"a":1,"b":[ 1, 2 ],"c":1e400,"c":1.0}',
    '{"name":"ключ"}'.encode(),
    b' {"a":1}',
    b'{"a":\n1}',
    b'{"a":\r1}',
    b'{"a":1} ',
    b'{"torn":',
    b"plain text",
    b'"a JSON string"',
    b"null",
    b"5",
    b"",
    b"\x00\n\xff\xfe",
    b'{"\xff":1}',
    b'{"x":' + b"[" * 500 + b"]" * 500 + b"}",
    b'{"x":"\\ud800"}',
    None,
]


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_every_record_comes_back_byte_for_byte(tmp_path: Path, suffix: str) -> None:
    """Payloads that are no JSON, no UTF-8, torn, null or empty; keys; offsets with gaps; marks at their place."""
    path = str(tmp_path / f"r{suffix}")
    offsets = [3 * number for number in range(len(PAYLOADS))]
    keys = [None, b"k", b"\xff", *[b""] * (len(PAYLOADS) - 3)]
    first = RawBatch("t", 1, PAYLOADS, offsets, [o + 1000 for o in offsets], keys)
    second = RawBatch("u", 0, [b"{}"], [7], [-1])
    mark = RecordedMark(2, "", 3, 9, 123_456)
    header = Header({"t": 2, "u": 1}, {"metrics": {"topic": "t", "time": "ts"}})
    with RecordingWriter(path, header) as writer:
        writer.write(first)
        writer.mark(mark)
        writer.write(second)
    recording = open_recording(path)
    assert (recording.header, recording.enveloped) == (header, True)
    assert records(recording) == [*_of(first), mark, *_of(second)]
    assert recording.bytes_read == recording.bytes_total == Path(path).stat().st_size
    assert recording.notes == []


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(), st.text(max_size=8).map(str.encode), st.sampled_from(PAYLOADS))))
def test_any_payload_comes_back(tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes | None]) -> None:
    """Whatever bytes they are."""
    path = str(tmp_path_factory.mktemp("r") / "r.ndjson")
    batch = RawBatch("t", 0, payloads, range(len(payloads)), [0] * len(payloads), payloads)
    with RecordingWriter(path, Header()) as writer:
        writer.write(batch)
    assert records(open_recording(path)) == _of(batch)


def test_envelopes_need_no_header(tmp_path: Path) -> None:
    """Also written by others: values as objects, text, null or base64; order is kept within a partition."""
    path = write(
        tmp_path / "r.ndjson",
        envelope(0, {"a": 1}, headers={"x": "y"}),
        envelope(5, "text", partition=1, key="k"),
        b"",
        envelope(1, None),
        {"topic": "t", "partition": 0, "offset": 2, "value_base64": "/w=="},
    )
    assert records(open_recording(path)) == [
        ("t", 0, 0, 0, None, b'{"a": 1}'),
        ("t", 0, 1, 10, None, None),
        ("t", 0, 2, -1, None, b"\xff"),
        ("t", 1, 5, 50, b"k", b"text"),
    ]


def test_batches_end_at_marks_and_at_the_chunk(tmp_path: Path) -> None:
    """A mark stands between the records it stood between."""
    mark = {"mark": {"stage": 1, "topic": "t", "partition": 0, "offset": 1, "watermark_ms": 5}}
    path = write(
        tmp_path / "r.ndjson", *[envelope(n, {}) for n in range(2)], mark, *[envelope(n, {}) for n in range(2, 7)]
    )
    with open_recording(path, chunk=4) as recording:
        items = list(recording)
    assert [list(item.offsets) if isinstance(item, RawBatch) else "mark" for item in items] == [
        [0, 1],
        "mark",
        [2],
        [3, 4, 5, 6],
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"torn":', "no envelope"),
        (b"[]", "no envelope"),
        (b'{"offset":1,"partition":0,"value":{}}', "it has no topic, partition or offset"),
        (b'{"topic":"t","partition":-1,"offset":1,"value":{}}', "it has no topic, partition or offset"),
        (b'{"topic":"t","partition":0,"offset":1}', "it has no value"),
        (b'{"topic":"t","partition":0,"offset":1,"value_base64":"%"}', "no envelope"),
        (b'{"topic":"t","partition":0,"offset":1,"value":"\xff"}', "value_base64"),
        (b'{"topic":"t","partition":0,"offset":"1","value":{}}', "no envelope"),
        (b'{"mark":{"stage":1}}', "no envelope"),
    ],
)
def test_a_line_that_is_no_envelope_is_an_error_with_its_number(tmp_path: Path, line: bytes, reason: str) -> None:
    """A recording with a gap would answer another question; blank lines count as lines."""
    path = write(tmp_path / "r.ndjson", {"recording": 1}, envelope(0, {}), b"", line, envelope(1, {}))
    with pytest.raises(UnreadableInput) as caught:
        records(open_recording(path, chunk=2))
    assert f"{path}:4: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_a_torn_end_of_lines_is_left_out_and_noted(tmp_path: Path, suffix: str) -> None:
    """What a killed recorder leaves; a compressed stream that is cut off can't be told from a damaged one."""
    path = tmp_path / f"r{suffix}"
    with RecordingWriter(str(path), Header({"t": 1})) as writer:
        writer.write(RawBatch("t", 0, [b'{"a":1}', b'{"a":2}'], [0, 1], [0, 0]))
    if suffix == ".ndjson":
        path.write_bytes(path.read_bytes()[:-5])
        recording = open_recording(str(path))
        assert [record[2] for record in records(recording) if not isinstance(record, RecordedMark)] == [0]
        assert recording.notes == [f"{path}:3: the last line is torn and was left out"]
    else:
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(UnreadableInput, match="damaged or cut off"):
            records(open_recording(str(path)))


def test_a_last_line_without_an_end_is_read(tmp_path: Path) -> None:
    """Editors leave such files."""
    path = tmp_path / "r.ndjson"
    path.write_bytes(json.dumps(envelope(0, {})).encode())
    assert len(records(open_recording(str(path)))) == 1


@pytest.mark.parametrize(
    "header", [{"recording": 2}, {"recording": 1, "topics": {"t": "many"}}, {"recording": 1, "sources": []}]
)
def test_an_unknown_header_is_refused(tmp_path: Path, header: dict[str, Any]) -> None:
    """A later format, or nonsense, is not guessed at."""
    with pytest.raises(UnreadableInput, match=r"r\.ndjson:1: "):
        open_recording(write(tmp_path / "r.ndjson", header))


def test_what_can_not_be_opened_is_an_error(tmp_path: Path) -> None:
    """No such file, a folder, bytes that are not what the suffix says."""
    for name in ("none.ndjson", "none.parquet", "."):
        with pytest.raises(UnreadableInput):
            open_recording(str(tmp_path / name))
    for name in ("x.ndjson.gz", "x.ndjson.zst", "x.parquet"):
        (tmp_path / name).write_bytes(b'{"ts":1}\n')
        with pytest.raises(UnreadableInput):
            records(open_recording(str(tmp_path / name), BareSource("t", "ts")))
    with pytest.raises(UnreadableInput):
        RecordingWriter(str(tmp_path / "no" / "r.ndjson"), Header())


def test_an_empty_recording_has_no_records(tmp_path: Path) -> None:
    """No bytes, or a header alone."""
    (tmp_path / "empty.ndjson").write_bytes(b"")
    assert records(open_recording(str(tmp_path / "empty.ndjson"))) == []
    assert records(open_recording(write(tmp_path / "r.ndjson", {"recording": 1, "topics": {"t": 1}}))) == []


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


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no total to show progress by."""
    stdin = io.TextIOWrapper(io.BytesIO(b'{"ts":1}\n{"ts":2}'))
    monkeypatch.setattr(sys, "stdin", stdin)
    recording = open_recording("-", BareSource("t", "ts", "ms"))
    assert [record[3] for record in records(recording) if not isinstance(record, RecordedMark)] == [1, 2]
    assert (recording.bytes_total, recording.bytes_read) == (0, 17)
    assert not stdin.closed


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_streams_of_several_parts_are_read_whole(tmp_path: Path, suffix: str) -> None:
    """`cat a.gz b.gz` is a recording, too."""
    press = gzip.compress if suffix == ".gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"r.ndjson{suffix}"
    path.write_bytes(press(b'{"ts":1}\n') + press(b'{"ts":2}\n'))
    assert len(records(open_recording(str(path), BareSource("t", "ts")))) == 2


def test_parquet_holds_envelopes_or_bare_events(tmp_path: Path) -> None:
    """Envelope columns with text or bytes; or any columns, which become one JSON object a row."""
    path = str(tmp_path / "r.parquet")
    columns = {"topic": ["t", "t", "t"], "partition": [1, 0, 1], "offset": [4, 9, 5], "timestamp": [1, 2, 3]}
    pl.DataFrame(columns | {"key": ["k", None, "l"], "value": [b'{"a":1}', b"\xff", None]}).write_parquet(path)
    recording = open_recording(path)
    assert records(recording) == [
        ("t", 1, 4, 1, b"k", b'{"a":1}'),
        ("t", 1, 5, 3, b"l", None),
        ("t", 0, 9, 2, None, b"\xff"),
    ]
    assert (recording.bytes_read, recording.bytes_total, recording.enveloped) == (3, 3, True)
    pl.DataFrame({"ts": [20, 10], "host": ["ключ", None], "o": [{"p": 1.5}, {"p": None}]}).write_parquet(path)
    assert records(open_recording(path, BareSource("t", "ts", "ms"), chunk=1)) == [
        ("t", 0, 0, 20, None, '{"ts":20,"host":"ключ","o":{"p":1.5}}'.encode()),
        ("t", 0, 1, 20, None, b'{"ts":10,"host":null,"o":{"p":null}}'),
    ]
