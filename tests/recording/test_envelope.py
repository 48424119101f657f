"""Envelopes, ours and those of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import open_recording
from tests.recording.files import envelope, records, write


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
