"""The formats of the shelf by the name that a source's `format:` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from streamwatchd.codecs.base import Decoder, EventSchema
from streamwatchd.codecs.json_rows import JsonDecoder

FORMATS: Mapping[str, Callable[[EventSchema], Decoder]] = MappingProxyType({"json": JsonDecoder})


def open_decoder(format: str, schema: EventSchema) -> Decoder:
    """Raises KeyError for a format that the shelf does not hold (the rule loader has refused it before)."""
    return FORMATS[format](schema)
