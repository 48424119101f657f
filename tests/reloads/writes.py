"""What people, editors and scripts do to a rules file, at random."""

from __future__ import annotations

import random
from dataclasses import dataclass

KINDS = (
    *("edit",) * 8, *("comment",) * 2, *("torn",) * 4, "empty", *("broken",) * 3, "stolen", "gone", "binary",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """What becomes of a file: its new content, None for none."""

    kind: str
    name: str
    content: bytes | None


def write(rng: random.Random, name: str, now: bytes | None) -> Write:
    """The next one for a file whose content is `now`."""
    kind = rng.choice(KINDS)
    text = good(rng, name)
    match kind:
        case "edit":
            return Write(kind, name, text)
        case "comment":
            return Write(kind, name, (now or text) + b"# Said.\n")
        case "torn":
            return Write(kind, name, text[: rng.randrange(1, len(text))])
        case "empty":
            return Write(kind, name, rng.choice((b"", b"\n", b"  \n\n", b"# nothing\n", b"---\n")))
        case "broken":
            return Write(kind, name, broken(rng, text))
        case "stolen":
            return Write(kind, name, text.replace(f"{name}_0".encode(), b"steady_hot"))
        case "binary":
            return Write(kind, name, rng.choice((b"\0" * 9, b"\xff\xfe" + text, text + b"\xe9\n", rng.randbytes(200))))
    return Write(kind, name, None)


def good(rng: random.Random, name: str) -> bytes:
    """One to five rules of several kinds, with names of this file's own; of `shared.yaml` words for all rules."""
    if name == "shared":
        return f"labels: {{version: v{rng.randrange(10**6)}}}\nbases:\n{_rule(rng, 'shared_0')}".encode()
    rules = [_rule(rng, f"{name}_{number}") for number in range(rng.randrange(1, 6))]
    return ("source: m\nevery: 10s\nrules:\n" + "".join(rules)).encode()


def _rule(rng: random.Random, name: str) -> str:
    span, high = rng.choice((10, 20, 60, 120)), rng.randrange(100)
    by = rng.choice(("host", "site", "[host, site]"))
    return rng.choice(
        (
            f"  - {{alarm: {name}, by: {by}, when: avg(x over {span}s) > {high}}}\n",
            f"  - {{alarm: {name}, by: {by}, when: max(x over {span}s) > {high} for 20s, severity: major}}\n",
            f"  - {{alarm: {name}, by: host, when: x > {high}}}\n",
            f"  - {{alarm: {name}, when: x > {90 + high / 10}}}\n",
            f"  - {{kpi: {name}, by: {by}, every: {span}s, values: {{n: count(), s: sum(x)}}}}\n",
            f"  - {{alarm: {name}, source: steady_sums, by: host, when: total > {high}}}\n",
        )
    )


def broken(rng: random.Random, text: bytes) -> bytes:
    """A mistake of form or of meaning."""
    words = text.decode()
    return rng.choice(
        (
            words.replace("rules:", "rulez:"),
            words.replace("source: m", "source: nothing"),
            words.replace("- {", "- {{", 1),
            words.replace("by:", "buy:", 1),
            words + "  - {alarm: one_more, by: host, when: x >}\n",
            words + "  - {alarm: one_more, by: host, when: avg(x) > 3}\n",
            words + "  - {alarm: one_more, by: host, by: site, when: x > 3}\n",
            words + "  - 3\n",
            words + "\t- {}\n",
            words + "source: m\n",
            words.replace("every: 10s", "every: -10s"),
            "just words\n",
            "[1, 2]\n",
            "rules: *nobody\n",
        )
    ).encode()
