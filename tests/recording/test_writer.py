"""What is written comes back."""

from __future__ import annotations

import random
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, Header, RecordedMark, RecordingWriter, open_recording
from tests.recording.files import FORMS, PARQUET, of_batch, records

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


@pytest.mark.parametrize("suffix", FORMS)
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
    total = len(PAYLOADS) + 2 if suffix in PARQUET else Path(path).stat().st_size
    assert recording.bytes_read == recording.bytes_total == total
    assert recording.notes == []


_PAYLOAD = st.one_of(st.none(), st.binary(), st.text(max_size=8).map(str.encode), st.sampled_from(PAYLOADS))
_MARK = st.builds(
    RecordedMark,
    stage=st.integers(1, 3),
    topic=st.sampled_from(["", "t"]),
    partition=st.integers(0, 3),
    offset=st.integers(-1, 2**40),
    watermark_ms=st.integers(0, 2**50),
)
_ITEM = st.one_of(_MARK, st.builds(lambda payloads: batch_of(payloads), st.lists(_PAYLOAD, min_size=1)))


def batch_of(payloads: list[bytes | None]) -> RawBatch:
    return RawBatch("t", 0, payloads, range(len(payloads)), [0] * len(payloads), payloads[::-1])


@settings(max_examples=80)
@given(items=st.lists(_ITEM, max_size=6), chunk=st.integers(1, 9))
@pytest.mark.parametrize("suffix", [".ndjson", ".parquet"])
def test_any_payload_comes_back(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, items: list[RawBatch | RecordedMark], chunk: int
) -> None:
    """Whatever bytes it and its key are, in its place among the marks, however many are read as one."""
    path = str(tmp_path_factory.mktemp("r") / f"r{suffix}")
    with RecordingWriter(path, Header()) as writer:
        for item in items:
            if isinstance(item, RecordedMark):
                writer.mark(item)
            else:
                writer.write(item)
    expected = [row for item in items for row in ([item] if isinstance(item, RecordedMark) else of_batch(item))]
    assert records(open_recording(path, BareSource("t"), chunk)) == expected


@pytest.mark.parametrize("suffix", FORMS)
def test_a_recording_need_not_have_a_header(tmp_path: Path, suffix: str) -> None:
    """It then has none when it is read, which is not the same as one that says nothing."""
    for header in (None, Header()):
        path = str(tmp_path / f"r{suffix}")
        with RecordingWriter(path, header) as writer:
            writer.write(batch_of([b"{}"]))
        with open_recording(path) as recording:
            assert recording.header == header


@pytest.mark.parametrize("suffix", FORMS)
def test_a_full_disk_is_told(tmp_path: Path, suffix: str) -> None:
    """With the file that has no place there."""
    path = tmp_path / f"r{suffix}"
    path.symlink_to("/dev/full")
    with pytest.raises(UnreadableInput, match=r"r\.[a-z.]*: No space left on device; the recording is not whole"):
        write_one(str(path))


@pytest.mark.parametrize("suffix", FORMS)
def test_a_disk_that_gets_full_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    """And nothing beside it."""
    path = tmp_path / f"r{suffix}"
    path.write_bytes(b"good")
    payloads: list[bytes | None] = [random.Random(number).randbytes(1000) for number in range(200)]
    said = "File too large; the recording is not whole, and was not put there"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(UnreadableInput, match=said), RecordingWriter(str(path), Header(), whole=True) as writer:
            writer.write(batch_of(payloads))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(path.name, b"good")]


@pytest.mark.parametrize("suffix", FORMS)
def test_lines_lie_at_their_place_while_they_are_written(tmp_path: Path, suffix: str) -> None:
    """So that those of a killed recorder are there; Parquet of one is of no use, and takes no place."""
    path = tmp_path / f"r{suffix}"
    path.write_bytes(b"good")
    with RecordingWriter(str(path), Header()) as writer:
        writer.write(batch_of([b"{}"]))
        assert (path.read_bytes() == b"good") is (suffix in PARQUET)
    with open_recording(str(path)) as recording:
        assert len(records(recording)) == 1


def write_one(path: str) -> None:
    with RecordingWriter(path, Header()) as writer:
        writer.write(batch_of([b"{}"]))
