"""Headers, and what is no recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, Header, RecordingWriter, open_recording
from tests.recording.files import records, write


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
