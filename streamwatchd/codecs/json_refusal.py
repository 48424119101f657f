"""Why a payload is no good record whatever is asked for, and which of many may be none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import repeat

import msgspec
import numpy as np
from msgspec import DecodeError

MAX_DEPTH = 64
DECODE_ERRORS = (DecodeError, UnicodeDecodeError, RecursionError)  # ValidationError is a DecodeError
# What nests too deep nearly always does so in its first bytes.
_FIRST_BYTES = 512

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # closed or torn, in linear time
_PLAINLY_DEEP = b'{""' * (MAX_DEPTH + 1)  # names without brackets: nothing else is left of them
_BLANKS = b" \t\r\n"
_UNTOLD = bytes(set(range(256)) - set(b'{[]}"'))
_NO_BRACKETS = bytes(set(range(256)) - set(b"{[]}"))
_STEPS = bytes.maketrans(b"{[]}", b"\x01\x01\xff\xff")  # down and up, as int8

_decode_any = msgspec.json.Decoder(msgspec.Raw).decode


def refusal(payload: bytes | None, max_bytes: int) -> str:
    """Why a payload is refused, as far as it shows without parsing; or the empty string."""
    if payload is None or not payload.strip(_BLANKS):
        return "empty"
    if len(payload) > max_bytes:
        return "too_large"
    if not (payload.isascii() or _is_utf8(payload)):
        return "bad_utf8"
    if len(payload) <= MAX_DEPTH or payload.count(b"{") + payload.count(b"[") <= MAX_DEPTH:  # nearly all
        return ""
    return "too_deep" if _depth(payload) > MAX_DEPTH else ""


def outer_refusal(payload: bytes | None, max_bytes: int) -> str:
    """The same, and why a payload that seems to be no object is refused."""
    reason = refusal(payload, max_bytes)
    if payload is None or reason or payload.lstrip(_BLANKS).startswith(b"{"):
        return reason
    return "not_an_object" if is_json(payload) else "bad_json"


def suspects(texts: Sequence[bytes], max_bytes: int) -> list[int]:
    """Rows that may break a limit which the struct decoder does not check: UTF-8, size, depth.

    The usual batch is cleared as a whole: each kept record opens one brace at least, and ends with one, so that no
    character spans two records.
    """
    joined = b"".join(texts)
    utf8 = joined.isascii() or _is_utf8(joined)
    opened = joined.count(b"{") - len(texts) + (joined.count(b"[") if b"[" in joined else 0)
    if utf8 and opened < MAX_DEPTH and (len(joined) <= max_bytes or max(map(len, texts)) <= max_bytes):
        return []
    counts = [np.fromiter(map(bytes.count, texts, repeat(bracket)), np.int64, len(texts)) for bracket in (b"{", b"[")]
    suspect = counts[0] + counts[1] > MAX_DEPTH
    suspect |= np.fromiter(map(len, texts), np.int64, len(texts)) > max_bytes
    if not utf8:
        suspect |= ~np.fromiter(map(bytes.isascii, texts), np.bool_, len(texts))
    return np.flatnonzero(suspect).tolist()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_json(payload: bytes) -> bool:
    try:
        _decode_any(payload)
    except DECODE_ERRORS:
        return False
    return True


def _depth(payload: bytes) -> int:
    """How deep brackets outside strings nest, or a depth beyond the most."""
    if len(payload) > _FIRST_BYTES and (seen := _depth(payload[:_FIRST_BYTES])) > MAX_DEPTH:
        return seen
    if b"\\" in payload:
        bare = _STRING.sub(b"", payload)
    else:  # a pair of quotes that meet changes nothing for the rest; between others every second stretch is a string
        bare = payload.translate(None, _UNTOLD)
        if bare.startswith(_PLAINLY_DEEP):
            return MAX_DEPTH + 1
        bare = bare.replace(b'""', b"")
        if b'"' in bare:
            bare = b"".join(bare.split(b'"')[::2])
    if (opened := len(bare) - len(bare.lstrip(b"{["))) > MAX_DEPTH:
        return opened
    brackets = bare.translate(_STEPS, _NO_BRACKETS)
    return int(np.cumsum(np.frombuffer(brackets, np.int8), dtype=np.int64).max(initial=0))
