"""Budgets, reminders and late ends for alarms of random worlds: who is told, and when it is over."""

from __future__ import annotations

import random
from collections.abc import Callable


def kept_firing(rng: random.Random, text: str, span: Callable[..., str]) -> str:
    """Some of the alarms that have keys and no `until` clear late, or are told again."""
    fits = "- alarm: " in text and "    by: " in text and " until " not in text and "sequence:" not in text
    if fits and rng.random() < 0.2:
        text = f"{text}    keep_firing_for: {span(1, 2, 5)}\n"
    own = rng if " over " in text else random.Random(text)
    if fits and own.random() < 0.3:
        first, most = own.choice((1, 3)), own.choice((4, 12))
        text += f"    repeat: {span(first)}{own.choice(('', f' up to {span(most)}'))}\n"
    return text


def budgeted(rng: random.Random, text: str) -> str:
    """A third of the alarms may notify so seldom that some fold."""
    if "- alarm: " not in text or "sequence:" in text or rng.random() < 0.65:
        return text
    if "    by: " in text:
        return f"{text}    max_active: {rng.choice((1, 1, 2))}\n"
    return text if " over " in text else f"{text}    limit: {rng.choice((1, 2, 5))}/m\n"
