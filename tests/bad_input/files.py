"""Bad rule files, one for each kind of mistake, and the small project beside which they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GOOD = """
source: events
rules:
  - kpi: counts
    by: k
    every: 10s
    values: {n: count()}
"""
FIELDS = "{k: string, size: {type: float, unit: bytes}}"
RULE = "source: events\nrules:\n  - {{alarm: {name}, by: k, when: {when}}}\n"


@dataclass(frozen=True, slots=True)
class Bad:
    """`content` None is a folder; `code` and `says` are what its first diagnostic must have."""

    name: str
    content: bytes | None
    code: str
    says: str


def _rule(name: str, when: str) -> bytes:
    return RULE.format(name=name, when=when).encode()


_BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))

BAD_FILES = [
    Bad("unknown_field", b"source: events\nrules:\n  - {alarm: a, by: k, whne: size > 1}\n", "SW330", "whne"),
    Bad("unknown_event_field", _rule("b", "sise > 1"), "SW202", "`sise` is not declared but looks like `size`"),
    Bad("type_error", _rule("c", "k > 5"), "SW207", "this compares text with a number"),
    Bad("unit_error", _rule("d", "size > 5s"), "SW209", "5s"),
    Bad("duplicate_rule", GOOD.encode(), "SW340", "counts"),
    Bad("duplicate_key", b"source: events\n" + GOOD.replace("counts", "f").encode(), "SW312", "source"),
    Bad("alias_bomb", _BOMB.encode(), "SW310", "alias"),
    Bad("deep", b"rules: " + b"[" * 100_000, "SW309", "deep"),
    Bad("invalid_utf8", b"source: events\n# caf\xe9\nrules: []\n", "SW303", "UTF-8"),
    Bad("empty", b"", "SW306", "empty"),
    Bad(
        "half_written",
        b'source: events\nrules:\n  - {alarm: e, by: k, when: "size >',
        "SW308",
        "in the middle of a quoted text",
    ),
    Bad("folder", None, "SW301", "folder"),
]


def put(bad: Bad, rules: Path) -> Path:
    """Write it into the folder of rules, after the good ones in the order of names."""
    path = rules / f"z_{bad.name}.yaml"
    if bad.content is None:
        path.mkdir()
    else:
        path.write_bytes(bad.content)
    return path
