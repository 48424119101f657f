"""`pause` for alarms of random worlds, and what says who is told of anomaly rules."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

_BY = re.compile(r"^    by: \[(.*)\]$", re.MULTILINE)


def pausing(text: str, share: float = 0.2) -> str:
    """Some of the alarms that may be paused are. Drawn from the text, so that a seed means what it did."""
    own = random.Random(text + "pausing")
    if "- kpi: " in text or own.random() >= share:
        return text
    when = own.choice(("during(works)", "during(works)", "during(works)", "not during(works)"))
    return f"{text}    pause: {when}\n"


def telling(name: str, files: Mapping[str, str], span: Callable[..., str], rng: random.Random) -> str:
    """Some anomaly rules and sequences are muted, by a calendar or an alarm, or such rules told again."""
    text = files[name]
    if "- anomaly: " not in text and "sequence:" not in text:
        return text
    first, most = rng.choice((1, 3)), rng.choice((4, 12))
    repeat, unless, mutes = rng.choice(("", f" up to {span(most)}")), rng.random(), files.get("mutes", "")
    text += f"    repeat: {span(first)}{repeat}\n" if rng.random() < 0.4 and "sequence:" not in text else ""
    if unless < 0.35:
        theirs, mine = _BY.findall(mutes), _BY.findall(text)
        can_ask = mutes and (not theirs or (mine and theirs[0] in mine[0].split(", ")))
        text += f"    unless: {'firing(mutes)' if can_ask and unless < 0.25 else 'during(works)'}\n"
    return text
