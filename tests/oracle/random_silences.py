"""Silences of random worlds."""

from __future__ import annotations

import random
from collections.abc import Mapping

from streamwatchd.operators.document import iso
from tests.oracle.world import START_MS


def draw_silences(rng: random.Random, unit: int, rules: Mapping[str, str]) -> dict[str, str]:
    """Files of silences for some of the alarms, in half of the worlds; `where` reads what all of a file have."""
    alarms = [name for name, text in sorted(rules.items()) if "- alarm: " in text]
    if not alarms or rng.random() < 0.5:
        return {}
    found: dict[str, str] = {}
    for number in range(rng.choice((1, 1, 2))):
        chosen = rng.sample(alarms, min(len(alarms), rng.choice((1, 2, 3))))
        begins = START_MS + rng.randrange(0, 40) * unit
        lines = [f"silence: s{number}", f"rules: [{', '.join(chosen)}]", "reason: a test"]
        if rng.random() < 0.25:
            lines.append("during: works")
        else:
            lines += [f'from: "{iso(begins)}"', f'until: "{iso(begins + rng.choice((1, 5, 20)) * unit)}"']
        if all("by: [host" in rules[name] for name in chosen) and rng.random() < 0.6:
            lines.append(f"where: {rng.choice(_WHERES)}")
        found[f"s{number}"] = "silences:\n  - " + "\n    ".join(lines) + "\n"
    return found


_WHERES = ('host == "a"', 'host in ("a", "b")', 'host != "b"')
