"""Poison: the ways in which a record of the traffic can be bad. Each must become a dead letter."""

from __future__ import annotations

from streamwatchd.demo.sources import Kind

DAY_MS = 86_400_000

FLAWS = (
    "cut_off",
    "not_an_object",
    "not_utf8",
    "nan",
    "wrong_type",
    "no_time",
    "bad_time",
    "far_future",
    "two_objects",
)


def spoil(flaw: str, kind: Kind, payload: bytes, end_ms: int) -> bytes:
    """`payload`, a good record of `kind`, with that flaw. `end_ms` is when the traffic ends."""
    match flaw:
        case "cut_off":
            return payload[: len(payload) * 2 // 3]
        case "not_an_object":
            return b"[" + payload + b"]"
        case "not_utf8":
            return _with(payload, b'"note":"\xff\xfe"')
        case "nan":
            return _with(payload, b'"note":NaN')
        case "wrong_type":
            return _key_and(kind, payload, _time_of(kind, payload), f'"{kind.number_field}":"high"'.encode())
        case "no_time":
            return _key_and(kind, payload)
        case "bad_time":
            return _key_and(kind, payload, f'"{kind.time_field}":"yesterday"'.encode())
        case "far_future":
            return _key_and(kind, payload, _future(kind, end_ms))
        case "two_objects":
            return payload + payload
        case _:
            raise ValueError(flaw)


def _with(payload: bytes, member: bytes) -> bytes:
    return payload[:-1] + b"," + member + b"}"


def _key_and(kind: Kind, payload: bytes, *members: bytes) -> bytes:
    start = payload.index(f'"{kind.key}":'.encode())
    end = payload.index(b'"', start + len(kind.key) + 4)
    return b"{" + b",".join((*members, payload[start : end + 1])) + b"}"


def _time_of(kind: Kind, payload: bytes) -> bytes:
    """The time is the first member of every record."""
    return payload[1 : payload.index(b",")]


def _future(kind: Kind, end_ms: int) -> bytes:
    at_ms = end_ms + 365 * DAY_MS
    values = {"ms": at_ms, "s": at_ms // 1000, "us": at_ms * 1000, "iso": '"2999-01-01T00:00:00Z"'}
    return f'"{kind.time_field}":{values[kind.stamp]}'.encode()
