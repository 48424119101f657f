"""What ran, in the journal topic: the files of every version, with what people said at run time and where keys lay. So
a state folder that is lost takes no rules along.

A content is a record under `content/<app>/<digest>` that names its files by hash; a file is one under `file/<hash>`.
They are there before the content can be put in force, unless Kafka refuses them, and are written again while a version
names them, so that the topic, which forgets, has them about as long as the epochs that ran under them: every hour,
large files less often, down to once a day. Of the settings only what rules mean by them is there, so no secret of
`kafka:` is. A file that fits no record is not there either: it has to be in its folder as it was then, or in a
savepoint.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import msgspec

from streamwatchd.daemon.contents import Bundle, ContentStore, stays_inside
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.places import Places
from streamwatchd.errors import BadRecord, StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Kafka, Partition, PlainWriter, Record
from streamwatchd.rules.document import plain
from streamwatchd.rules.reader import parse
from streamwatchd.rules.silence_reader import SPOKEN
from streamwatchd.shard.journal import payloads

MOST_BYTES = 900_000
"""Of a file, deflated: brokers take records up to some 1,000,000 bytes where they are not told otherwise."""
_MOST_INFLATED = 1 << 28
_FORMAT = 1
_FILE = b"file/"
_OF_SETTINGS = ("sources", "max_record_bytes")
"""What of `streamwatchd.yaml` has a part in the digest of a content."""
_HOUR_S, _MOST_HOURS = 3_600.0, 24
_BYTES_AN_HOUR = 65_536
_LOOK_S = 600.0
_RETRY_S = 15.0
_FLUSH_S = 10.0
_LOAD_BYTES = 4 << 20
_ENVELOPE_BYTES = 1_000


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`settings` is JSON; `files` are hashes by part of a bundle and path."""

    format: int
    app: str
    digest: str
    settings: bytes
    files: dict[str, dict[str, str]]
    placed: dict[str, int] = {}
    settling: tuple[str, ...] = ()


def _key(app: str, digest: str) -> bytes:
    return f"content/{app}/{digest}".encode()


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()[:32]


def _sections(config: bytes) -> dict[str, object]:
    """The settings as written, variables not put in; none where it is no YAML."""
    top = parse("streamwatchd.yaml", config).top
    found = {} if top is None else plain(top)
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Journalled:
    """A content as far as the topic has it: `files` by hash, deflated."""

    raw: _Raw
    files: Mapping[str, bytes]

    @property
    def places(self) -> Places:
        return Places(self.raw.placed, self.raw.settling)

    @property
    def spoken(self) -> bytes:
        """The silences that were said at run time; empty for none."""
        return self._file(self.raw.files.get("silences", {}).get(SPOKEN, "")) or b""

    def _file(self, wanted: str) -> bytes | None:
        with suppress(KeyError, zlib.error):
            data = zlib.decompressobj().decompress(self.files[wanted], _MOST_INFLATED)
            return data if _hash(data) == wanted else None
        return None

    def bundle(self, config: bytes, on_disk: Callable[[str, str], bytes | None]) -> Bundle | None:
        """What it was compiled from, under the settings `config` of today but for what these say of rules. `on_disk`
        has files by part and path as they are today, for those that fit no record. None where one is missing, or where
        a path leads elsewhere."""
        parts: dict[str, dict[str, bytes]] = {}
        for part, hashes in self.raw.files.items():
            for path, wanted in hashes.items():
                if not stays_inside(part, path):
                    return None
                data = self._file(wanted)
                if data is None and ((data := on_disk(part, path)) is None or _hash(data) != wanted):
                    return None
                parts.setdefault(part, {})[path] = data
        with suppress(msgspec.DecodeError, TypeError):
            return Bundle(self._settings(config), **{"rules": {}, "tables": {}, **parts}, places=self.places)
        return None

    def _settings(self, config: bytes) -> bytes:
        """Those of today, word for word where they say the same of rules."""
        then, today = msgspec.json.decode(self.raw.settings, type=dict[str, object]), _sections(config)
        if then == {name: today[name] for name in _OF_SETTINGS if name in today}:
            return config
        others = {name: value for name, value in today.items() if name not in _OF_SETTINGS}
        return msgspec.json.encode(others | then)


