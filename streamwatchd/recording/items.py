"""What a recording holds beside records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatchd.batch import RawBatch

FORMAT = 1
NO_TIMESTAMP = -1


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: partition counts by topic, and the declarations of the sources at recording time, as text."""

    topics: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedMark:
    """A mark of the task (stage, topic, partition): its watermark went on to `watermark_ms` after `offset`."""

    stage: int
    topic: str
    partition: int
    offset: int
    watermark_ms: int


Item = RawBatch | RecordedMark
