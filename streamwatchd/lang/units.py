"""Units: their names, what converts into what, and number literals such as `85%`, `1h30m`, `10MiB/s`.

A unit has one canonical name (the one in `typed.Type.unit`), a dimension, and a factor to that dimension's base.
Units of one dimension convert; nothing else does. `percent` counts 0–100 and `ratio` 0–1 of the same dimension.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from streamwatchd.diagnostics import did_you_mean


@dataclass(frozen=True, slots=True)
class Unit:
    """`symbol` is what printing puts behind a number."""

    name: str
    dimension: str
    factor: Fraction
    symbol: str
    aliases: tuple[str, ...] = ()


def _table(dimension: str, rows: Iterable[tuple[str, str, str, str]]) -> list[Unit]:
    return [
        Unit(name, dimension, Fraction(factor), symbol, tuple(aliases.split()))
        for name, factor, symbol, aliases in rows
    ]


def _prefixed(dimension: str, base: str, words: str, scale: Fraction) -> list[Unit]:
    """Decimal and binary multiples of `base` (`kB`, `MiB`); `scale` is the base's own factor."""
    decimal = [("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12), ("P", 10**15)]
    binary = [("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30), ("Ti", 2**40), ("Pi", 2**50)]
    found = []
    for prefix, factor in decimal + binary:
        name = prefix + base
        capital = [f"K{base}"] if prefix == "k" else []
        aliases = capital + [prefix + word for word in words.split()]
        found.append(Unit(name, dimension, scale * factor, name, tuple(aliases)))
    return found


_UNITS: list[Unit] = [
    *_table("share", [("percent", "0.01", "%", "% pct"), ("ratio", "1", "%", "fraction share")]),
    *_table(
        "time",
        [
            ("ns", "0.000001", "ns", "nanosecond nanoseconds"),
            ("us", "0.001", "µs", "µs μs microsecond microseconds"),
            ("ms", "1", "ms", "msec millisecond milliseconds millis"),
            ("s", "1000", "s", "sec secs second seconds"),
            ("m", "60000", "min", "min mins minute minutes"),
            ("h", "3600000", "h", "hr hour hours"),
            ("d", "86400000", "d", "day days"),
            ("w", "604800000", "w", "week weeks"),
        ],
    ),
    *_table("data", [("bytes", "1", "B", "B byte octets octet"), ("bits", "0.125", "bit", "bit b")]),
    *_prefixed("data", "B", "bytes", Fraction(1)),
    *_prefixed("data", "bit", "bits b", Fraction("0.125")),
    *_table("gain", [("dB", "1", "dB", "db decibel decibels")]),
    *_table("level", [("dBm", "1", "dBm", "dbm")]),
    *_table("temperature", [("celsius", "1", "°C", "°C C degC")]),
    *_table("voltage", [("V", "1", "V", "volt volts"), ("mV", "0.001", "mV", "millivolts")]),
    *_table("current", [("A", "1", "A", "amp amps ampere"), ("mA", "0.001", "mA", "milliamps")]),
    *_table("power", [("W", "1", "W", "watt watts"), ("mW", "0.001", "mW", ""), ("kW", "1000", "kW", "")]),
    *_table("frequency", [("Hz", "1", "Hz", "hz hertz"), ("kHz", "1000", "kHz", ""), ("MHz", "1000000", "MHz", "")]),
    *_table("frequency", [("GHz", "1000000000", "GHz", ""), ("rpm", "1/60", "rpm", "")]),
    *_table("rate", [("/s", "1", "/s", "per_second rps qps"), ("/m", "1/60", "/min", "per_minute")]),
]
_SPELLED = {alias: unit for unit in reversed(_UNITS) for alias in (unit.name, *unit.aliases)}
_PER = {"s": "/s", "sec": "/s", "second": "/s", "m": "/m", "min": "/m", "minute": "/m"}
_PER_SECONDS = {"/s": 1, "/m": 60, "/h": 3600, "/d": 86400}
_PER |= {"h": "/h", "hour": "/h", "d": "/d", "day": "/d"}
_BIT_RATES = {"bps": "bits/s", "kbps": "kbit/s", "Mbps": "Mbit/s", "Gbps": "Gbit/s", "Tbps": "Tbit/s"}


@cache
def find(spelling: str) -> Unit | None:
    """The unit of a spelling as in `unit: …` or behind a number: `percent`, `%`, `ms`, `MiB/s`, `bytes^2`."""
    spelling = _BIT_RATES.get(spelling, spelling)
    if spelling in _SPELLED:
        return _SPELLED[spelling]
    if spelling.endswith("^2"):
        base = find(spelling[:-2])
        return base and Unit(f"{base.name}^2", f"{base.dimension}^2", base.factor**2, f"{base.symbol}²")
    head, slash, per = spelling.rpartition("/")
    if not slash or per not in _PER:
        return None
    suffix = _PER[per]
    seconds = _PER_SECONDS[suffix]
    if not head:
        return Unit(suffix, "rate", Fraction(1, seconds), suffix)
    base = find(head)
    return base and Unit(f"{base.name}{suffix}", f"{base.dimension}/time", base.factor / seconds, base.symbol + suffix)


def canonical(spelling: str) -> str | None:
    """The canonical name of a unit, for `Type.unit`; None for a word that is no unit."""
    unit = find(spelling)
    return unit.name if unit else None


def suggest(spelling: str) -> str:
    """`did you mean …?` for an unknown unit, or the empty string."""
    return did_you_mean(spelling, _SPELLED)


def dimension(name: str) -> str:
    """The dimension of a canonical name; the empty string for no unit."""
    unit = find(name) if name else None
    return unit.dimension if unit else name


def convertible(source: str, target: str) -> bool:
    return dimension(source) == dimension(target)


def convert(value: float, source: str, target: str) -> float:
    """`value` in `source`, given in `target`; both canonical and of one dimension. 5 percent is exactly 0.05 ratio."""
    if source == target or not source or not target:
        return value
    one, other = find(source), find(target)
    assert one is not None, source
    assert other is not None, target
    exact = Fraction(repr(value)) * one.factor / other.factor
    try:
        return float(exact)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def factor(source: str, target: str) -> float:
    """What a number in `source` is multiplied with to be in `target`."""
    return convert(1.0, source, target)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number literal: `value` in `unit` (canonical, empty for a plain number)."""

    value: float
    unit: str


_NUMBER = re.compile(r"(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([^\W\d_]+)")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|us|µs|ns|s|m|h|d|w))+")
_LONGEST_TEXT = 100
_LONGEST_MS = 100 * 365 * 86_400_000


def read_number(text: str) -> Quantity | None:
    """A number literal of the grammar; None if its unit is unknown. `1h30m` is 5,400,000 ms."""
    head = _NUMBER.match(text)
    assert head, text
    value, rest = head.group(), text[head.end() :]
    if not rest:
        return Quantity(float(value), "")
    if unit := find(rest):
        return Quantity(float(value), unit.name)
    parts = _PART.findall(text[:_LONGEST_TEXT])
    if "".join(number + word for number, word in parts) != text:
        return None
    units = [find(word) for _, word in parts]
    if any(unit is None or unit.dimension != "time" for unit in units):
        return None
    total = sum(
        (Fraction(number) * unit.factor for (number, _), unit in zip(parts, units, strict=True) if unit), Fraction(0)
    )
    return Quantity(float(total), "ms")


def parse_duration(text: str) -> int | None:
    """Whole milliseconds of `500ms 30s 5m 1h 7d 2w` and compounds such as `1h30m`; None for anything else.

    Fractions are fine where they come out whole (`1.5h`); zero is a duration, but not what is negative, below a
    millisecond or above a hundred years.
    """
    text = text.strip()
    if len(text) > _LONGEST_TEXT or not _DURATION.fullmatch(text):
        return None
    total = sum((Fraction(number) * _SPELLED[word].factor for number, word in _PART.findall(text)), Fraction(0))
    return int(total) if total == int(total) and total <= _LONGEST_MS else None


_STEPS = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]


def format_duration(ms: int) -> str:
    """The shortest text that `parse_duration` reads back: `90s` is `1m30s`, 0 is `0s`."""
    if ms == 0:
        return "0s"
    parts = []
    for name, size in _STEPS:
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts)


def spelling(name: str) -> str:
    """How a unit stands behind a number literal: `%`, `ms`, `MiB/s`; empty for no unit."""
    head, slash, per = name.partition("/")
    short = {"percent": "%", "ratio": "", "bytes": "B", "bits": "bit"}.get(head, head)
    return short + slash + per
