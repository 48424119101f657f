"""Names made of meaning: equal things have equal ids, whatever file or order they come from."""

from __future__ import annotations

import hashlib


def identity(kind: str, *parts: object) -> str:
    """A short stable id; the parts' `repr` must say all that matters (frozen dataclasses, tuples, strings)."""
    digest = hashlib.blake2b("\x1f".join(repr(part) for part in parts).encode(), digest_size=8).hexdigest()
    return f"{kind}:{digest}"
