"""What a version says of a history whose odd stretches are known: how many it finds, how soon, what it cries over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamwatchd.errors import UnreadableInput
from streamwatchd.models import open_model
from streamwatchd.operators.tally import EDGES
from streamwatchd.repository import calibration
from streamwatchd.repository.manifest import Manifest
from streamwatchd.repository.store import ModelData
from streamwatchd.training.history import Advance, History, Mask, Numbers, replay
from streamwatchd.training.spans import Span, within
from streamwatchd.training.train import begins, key_days


@dataclass(frozen=True)
class Judged:
    """An alarm is a row above `threshold` whose key was not above it at its row before. It is true where its window
    meets a label of its key.

    `found` of `labels` were met by an alarm or began inside one; `delays_s` are from the begin of each that was found
    to the end of the first window above the threshold. `false_per_key_and_day` counts alarms outside labels, over
    `key_days` of rows outside them. `above` is the share of those rows whose score is at or above each edge.
    """

    model: str
    threshold: float
    rows: int
    unscored: int
    key_days: float
    alarms: int
    true_alarms: int
    labels: int
    found: int
    delays_s: tuple[float, ...]
    false_per_key_and_day: float
    promised_per_key_and_day: float
    above: tuple[tuple[float, float], ...]

    @property
    def precision(self) -> float | None:
        """None where there is no alarm."""
        return self.true_alarms / self.alarms if self.alarms else None

    @property
    def recall(self) -> float | None:
        """None where there is no label."""
        return self.found / self.labels if self.labels else None

    @property
    def delay_s(self) -> float | None:
        """The median."""
        return float(np.median(self.delays_s)) if self.delays_s else None


def check_fits(manifest: Manifest, features: Sequence[str]) -> None:
    """Raises UnreadableInput for a version whose features are others, or in another order."""
    mine = [each.name for each in manifest.features]
    if mine != list(features):
        raise UnreadableInput(
            f"{manifest.id} scores {', '.join(mine)}, the rule has {', '.join(features)}; name a version for this rule"
        )


def evaluate(
    data: ModelData,
    history: History,
    names: Sequence[str],
    labels: Sequence[Span],
    width_ms: int,
    threshold: float,
    advance: Advance,
) -> Judged:
    """`names` are those of the key, `width_ms` is how far a row looks back. Labels that fit no key of the history are
    not asked for."""
    raw = replay(open_model(data), history, advance=advance).raw
    score = calibration.scores(data.manifest.calibration, raw)
    odd = score > threshold
    labelled = within(history, names, labels, width_ms)
    begun = begins(history, odd)
    delays = [delay for label in labels if (delay := _delay_s(history, names, label, odd, width_ms)) is not None]
    normal = ~labelled & np.isfinite(score)
    days = key_days(history, normal)
    return Judged(
        model=data.manifest.id,
        threshold=threshold,
        rows=len(history),
        unscored=int(np.count_nonzero(np.isnan(score))),
        key_days=round(days, 3),
        alarms=int(np.count_nonzero(begun)),
        true_alarms=int(np.count_nonzero(begun & labelled)),
        labels=sum(_fits(history, names, label) for label in labels),
        found=len(delays),
        delays_s=tuple(delays),
        false_per_key_and_day=float(np.count_nonzero(begun & ~labelled) / days) if days else 0.0,
        promised_per_key_and_day=calibration.alarms_per_day(threshold),
        above=tuple((edge, _share(score[normal], edge)) for edge in EDGES),
    )


def _fits(history: History, names: Sequence[str], label: Span) -> bool:
    return any(label.fits(names, key) for key in history.keys)


def _share(score: Numbers, edge: float) -> float:
    return float((score >= edge).mean()) if len(score) else 0.0


def _delay_s(history: History, names: Sequence[str], label: Span, odd: Mask, width_ms: int) -> float | None:
    """From the label's begin to the end of the first odd window that meets it; None where there is none."""
    hits = history.ends_ms[within(history, names, [label], width_ms) & odd]
    return float(hits.min() - label.begin_ms) / 1000 if len(hits) else None
