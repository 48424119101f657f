"""Series of samples in one text: `82x12` holds, `1+1x4` climbs (1 2 3 4), `_x3` is a gap, `7 8 9` are samples."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(
    rf"(?P<gap>_)(?:x(?P<gaps>[0-9]+))?"
    rf"|(?P<truth>true|false)(?:x(?P<truths>[0-9]+))?"
    rf"|(?P<first>{_NUMBER})(?:(?P<step>[+-]{_NUMBER.removeprefix('-?')})(?=x))?(?:x(?P<count>[0-9]+))?"
)
_TEXTS = re.compile(r"(?:_|\S+x[0-9]+)(?: +(?:_|\S+x[0-9]+))+")
MOST_SAMPLES = 100_000

Sample = float | int | bool | None
"""None is a gap."""


def is_series(text: str) -> bool:
    """Whether a text is more than one value."""
    tokens = text.split()
    return bool(tokens) and all(map(_TOKEN.fullmatch, tokens)) and (len(tokens) > 1 or "x" in text or text == "_")


def looks_like_texts(text: str) -> bool:
    """Whether somebody may have meant a series of texts: `u1x3 u2x3`."""
    return _TEXTS.fullmatch(text.strip()) is not None


def first_wrong(text: str) -> str | None:
    """The first word that is no part of a series."""
    return next((token for token in text.split() if not _TOKEN.fullmatch(token)), None)


def samples(text: str) -> list[Sample]:
    """The samples of a series; raises ValueError when there are none, or more than `MOST_SAMPLES`."""
    found: list[Sample] = []
    for token in text.split():
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise ValueError(f"`{token}` is no part of a series")
        count = int(match["gaps"] or match["truths"] or match["count"] or 1)
        if count == 0 or len(found) + count > MOST_SAMPLES:
            raise ValueError(f"`{token}` is not between 1 and {MOST_SAMPLES:,} samples")
        found.extend(_samples(match, count))
    return found


def _samples(match: re.Match[str], count: int) -> Iterator[Sample]:
    if match["gap"]:
        yield from [None] * count
    elif match["truth"]:
        yield from [match["truth"] == "true"] * count
    else:
        first, step = number(match["first"]), number(match["step"] or "0")
        for index in range(count):
            value = first + index * step
            yield value if isinstance(value, int) else round(value, 12)


def number(text: str) -> int | float:
    """Whole where it is written so."""
    return float(text) if any(mark in text for mark in ".eE") else int(text)
