"""Formats by name."""

from __future__ import annotations

from streamwatchd.codecs.base import EventSchema
from streamwatchd.codecs.formats import FORMATS, open_decoder
from streamwatchd.codecs.json_rows import JsonDecoder


def test_formats_are_found_by_name() -> None:
    """`format: json` opens the JSON decoder; the shelf knows no others yet."""
    assert isinstance(open_decoder("json", EventSchema()), JsonDecoder)
    assert set(FORMATS) == {"json"}
