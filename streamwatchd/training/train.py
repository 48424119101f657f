"""From a history to a model: fit on the first part, calibrate on the next, judge on the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.errors import UnreadableInput
from streamwatchd.models import KINDS, Scorer
from streamwatchd.operators.document import iso
from streamwatchd.repository import calibration
from streamwatchd.repository.manifest import FORMAT, Artifact, Calibration, Feature, Manifest, Tail, Training
from streamwatchd.training import change, forest, lstm, neighbours, seasonal
from streamwatchd.training.history import Advance, History, Mask, Numbers, replay
from streamwatchd.training.threads import one_thread

Arrays = dict[str, npt.NDArray[Any]]
Fit = Callable[[History, int, int, dict[str, int], Advance], Arrays]

FITS: Mapping[str, Fit] = {
    "change": change.fit,
    "isolation_forest": forest.fit,
    "lstm": lstm.fit,
    "neighbours": neighbours.fit,
    "seasonal": seasonal.fit,
}
SETTINGS: Mapping[str, frozenset[str]] = {
    "isolation_forest": frozenset({"trees", "samples", "contrast"}),
    "lstm": frozenset({"units", "rounds"}),
    "neighbours": frozenset({"stretches"}),
}
"""What `Order.given` may hold, by kind; the others have nothing to set."""
DAY_MS = 86_400_000
FIT, CALIBRATE = 0.6, 0.8
"""Where, in the span of the history, the parts to fit and to calibrate on end."""
FEWEST = 300
THRESHOLDS = (0.95, 0.99)


@dataclass(frozen=True)
class Order:
    """What to train. `given` are settings of the kind, by name; `query` is the rule's text, for people."""

    name: str
    version: int
    kind: str
    features: list[Feature]
    every_ms: int
    seed: int = 1
    given: Mapping[str, int] = field(default_factory=dict)
    rule: str = ""
    query: str = ""
    source: str = ""
    created_at: str = ""
    created_by: str = ""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model ready to be written. `raw`, `score` and `memory` (of each row's key, before it) are of the whole history;
    `held_back` are the rows it was calibrated on, `judged` those of the last part."""

    manifest: Manifest
    arrays: Arrays
    scorer: Scorer
    raw: Numbers
    score: Numbers
    memory: Numbers
    held_back: Mask
    judged: Mask


def train(order: Order, history: History, advance: Advance) -> Trained:
    """Rows that are not normal are learned from by no step, but they are seen, as the daemon will see such rows.

    Raises UnreadableInput for too little data and for kinds that can't be trained.
    """
    if order.kind not in FITS:
        raise UnreadableInput(f"there is no kind of model `{order.kind}`; kinds: {', '.join(FITS)}")
    check_settings(order.kind, order.given)
    if len(history) < FEWEST:
        raise UnreadableInput(
            f"{len(history)} vectors are too few to train on: at least {FEWEST}; record for longer, or more keys"
        )
    if order.every_ms < 1:
        raise UnreadableInput("no key has two vectors: record for longer")
    first, last = history.span_ms
    ends = [first + round(share * (last - first)) for share in (FIT, CALIBRATE)]
    fitted = history.take((history.ends_ms <= ends[0]) & history.normal)
    if len(fitted) < FEWEST // 2:
        raise UnreadableInput(f"{len(fitted)} normal vectors in the first {FIT:.0%} of the time are too few to fit on")
    with one_thread():
        arrays = FITS[order.kind](
            fitted, order.every_ms, order.seed, dict(order.given), lambda share: advance(0.7 * share)
        )
    arrays.setdefault("center", np.median(fitted.vectors, axis=0))
    unjudged = draft(order, history)
    scorer = KINDS[order.kind].load(unjudged, arrays)
    replayed = replay(scorer, history, keep_memory=True, advance=lambda share: advance(0.7 + 0.3 * share))
    held_back = (history.ends_ms > ends[0]) & (history.ends_ms <= ends[1]) & history.normal
    try:
        calibrated = calibration.fit(replayed.raw[held_back], DAY_MS / order.every_ms)
    except ValueError as error:
        raise UnreadableInput(str(error)) from error
    score = calibration.scores(calibrated, replayed.raw)
    judged = history.ends_ms > ends[1]
    manifest = msgspec.structs.replace(unjudged, calibration=calibrated, metrics=measured(history, score, judged))
    return Trained(manifest, arrays, scorer, replayed.raw, score, replayed.memory, held_back, judged)


def check_settings(kind: str, given: Mapping[str, int]) -> None:
    """Raises UnreadableInput for settings that the kind does not have."""
    known = SETTINGS.get(kind, frozenset())
    for name, number in given.items():
        if name not in known:
            some = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise UnreadableInput(f"a model of kind {kind} has no setting `{name}`; {some}")
        if number < 1:
            raise UnreadableInput(f"`{name}` is {number}: at least 1")


def measured(history: History, score: Numbers, judged: Mask) -> dict[str, float]:
    """On the last part: how often normal rows exceed a threshold, a day and key; begun exceedances count once."""
    rows = judged & history.normal & np.isfinite(score)
    found = {"vectors": float(np.count_nonzero(rows))}
    for threshold in THRESHOLDS:
        days = key_days(history, rows)
        begun = np.count_nonzero(begins(history, score > threshold) & rows)
        found[f"alarms_per_key_and_day_{threshold:g}"] = round(float(begun / days), 5) if days else 0.0
    return found


def step_ms(history: History) -> int:
    """The usual time from a vector of a key to its next; 0 where no key has two."""
    found = np.concatenate([np.diff(history.ends_ms[each]) for each in history.series()] or [np.zeros(0, np.int64)])
    return int(np.median(found)) if len(found) else 0


def key_days(history: History, rows: Mask) -> float:
    """Days of keys that so many rows stand for."""
    return float(np.count_nonzero(rows)) * step_ms(history) / DAY_MS


def begins(history: History, odd: Mask) -> Mask:
    """Where a key is odd and was not at its row before."""
    found = odd.copy()
    for rows in history.series():
        found[rows[1:]] &= ~odd[rows[:-1]]
    return found


def draft(order: Order, history: History) -> Manifest:
    """The manifest with a calibration that says nothing yet."""
    first, last = history.span_ms
    tail = Tail(threshold=1.0, share=0.5, shape=0.0, scale=1.0, shape_error=0.0, vectors=0)
    return Manifest(
        format=FORMAT,
        name=order.name,
        version=order.version,
        kind=order.kind,
        features=order.features,
        every_ms=order.every_ms,
        artifact=Artifact("model.safetensors", "0" * 64, 1),
        calibration=Calibration(per_day=DAY_MS / order.every_ms, body=[0.0, 1.0], tail=tail),
        training=Training(
            rule=order.rule,
            query=order.query,
            source=order.source,
            begin=iso(first),
            end=iso(last),
            vectors=len(history),
            keys=len({int(key) for key in np.unique(history.key)}),
            left_out=int(np.count_nonzero(~history.normal)),
            seed=order.seed,
        ),
        hyperparameters=dict(order.given),
        created_at=order.created_at,
        created_by=order.created_by,
        libraries=_libraries(order.kind),
    )


def _libraries(kind: str) -> dict[str, str]:
    found = {"numpy": np.__version__}
    if kind == "isolation_forest":
        from sklearn import __version__

        found["scikit-learn"] = __version__
    return found
