"""`mode: shadow` for rules of random worlds."""

from __future__ import annotations

import random


def on_trial(text: str) -> str:
    """A few of the rules, of any kind. Drawn from the text, so that a seed means what it did."""
    return f"{text}    mode: shadow\n" if random.Random(text + "shadow").random() < 0.2 else text
