"""A rule's vectors over a recording: the daemon's own plan makes them, so a model learns what it will be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import RecordedMark
from streamwatchd.shard.output import Sink
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback
from streamwatchd.testing.vectors import Tap, VectorBlock
from streamwatchd.training.history import History, history_of


@dataclass(frozen=True, eq=False)
class Seen:
    """The vectors of a rule, and the alerts of all rules, over a recording. `nulls` rows had a null feature."""

    history: History
    alerts: list[Mapping[str, Any]]
    nulls: int
    events: int


def vectors_of(
    items: Iterable[RawBatch | RecordedMark],
    driver: Driver,
    playback: Playback,
    rule: str,
    watch: Callable[[int], None],
) -> Seen:
    """Plays everything; windows that the watermark has not closed are left out. `watch` hears of events read.

    Raises UnreadableInput where the recording gives no vector.
    """
    try:
        tap = Tap(driver, rule)
    except KeyError as error:
        raise UnreadableInput(f"no anomaly rule `{rule}` runs; is it disabled, or refused?") from error
    blocks: list[VectorBlock] = []
    alerts: list[Mapping[str, Any]] = []

    def collect() -> None:
        blocks.extend(tap.take())
        outputs = driver.take_outputs()
        alerts.extend(each.value for each in outputs if each.sink is Sink.ALERTS and isinstance(each.value, dict))

    for item in items:
        playback.add(item)
        collect()
        watch(playback.events)
    playback.end()
    collect()
    if not blocks:
        raise UnreadableInput(
            f"`{rule}` has no vector in this recording of {playback.events:,} events: is its source in it, and is it "
            "longer than the rule's windows?"
        )
    keys = [key for block in blocks for key in block.keys]
    vectors = np.concatenate([block.vectors for block in blocks])
    ends_ms = np.concatenate([block.times_ms for block in blocks]) + 1
    history = history_of(keys, ends_ms, vectors)
    return Seen(history, alerts, len(keys) - len(history), playback.events)
