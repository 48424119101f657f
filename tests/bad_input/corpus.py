"""Malformed records by the thousand: good ones spoilt in many ways, each refused by a slow reader that says why."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streamwatchd.rules.ruleset import Source
from tests.oracle.reading import Record, Unfit, decode

Spoil = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Malformed:
    payload: bytes
    reason: str


def corpus(source: Source, good: bytes, count: int, seed: int = 1) -> list[Malformed]:
    """`count` different payloads made of `good` that are no events of `source`."""
    draw = random.Random(seed)
    found: dict[bytes, Malformed] = {}
    while len(found) < count:
        payload = good
        for _ in range(draw.choice((1, 1, 2, 4))):
            payload = draw.choice(SPOILS)(draw, payload)
        reason = refusal(source, payload)
        if reason:
            found[payload] = Malformed(payload, reason)
    return list(found.values())


def refusal(source: Source, payload: bytes) -> str:
    try:
        decode(source, Record(payload, 0, 0))
    except Unfit as error:
        return str(error)
    except (OverflowError, ArithmeticError):
        return "bad_time"
    return ""


def _cut(draw: random.Random, payload: bytes) -> bytes:
    return payload[: draw.randrange(len(payload) + 1)]


def _without(draw: random.Random, payload: bytes) -> bytes:
    at = draw.randrange(len(payload) + 1)
    return payload[:at] + payload[at + draw.choice((1, 1, 3)) :]


def _with(draw: random.Random, payload: bytes) -> bytes:
    at = draw.randrange(len(payload) + 1)
    return payload[:at] + draw.choice(PIECES) + payload[at:]


def _flipped(draw: random.Random, payload: bytes) -> bytes:
    spoilt = bytearray(payload)
    for _ in range(draw.choice((1, 2, 5)) if spoilt else 0):
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return bytes(spoilt)


def _other_value(draw: random.Random, payload: bytes) -> bytes:
    """One field has a value of another kind."""
    try:
        event = json.loads(payload)
        event[draw.choice(list(event))] = draw.choice(VALUES)
    except (ValueError, TypeError, IndexError, KeyError):
        return payload
    return json.dumps(event).encode("utf-8", "surrogatepass")


def _wrapped(draw: random.Random, payload: bytes) -> bytes:
    before, after = draw.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'"', b'"'), (b"\xef\xbb\xbf", b""), (b"//", b"\n")))
    return before + payload + after


def _noise(draw: random.Random, payload: bytes) -> bytes:
    return draw.randbytes(draw.randrange(1, 60))


PIECES = (
    *(b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n"),
    *(b"NaN", b"Infinity", b"-", b"e999", b"'", b"/**/", b"\\ud800", b"\\x41", b"00", b"[" * 70, b"{}", b"1e400"),
)
VALUES = (None, True, 5, -1e308, "soon", "", [], {}, [[1]], "x" * 70_000, 10**400, {"deep": {"er": [None]}}, "\ud800")
SPOILS: tuple[Spoil, ...] = (_cut, _without, _with, _with, _flipped, _other_value, _other_value, _wrapped, _noise)


def mixed(good: Iterator[bytes], bad: list[Malformed], share: float) -> Iterator[tuple[bytes, Malformed | None]]:
    """Good records with bad ones among them, `share` of all, evenly, until all bad ones have come."""
    debt = 0.0
    for spoilt in bad:
        while debt < 1 - share:
            debt += share
            yield next(good), None
        debt -= 1 - share
        yield spoilt.payload, spoilt
