"""Recordings in Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from streamwatchd.recording import BareSource, open_recording
from tests.recording.files import records


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
