"""`flapping` for alarms of random worlds."""

from __future__ import annotations

import random


def flapping(text: str, unit: int) -> str:
    """Some of the alarms that come down again flap, and soon. Drawn from the text, so that a seed means what it did."""
    own = random.Random(text + "flapping")
    if not _comes_down(text) or own.random() < 0.4:
        return text
    changes, window_ms = own.choice((2, 2, 2, 3)), own.choice((7, 15, 41, 201)) * unit // own.choice((1, 2))
    until = own.choice(("", "", f" until {own.randrange(changes)}"))
    return f"{text}    flapping: {changes} changes in {window_ms}ms{until}\n"


def _comes_down(text: str) -> bool:
    """Not a KPI, an occurrence, or a sequence without an end."""
    if "- anomaly: " in text:
        return True
    has_state = "- alarm: " in text and ("    by: " in text or " over " in text)
    return has_state and ("    sequence:" not in text or "    until: " in text)