def journalled(kafka: Kafka, topic: str, app: str, wanted: Collection[str]) -> dict[str, Journalled]:
    """Those of the contents `wanted`, by digest, that the topic retains. What can't be read is passed over: whoever
    asks can tell by the digest. Raises Unavailable."""
    place, contents = Partition(topic, 0), {_key(app, digest): digest for digest in wanted}
    raws: dict[str, _Raw] = {}
    for key, payload in payloads(kafka, place, read_committed=False):
        if key is None or key not in contents:
            continue
        raws.pop(contents[key], None)
        with suppress(msgspec.DecodeError):
            raw = msgspec.msgpack.decode(payload or b"", type=_Raw)
            if (raw.format, raw.app, raw.digest) == (_FORMAT, app, contents[key]):
                raws[raw.digest] = raw
    hashes = {each for raw in raws.values() for files in raw.files.values() for each in files.values()}
    names = {_FILE + each.encode(): each for each in hashes}
    files: dict[str, bytes] = {}
    for key, payload in payloads(kafka, place, read_committed=False) if names else ():
        if key is not None and key in names and payload is not None:
            files[names[key]] = payload
    return {digest: Journalled(raw, files) for digest, raw in raws.items()}


class ContentJournal:
    """Writes contents into the topic: ahead of the change that puts them in force, and again in a thread. Where Kafka
    does not take them the change goes on, and they are tried again."""

    def __init__(
        self, kafka: Kafka, topic: str, app: str, clock: Clock, log: Log, most_bytes: int = MOST_BYTES
    ) -> None:
        """`most_bytes`: of a record, by the client's options."""
        self._kafka, self._topic, self._app, self._clock, self._log = kafka, topic, app, clock, log
        self._most_bytes = min(MOST_BYTES, most_bytes - _ENVELOPE_BYTES)
        self._changed, self._writing = threading.Event(), threading.Lock()
        self._closed = False
        self._keys: dict[str, frozenset[bytes]] = {}
        """Of the records of a content, those of its files among them."""
        self._due_at: dict[bytes, float] = {}
        self._writer: PlainWriter | None = None
        self._thread: threading.Thread | None = None

    def follow(self, store: ContentStore) -> None:
        store.on_change(self._changed.set)
        self._thread = threading.Thread(target=self._run, args=(store,), name="content-journal", daemon=True)
        self._thread.start()

    def _run(self, store: ContentStore) -> None:
        wait_s = retry_s = 0.0
        while True:
            self._changed.wait(wait_s)
            self._changed.clear()
            is_last = self._closed
            retry_s = 0.0 if self.push(store) else min(_HOUR_S, max(_RETRY_S, 2 * retry_s))
            wait_s = retry_s or _LOOK_S
            if is_last:
                break
        with self._writing:
            self._drop_writer()

    def ahead(self, digest: str, bundle: Bundle) -> bool:
        """Of a content that is about to be proposed. False where Kafka does not take it now."""
        return self._write([(digest, bundle)])

    def push(self, store: ContentStore) -> bool:
        """What the topic has not got, or not for long enough, of what versions name. False where Kafka does not take
        it now."""
        with self._writing:
            digests = dict.fromkeys(version.digest for version in store.versions)
            self._keys = {digest: keys for digest, keys in self._keys.items() if digest in digests}
            named = frozenset[bytes]().union(*self._keys.values())
            self._due_at = {key: at for key, at in self._due_at.items() if key in named}
            due = [digest for digest in digests if self._is_due(digest)]
        return self._write(_bundles(store, due))

    def _is_due(self, digest: str) -> bool:
        now = self._clock.monotonic()
        return digest not in self._keys or any(self._due_at.get(key, now) <= now for key in self._keys[digest])

    def _write(self, contents: Iterable[tuple[str, Bundle]]) -> bool:
        """One content after the other, in between whoever else has one to write. Whatever is wrong with it, a change of
        the rules does not wait for it."""
        try:
            for digest, bundle in contents:
                with self._writing:
                    for load in self._loads(digest, bundle):
                        self._send(load)
        except Exception as error:
            known = isinstance(error, Unavailable | BadRecord)
            self._log.warning("rules_not_journalled", topic=self._topic, reason=str(error), exc_info=not known)
            with self._writing:
                self._drop_writer()
            return False
        return True

    def _loads(self, digest: str, bundle: Bundle) -> Iterator[list[Record]]:
        """The records that are due, some `_LOAD_BYTES` at a time, small ones first: of what is sent together nothing
        is known to be there before all of it is."""
        now, records = self._clock.monotonic(), list[Record]()
        pieces = {key: (path, make) for key, path, make in self._pieces(digest, bundle)}
        self._keys[digest] = frozenset(pieces)
        for key, (path, make) in pieces.items():
            if self._due_at.get(key, now) > now:
                continue
            packed = make()
            if len(packed) > self._most_bytes:
                self._log.warning("file_not_journalled", path=path, bytes=len(packed), hint=_TOO_LARGE)
                self._note(key, packed)
            else:
                records.append(Record(self._topic, packed, key, 0))
        records.sort(key=lambda record: len(record.value or b""))
        load, load_bytes = list[Record](), 0
        for record in records:
            size = len(record.value or b"")
            if load and load_bytes + size > _LOAD_BYTES:
                yield load
                load, load_bytes = [], 0
            load.append(record)
            load_bytes += size
        yield load

    def _note(self, key: bytes, packed: bytes) -> None:
        """When to write it again."""
        hours = min(_MOST_HOURS, 1 + len(packed) // _BYTES_AN_HOUR)
        self._due_at[key] = self._clock.monotonic() + _HOUR_S * hours

    def _send(self, records: list[Record]) -> None:
        if not records:
            return
        self._writer = self._writer or self._kafka.plain_writer()
        self._writer.send(records)
        self._writer.flush(_FLUSH_S)
        for record in records:
            self._note(record.key or b"", record.value or b"")

    def _pieces(self, digest: str, bundle: Bundle) -> Iterator[tuple[bytes, str, Callable[[], bytes]]]:
        """(key, path, what makes the payload)."""
        hashes: dict[str, dict[str, str]] = {}
        for part, path, data in _files(bundle):
            name = hashes.setdefault(part, {})[path] = _hash(data)
            yield _FILE + name.encode(), path, partial(zlib.compress, data)
        yield _key(self._app, digest), "", partial(self._manifest, digest, bundle, hashes)

    def _manifest(self, digest: str, bundle: Bundle, hashes: dict[str, dict[str, str]]) -> bytes:
        sections, places = _sections(bundle.config), bundle.places
        settings = msgspec.json.encode({name: sections[name] for name in _OF_SETTINGS if name in sections})
        raw = _Raw(_FORMAT, self._app, digest, settings, hashes, dict(places.placed), places.settling)
        return msgspec.msgpack.encode(raw)

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


_TOO_LARGE = (
    "should the state folder be lost, the start needs it as it is now in its folder, a snapshot_store or a savepoint"
)


def _files(bundle: Bundle) -> Iterator[tuple[str, str, bytes]]:
    for part, files in bundle.parts.items():
        for path, data in files.items():
            yield part, path, data


def _bundles(store: ContentStore, digests: Iterable[str]) -> Iterator[tuple[str, Bundle]]:
    """Those that are there: a version may have just gone."""
    for digest in digests:
        with suppress(StateMismatch):
            yield digest, store.bundle(digest)
