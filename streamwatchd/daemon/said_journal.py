"""What people said at run time, and where keys lay, in the journal topic with the content that it is
part of: no checkout of the rules has it.

One record for each content, under the key `said/<digest>`, there before the content can be put in force. It is written
again every hour while a version names the content, so that the topic, which forgets, has it about as long as the epochs
that ran under it.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.places import NOWHERE_ELSE, Places
from streamwatchd.errors import BadRecord, StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Kafka, Partition, PlainWriter, Record
from streamwatchd.shard.journal import payloads

_FORMAT = 1
_PREFIX = b"said/"
_AGAIN_S = 3_600.0
_LOOK_S = 600.0
_RETRY_S = 15.0
_FLUSH_S = 10.0


@dataclass(frozen=True, slots=True)
class Said:
    """`spoken` is the file of `daemon.spoken`."""

    spoken: bytes = b""
    places: Places = NOWHERE_ELSE


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`said` is deflated."""

    format: int
    app: str
    digest: str
    said: bytes
    placed: dict[str, int] = {}
    settling: tuple[str, ...] = ()


def said_in(kafka: Kafka, topic: str, app: str) -> dict[str, Said]:
    """What was said, by the digest of the content that it is part of, as far as the topic retains it. What is no such
    record is passed over: whoever asks can tell by the digest. Raises Unavailable."""
    found: dict[str, Said] = {}
    for key, payload in payloads(kafka, Partition(topic, 0), read_committed=False):
        if key is not None and key.startswith(_PREFIX) and payload is not None:
            with suppress(msgspec.DecodeError, zlib.error):
                raw = msgspec.msgpack.decode(payload, type=_Raw)
                if (raw.format, raw.app) == (_FORMAT, app):
                    found[raw.digest] = Said(zlib.decompress(raw.said), Places(raw.placed, raw.settling))
    return found


class SaidJournal:
    """Writes what is said into the topic: ahead of the change that makes it count, and again in a thread."""

    def __init__(self, kafka: Kafka, topic: str, app: str, clock: Clock, log: Log) -> None:
        self._kafka, self._topic, self._app, self._clock, self._log = kafka, topic, app, clock, log
        self._changed, self._writing = threading.Event(), threading.Lock()
        self._closed = False
        self._written_at: dict[str, float] = {}
        self._writer: PlainWriter | None = None
        self._thread: threading.Thread | None = None

    def follow(self, store: ContentStore) -> None:
        store.on_change(self._changed.set)
        self._thread = threading.Thread(target=self._run, args=(store,), name="said-journal", daemon=True)
        self._thread.start()

    def _run(self, store: ContentStore) -> None:
        wait_s = 0.0
        while True:
            self._changed.wait(wait_s)
            self._changed.clear()
            is_last = self._closed
            try:
                self.push(store)
                wait_s = _LOOK_S
            except (Unavailable, BadRecord) as error:
                self._warn(error)
                wait_s = _RETRY_S
            if is_last:
                break
        with self._writing:
            self._drop_writer()

    def ahead(self, digest: str, bundle: Bundle) -> None:
        """Of a content that is about to be proposed: a host that is lost with its disk right after the change leaves no
        version behind that can't be had. What Kafka refuses is logged. Raises Unavailable."""
        try:
            with self._writing:
                self._send([self._record(digest, bundle)])
                self._written_at[digest] = self._clock.monotonic()
        except BadRecord as error:
            self._warn(error)

    def push(self, store: ContentStore) -> None:
        """What the topic has not got, or not for an hour. Raises Unavailable; BadRecord for what Kafka refuses."""
        with self._writing:
            now, digests = self._clock.monotonic(), {version.digest for version in store.versions}
            self._written_at = {each: at for each, at in self._written_at.items() if each in digests}
            due = [each for each in digests if now - self._written_at.get(each, -_AGAIN_S) >= _AGAIN_S]
            self._send([self._record_of(store, each) for each in due])
            self._written_at |= dict.fromkeys(due, now)

    def _send(self, records: Iterable[Record | None]) -> None:
        there = [record for record in records if record is not None]
        if not there:
            return
        try:
            self._writer = self._writer or self._kafka.plain_writer()
            self._writer.send(there)
            self._writer.flush(_FLUSH_S)
        except (Unavailable, BadRecord):
            self._drop_writer()
            raise

    def _record_of(self, store: ContentStore, digest: str) -> Record | None:
        """None where the version has just gone."""
        try:
            return self._record(digest, store.bundle(digest))
        except StateMismatch:
            return None

    def _record(self, digest: str, bundle: Bundle) -> Record | None:
        """None where nothing was said."""
        if not bundle.spoken and not bundle.places:
            return None
        said, places = zlib.compress(bundle.spoken), bundle.places
        raw = _Raw(_FORMAT, self._app, digest, said, dict(places.placed), places.settling)
        return Record(self._topic, msgspec.msgpack.encode(raw), _PREFIX + digest.encode(), 0)

    def _warn(self, error: Exception) -> None:
        self._log.warning("said_not_journalled", topic=self._topic, reason=str(error))

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is not there yet, if that goes within `timeout_s`."""
        self._closed = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
