"""Recordings that may be given away: some of the keys only, and fields hidden."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from streamwatchd.batch import RawBatch

_ALL = 1_000_000
HIDDEN = b"hidden: not a JSON object"
"""In place of a payload in which fields can't be found; it stays a dead letter."""


@dataclass(frozen=True, slots=True)
class Thinning:
    """`share` of the keys (of records without one, of the payloads) is kept, the same ones each time.

    Texts of the fields in `hidden`, at the top level, become pseudonyms under `salt`, so that equal ones stay equal;
    other values become null. Keys of records are hidden with them.
    """

    share: float = 1.0
    hidden: Collection[str] = ()
    salt: bytes = b""

    def thinned(self, batch: RawBatch) -> RawBatch:
        keys = batch.keys or [None] * len(batch)
        rows = list(zip(batch.payloads, batch.offsets, batch.timestamps, keys, strict=True))
        kept = [row for row in rows if self.share >= 1 or self._keeps(row[3] or row[0] or b"")]
        payloads = [self._payload(payload) if self.hidden else payload for payload, _, _, _ in kept]
        names = [self._name(key).encode() if self.hidden and key is not None else key for _, _, _, key in kept]
        offsets, stamps = [offset for _, offset, _, _ in kept], [stamp for _, _, stamp, _ in kept]
        return RawBatch(batch.topic, batch.partition, payloads, offsets, stamps, names)

    def _keeps(self, key: bytes) -> bool:
        digest = hashlib.blake2b(key, digest_size=8).digest()
        return int.from_bytes(digest) % _ALL < self.share * _ALL

    def _payload(self, payload: bytes | None) -> bytes | None:
        if payload is None:
            return None
        try:
            event = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return HIDDEN
        if not isinstance(event, dict):
            return HIDDEN
        for name in self.hidden:
            if name in event:
                value = event[name]
                event[name] = self._name(value.encode()) if isinstance(value, str) else None
        return msgspec.json.encode(event)

    def _name(self, text: bytes) -> str:
        return hashlib.blake2b(text, key=self.salt, digest_size=6).hexdigest()
