"""`pause` for alarms of random worlds."""

from __future__ import annotations

import random


def pausing(text: str, share: float = 0.2) -> str:
    """Some of the alarms that may be paused are. Drawn from the text, so that a seed means what it did."""
    own = random.Random(text + "pausing")
    if not _fits(text) or own.random() >= share:
        return text
    when = own.choice(("during(works)", "during(works)", "during(works)", "not during(works)"))
    return f"{text}    pause: {when}\n"


def _fits(text: str) -> bool:
    if "- alarm: " not in text or "sequence:" in text or "late: amend" in text:
        return False
    return " over " in text or "no_data: " not in text
