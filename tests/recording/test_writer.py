"""What is written comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.batch import RawBatch
from streamwatchd.recording import Header, RecordedMark, RecordingWriter, open_recording
from tests.recording.files import SUFFIXES, of_batch, records

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


@pytest.mark.parametrize("suffix", SUFFIXES)
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
    assert records(recording) == [*of_batch(first), mark, *of_batch(second)]
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
    assert records(open_recording(path)) == of_batch(batch)
