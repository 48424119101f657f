"""Recordings of traffic: what `swctl record` writes and `dry-run` plays. Order counts within a partition only.

A recording is NDJSON (plain, `.gz` or `.zst`, or `-` for standard input) or Parquet (`.parquet`, `.parq`, `.pq`), in
one of two forms.

- **Envelopes**, one a record, as in Kafka: `{"topic", "partition", "offset", "timestamp", "key", "value"}`. A `value`
  that is a string is the payload's text, `null` is a tombstone, any other JSON is the payload itself, byte for byte.
  Bytes that are not UTF-8 stand as `value_base64`, `key_base64`. Other names (`headers`) are let pass.
- **Bare events** of one source, one payload a line. What they lack is made up by `BareSource`. Empty lines are none.

Envelopes may have a header before them: `{"recording": 1, "topics": {"TOPIC": PARTITIONS}, "sources": {…}}`. Marks,
the inputs of the engine that are no records, are lines with the fields of `RecordedMark`:
`{"mark": {"stage", "topic", "partition", "offset", "watermark_ms"}}`.

In Parquet an envelope is a row, with columns of these names and key and value as bytes (or text). A mark is a row whose
columns `mark_stage` and `mark_watermark_ms` are not null. The header is metadata of the file, `streamwatchd.recording`.

A line that is no envelope makes an envelope recording unreadable, since a gap would change what the engine says; only a
torn last line, which a killed recorder leaves, is left out and noted. Parquet has its table of contents at its end:
what a killed recorder leaves can't be read. So it is written beside its place, `partial-HEX-NAME`, which it takes when
it is whole. A poison line among bare events is a payload like
any other and becomes a dead letter.
"""

from streamwatchd.recording.bare import BareSource
from streamwatchd.recording.items import Header, RecordedMark
from streamwatchd.recording.reader import Recording, open_recording
from streamwatchd.recording.writer import RecordingWriter

__all__ = [
    "BareSource",
    "Header",
    "RecordedMark",
    "Recording",
    "RecordingWriter",
    "open_recording",
]
