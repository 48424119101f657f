"""Spoilt files whose seals were made to fit: no checksum can tell, but reading them must do no harm either."""

from __future__ import annotations

import random
import struct
from hashlib import sha256

from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.packing import seal, unseal
from streamwatchd.shard import journal, snapshot_file
from tests.mutations.corpus import Corpus
from tests.mutations.mutate import CHANGES, Mutant

SEALED_ANEW = "sealed_anew"
_KIND_AND_FORMAT = struct.Struct("<8sI")


def forge(corpus: Corpus, rng: random.Random) -> Mutant:
    path = rng.choice(sorted(corpus.files))
    good, kind = corpus.files[path], corpus.kind_of(path)
    make = {"snapshot": _snapshot, "journal": _journal}.get(kind, _sealed)
    return Mutant(path, make(good, rng), SEALED_ANEW)


def _change(data: bytes, rng: random.Random) -> bytes:
    return rng.choice(CHANGES)(data, rng)


def _snapshot(good: bytes, rng: random.Random) -> bytes:
    """Another manifest; half of the time one that is still msgpack, with other numbers in it."""
    footer = snapshot_file._FOOTER
    offset, length, _, end = footer.unpack(good[-footer.size :])
    manifest = good[offset : offset + length]
    manifest = _other_number(manifest, rng) if rng.random() < 0.5 else _change(manifest, rng)
    header = good[: snapshot_file._HEADER.size]
    digest = sha256(header + manifest + snapshot_file._SEAL.pack(offset, len(manifest))).digest()
    return good[:offset] + manifest + footer.pack(offset, len(manifest), digest, end)


def _other_number(manifest: bytes, rng: random.Random) -> bytes:
    """One of the 4-byte numbers (epochs, offsets, lengths as msgpack has them) becomes another."""
    places = [at for at in range(len(manifest) - 5) if manifest[at] in (0xCD, 0xCE)]
    if not places:
        return _change(manifest, rng)
    at = rng.choice(places)
    size = 2 if manifest[at] == 0xCD else 4
    return manifest[: at + 1] + rng.randbytes(size) + manifest[at + 1 + size :]


def _journal(good: bytes, rng: random.Random) -> bytes:
    """One of its records becomes another, in a frame that fits."""
    frame, at, starts = journal._FRAME, 0, [0]
    while at < len(good):
        at += frame.size + frame.unpack_from(good, at)[0]
        starts.append(at)
    number = rng.randrange(len(starts) - 1)
    begin, end = starts[number], starts[number + 1]
    body = _change(good[begin + frame.size : end], rng)
    return good[:begin] + frame.pack(len(body), journal._seal(body)) + body + good[end:]


def _sealed(good: bytes, rng: random.Random) -> bytes:
    kind, version = _KIND_AND_FORMAT.unpack_from(good)
    try:
        content = unseal(kind, version, good)
    except SnapshotCorrupt as error:
        raise AssertionError("the corpus holds a spoilt file") from error
    return seal(kind, version, _change(content, rng))
