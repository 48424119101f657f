"""What `dry-run` and `trace` play: a recording, or what topics hold of some time, which is then recorded first."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.cli import record
from streamwatchd.compiler import Compiled
from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import iso


@dataclass(frozen=True, slots=True)
class Traffic:
    """A file, or `-`, and what to call it."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Records of topics, or of the topics of sources, by the timestamps that Kafka keeps; None: from the first, to the
    last."""

    topics: Sequence[str]
    from_ms: int | None
    until_ms: int | None

    @property
    def name(self) -> str:
        since = "" if self.from_ms is None else f" from {iso(self.from_ms)}"
        until = "" if self.until_ms is None else f" until {iso(self.until_ms)}"
        return f"{', '.join(self.topics)}{since}{until}"


def named(recording: str | None, compiled: Compiled) -> tuple[str, ...]:
    """A source, or its topic, that is called so; none where there is a file of that name."""
    sources = compiled.loaded.ruleset.sources
    names = {*sources, *(source.topic for source in sources.values())}
    return (recording,) if recording is not None and recording in names and not Path(recording).exists() else ()


@contextmanager
def traffic_of(recording: str | None, wanted: Wanted | None, compiled: Compiled) -> Iterator[Traffic]:
    """What is wanted, else the recording. Raises UnreadableInput for a topic that is not there or holds nothing of that
    time, Unavailable."""
    if wanted is None:
        assert recording is not None
        yield Traffic(recording, "standard input" if recording == "-" else recording)
        return
    settings, sources = compiled.loaded.settings, compiled.loaded.ruleset.sources
    assert settings is not None
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "traffic.parquet")
        topics = record.topics_of(wanted.topics, sources)
        kafka = record.open_kafka(settings)
        if not record.record_topics(kafka, topics, sources, path, wanted.from_ms, wanted.until_ms):
            raise UnreadableInput(f"{wanted.name}: there are no records of that time")
        yield Traffic(path, wanted.name)
