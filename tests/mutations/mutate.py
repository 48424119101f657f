"""Ways to spoil a file, each drawn from a seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.corpus import Corpus

PAGE = 4096
_EDGE = 96
"""Bytes at either end of a file that are tried one by one: headers and footers are there."""
_SIZES = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)

Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`data` in place of what was at `path`."""

    path: Path
    data: bytes
    way: str


def flip_bit(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return _with(data, at, bytes([data[at] ^ (1 << rng.randrange(8))]))


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(2, 40)):
        data = flip_bit(data, rng)
    return data


def set_edge_byte(data: bytes, rng: random.Random) -> bytes:
    """Any byte of the header or the footer, to any other value."""
    at = rng.randrange(min(_EDGE, len(data)))
    at = at if rng.random() < 0.5 else len(data) - 1 - at
    return _with(data, at, bytes([data[at] ^ rng.randint(1, 255)]))


def cut_off(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def cut_short(data: bytes, rng: random.Random) -> bytes:
    """By a few bytes."""
    return data[: -rng.randint(1, min(64, len(data)))]


def cut_at_page(data: bytes, rng: random.Random) -> bytes:
    return data[: PAGE * rng.randint(0, (len(data) - 1) // PAGE)]


def lose_head(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randint(1, len(data)) :]


def double_tail(data: bytes, rng: random.Random) -> bytes:
    return data + data[-rng.randint(1, len(data)) :]


def add_zeros(data: bytes, rng: random.Random) -> bytes:
    """As a file that was made longer before its bytes came."""
    return data + bytes(rng.choice((1, 7, 512, PAGE, 10 * PAGE)))


def add_noise(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.choice((1, 12, 100, PAGE)))


def swap_blocks(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice((1, 4, 16, 512, PAGE))
    size = min(size, len(data) // 2)
    one, two = sorted(rng.sample(range(len(data) // size), 2)) if len(data) // size >= 2 else (0, 0)
    a, b = data[one * size : (one + 1) * size], data[two * size : (two + 1) * size]
    return _with(_with(data, one * size, b), two * size, a)


def zero_page(data: bytes, rng: random.Random) -> bytes:
    """A page of zeros where a machine died before the page was written."""
    size = rng.choice((512, PAGE))
    at = size * rng.randint(0, (len(data) - 1) // size)
    return _with(data, at, bytes(min(size, len(data) - at)))


def zero_rest(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes(len(data) - at)


def noise_page(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return _with(data, at, rng.randbytes(min(rng.choice((8, 512, PAGE)), len(data) - at)))


def lose_block(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 4, 512, PAGE)) :]


def double_block(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at : at + rng.choice((1, 4, 512, PAGE))] + data[at:]


def set_length(data: bytes, rng: random.Random) -> bytes:
    """A number of 2, 4 or 8 bytes, near an end or anywhere, to one that a length should not be."""
    form = rng.choice(("<H", "<I", "<Q", ">I"))
    size = struct.calcsize(form)
    last = max(0, len(data) - size)
    at = rng.choice((rng.randint(0, min(last, _EDGE)), last - rng.randint(0, min(last, _EDGE)), rng.randint(0, last)))
    return _with(data, at, struct.pack(form, rng.choice(_SIZES) % 256**size))


def empty(data: bytes, rng: random.Random) -> bytes:
    return b""


def all_zeros(data: bytes, rng: random.Random) -> bytes:
    return bytes(len(data))


def _with(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


CHANGES: tuple[Change, ...] = (
    flip_bit, flip_bits, set_edge_byte, cut_off, cut_short, cut_at_page, lose_head, double_tail, add_zeros, add_noise,
    swap_blocks, zero_page, zero_rest, noise_page, lose_block, double_block, set_length, empty, all_zeros,
)  # fmt: skip
"""Of one file in itself; what needs others is in `_exchanged`."""
_WEIGHTS = tuple({empty: 0.05, all_zeros: 0.05}.get(change, 1.0) for change in CHANGES)


def draw(corpus: Corpus, rng: random.Random) -> Mutant:
    """A file that is not as it was written."""
    paths = sorted(corpus.files)
    while True:
        path = rng.choice(paths)
        good = corpus.files[path]
        if rng.random() < 0.12:
            found = _exchanged(corpus, path, rng)
        else:
            (change,) = rng.choices(CHANGES, _WEIGHTS)
            found = Mutant(path, change(good, rng), change.__name__)
        if found.data != good:
            return found


def _exchanged(corpus: Corpus, path: Path, rng: random.Random) -> Mutant:
    """Another file under this one's name, or parts of two."""
    kind, good = corpus.kind_of(path), corpus.files[path]
    same = [data for name, data in sorted(corpus.files.items()) if corpus.kind_of(name) == kind and data != good]
    if path in corpus.foreign and rng.random() < 0.3:
        return Mutant(path, corpus.foreign[path], "other_owner")
    if same and kind != "versions" and rng.random() < 0.4:
        return Mutant(path, rng.choice(same), "other_name")
    other = rng.choice(same or sorted(corpus.files.values()))
    if rng.random() < 0.2:
        kinds = [data for name, data in sorted(corpus.files.items()) if corpus.kind_of(name) != kind]
        return Mutant(path, rng.choice(kinds), "other_kind")
    at = rng.randrange(len(good))
    if rng.random() < 0.5:
        return Mutant(path, good[:at] + other[at:], "other_tail")
    block = other[at : at + PAGE]
    return Mutant(path, _with(good, at, block), "other_block")


def ways() -> Mapping[str, int]:
    """Names of all ways to spoil a file, each counted 0."""
    names = [change.__name__ for change in CHANGES]
    return dict.fromkeys((*names, "other_owner", "other_name", "other_kind", "other_tail", "other_block"), 0)
