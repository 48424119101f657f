"""Lines of files, streams and standard input, torn ones too."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest
import zstandard

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, Header, RecordedMark, RecordingWriter, open_recording
from tests.recording.files import SUFFIXES, envelope, records


@pytest.mark.parametrize("suffix", SUFFIXES)
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
