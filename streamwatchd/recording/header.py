"""The header of a recording as JSON: the first line of one in lines, metadata of the file of one in Parquet."""

from __future__ import annotations

from typing import Any

import msgspec

from streamwatchd.errors import UnreadableInput
from streamwatchd.recording.items import FORMAT, Header

METADATA = "streamwatchd.recording"
_NAMES = {"recording", "topics", "sources"}


def header_bytes(header: Header) -> bytes:
    """Without the end of a line."""
    return msgspec.json.encode({"recording": FORMAT, "topics": header.topics, "sources": header.sources})


def read_header(where: str, text: bytes) -> Header | None:
    """The header, if the text is one. Raises UnreadableInput for one that can't be read."""
    try:
        document: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(document, dict) or "recording" not in document or not document.keys() <= _NAMES:
        return None
    if document["recording"] != FORMAT:
        raise UnreadableInput(f"{where}: recordings of format {document['recording']} are not known here")
    try:
        topics = msgspec.convert(document.get("topics", {}), dict[str, int])
        sources = msgspec.convert(document.get("sources", {}), dict[str, Any])
    except msgspec.ValidationError as error:
        raise UnreadableInput(f"{where}: the header can't be read: {error}") from None
    return Header(topics, sources)
