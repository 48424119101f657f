"""Rows that a model scores: all of one instant are one batch of vectors for the version in force at it.

A version that fails on a batch gives no score and is counted; nothing that a model does stops the stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Column, Frame, Numbers, Times, Value, to_values
from streamwatchd.models import Scorer, open_model
from streamwatchd.operators.document import Details, Document, picked, plain, window
from streamwatchd.operators.evaluate import VALUE, WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.judging import fill_values
from streamwatchd.operators.keeping import Keeping
from streamwatchd.operators.kpi import PushMeant
from streamwatchd.operators.ordering import concatenate, pack_frame, unpack_frame
from streamwatchd.operators.spec import ScoreSpec
from streamwatchd.operators.tally import Tallies
from streamwatchd.repository.calibration import scores, share_above
from streamwatchd.repository.manifest import Manifest
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.ruleset import SHADOW_OF
from streamwatchd.rules.streams import SCORE

Index = npt.NDArray[np.intp]
EmitAnomaly = Callable[[Document], None]
_LOOKED_BACK = 4
"""Instants whose rows are at hand for whoever asks; they are no state, a restart forgets them."""
Tap = Callable[[list[tuple[Value, ...]], Times, Numbers], None]
"""Keys, event times in ms (the last of each window) and vectors (n, features) of a batch, null as NaN."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of one instant: their vectors, and what a version says of them. NaN where it says nothing."""

    manifest: Manifest
    scorer: Scorer
    vectors: Numbers
    memory: Numbers
    raw: Numbers
    score: Numbers


@dataclass(frozen=True, slots=True)
class Said:
    """What came of the newest row of a key: `row` is a frame of it alone, `document` what an anomaly event would say.
    None where no version was in force."""

    row: Frame
    document: Document | None


class ScoreNode:
    """Rows wait until all of their instant are there. `tap` hears of every batch of vectors, scored or not."""

    def __init__(
        self, spec: ScoreSpec, roots: frozenset[str], evaluator: Evaluator, push: PushMeant, emit: EmitAnomaly
    ) -> None:
        self.id, self.spec, self.roots = spec.id, spec, roots
        self.evaluator, self.push, self.emit = evaluator, push, emit
        self.waiting: list[Frame] = []
        names = tuple(key.name for key in spec.keys)
        self.keeping, self.on_trial = Keeping(names, spec.forget_ms), Keeping(names, spec.forget_ms)
        self.tallies = Tallies()
        self.tap: Tap | None = None
        self.recent: deque[tuple[Frame, _Batch | None]] = deque(maxlen=_LOOKED_BACK)

    def add(self, frame: Frame) -> None:
        """Rows of the stream that is scored."""
        self.waiting.append(frame)

    def due(self, limit_ms: int) -> int | None:
        instant = min((int(frame.time.min()) for frame in self.waiting), default=None)
        return None if instant is None or instant + 1 > limit_ms else instant + 1

    def judge(self, judged_ms: int) -> None:
        ready, rest = [], []
        for frame in self.waiting:
            mask = frame.time < judged_ms
            ready += [frame.take(mask)] if mask.any() else []
            rest += [] if mask.all() else [frame.take(~mask)]
        self.waiting = rest
        self._score(concatenate(ready), judged_ms - 1)

    def _score(self, frame: Frame, time_ms: int) -> None:
        spec = self.spec
        if spec.where is not None:
            frame = frame.take(self.evaluator.truths(spec.where, frame) == TRUE)
        if not len(frame):
            return
        fill_values(frame, spec.values, self.evaluator)
        keys = {key.name: self.evaluator.column(key.expr, frame) for key in spec.keys}
        values = {value.name: frame.columns[VALUE + value.name] for value in spec.values}
        vectors: Numbers = np.column_stack([np.asarray(values[name], np.float64) for name in spec.features])
        if self.tap is not None:
            parts = [to_values(column) for column in keys.values()]
            self.tap(list(zip(*parts, strict=True)) if parts else [()] * len(frame), frame.time, vectors)
        batch = self._judged(spec.name, self.keeping, vectors, list(keys.values()), time_ms)
        score = np.full(len(frame), np.nan) if batch is None else batch.score
        spans = {name: frame.columns[name] for name in (WINDOW_START, WINDOW_END)}
        scored = Frame(frame.time, {**keys, **values, SCORE: score, **spans})
        self.recent.append((scored, batch))
        odd = self._odd(scored)
        if batch is not None:
            self.tallies.of(batch.manifest.id).add(batch.score, len(odd))
            self._write(scored, odd, batch)
        beside = self._judged(spec.name + SHADOW_OF, self.on_trial, vectors, list(keys.values()), time_ms)
        if beside is not None:
            as_if = Frame(frame.time, {**scored.columns, SCORE: beside.score})
            self.tallies.of(beside.manifest.id).add(beside.score, len(self._odd(as_if)))
        self.push(spec.name, scored, meaning=spec.meaning)

    def _odd(self, scored: Frame) -> Index:
        """The rows where a level's condition is true."""
        found = np.zeros(len(scored), bool)
        for when in self.spec.whens:
            found |= self.evaluator.truths(when, scored) == TRUE
        return np.flatnonzero(found)

    # the model

    def _judged(self, name: str, keeping: Keeping, vectors: Numbers, keys: list[Column], time_ms: int) -> _Batch | None:
        """None where no version is in force."""
        model = self.evaluator.dimensions.model(name, time_ms)
        if model is None:
            return None
        try:
            return self._with(model, keeping, vectors, keys, time_ms)
        except Exception:
            # whatever a model does is the model's fault: it is counted, and an alert tells of it
            self.tallies.of(model.manifest.id).failed += len(vectors)
            return None

    def _with(self, model: ModelData, keeping: Keeping, vectors: Numbers, keys: list[Column], time_ms: int) -> _Batch:
        scorer, vectors = open_model(model), self._filled(vectors, model)
        rows = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        raw, memory = np.full(len(vectors), np.nan), np.full((len(vectors), scorer.memory), np.nan)
        if scorer.memory:
            kept = keeping.recall(model.digest, scorer.memory, keys, len(vectors), time_ms)
            memory[:] = kept.memory
            raw[rows], after = _checked(scorer, vectors[rows], memory[rows], time_ms)
            keeping.keep(kept, rows, after, time_ms)
        elif len(rows):
            raw[rows], _ = _checked(scorer, vectors[rows], memory[rows], time_ms)
        return _Batch(model.manifest, scorer, vectors, memory, raw, scores(model.manifest.calibration, raw))

    def _filled(self, vectors: Numbers, model: ModelData) -> Numbers:
        center = model.arrays.get("center")
        if self.spec.missing != "center" or center is None:
            return vectors
        filled: Numbers = np.where(np.isfinite(vectors), vectors, np.asarray(center, np.float64))
        return filled

    # what comes out

    def _write(self, scored: Frame, odd: Index, batch: _Batch) -> None:
        """Anomaly events: rows where `when` is true."""
        if len(odd):
            for document in self._documents(scored, odd, batch):
                self.emit(document)

    def said_of(self, key: Sequence[Value]) -> Said | None:
        """Of the last instants; None where the key had no row in them. Nothing is changed."""
        for scored, batch in reversed(self.recent):
            columns = [to_values(scored.columns[each.name]) for each in self.spec.keys]
            rows: list[tuple[Value, ...]] = list(zip(*columns, strict=True)) if columns else [()] * len(scored)
            if tuple(key) in rows:
                row = np.array([rows.index(tuple(key))], np.intp)
                found = None if batch is None else self._documents(scored, row, batch)[0]
                return Said(scored.take(row), found)
        return None

    def _documents(self, scored: Frame, rows: Index, batch: _Batch) -> list[Document]:
        """What is said of some rows, with what drove their score."""
        spec, chosen = self.spec, rows.tolist()
        said = rows[np.isfinite(batch.raw[rows])]
        drivers = np.zeros((len(scored), len(spec.features)))
        drivers[said] = _drivers(batch.scorer, batch.vectors[said], batch.memory[said], int(scored.time[0]))
        confidence = 1.0 - share_above(batch.manifest.calibration, batch.raw[rows])
        details = Details(self.evaluator, scored, chosen)
        keys = [(key.name, picked(scored.columns[key.name], chosen)) for key in spec.keys]
        values = [(v.name, picked(scored.columns[v.name], chosen), v.integral) for v in spec.values]
        spans = picked(scored.columns[WINDOW_START], chosen), picked(scored.columns[WINDOW_END], chosen)
        numbers = picked(batch.score, chosen), picked(confidence, range(len(chosen)))
        return [
            {
                "anomaly": spec.name,
                "key": {name: column[i] for name, column in keys},
                "window": window(int(spans[0][i]), int(spans[1][i])),  # type: ignore[call-overload]
                "score": numbers[0][i],
                "confidence": numbers[1][i],
                "model": batch.manifest.name,
                "version": batch.manifest.version,
                "values": {name: plain(column[i], integral) for name, column, integral in values},
                "features": list(spec.features),
                "drivers": dict(zip(spec.features, drivers[row].tolist(), strict=True)),
                "context": details.context(spec.context, i),
                "labels": dict(spec.labels),
            }
            for i, row in enumerate(chosen)
        ]

    # change and state

    def adopt(self, old: ScoreNode) -> None:
        """What a model keeps of keys goes on where the vectors are the same; so do the counts."""
        self.keeping, self.on_trial = old.keeping, old.on_trial
        self.tallies = old.tallies

    def snapshot(self) -> Any:
        kept = [self.keeping.snapshot(), self.on_trial.snapshot()]
        return [[pack_frame(frame) for frame in self.waiting], kept, self.tallies.snapshot()]

    def restore(self, state: Any) -> None:
        waiting, (keeping, on_trial), tallies = state
        self.waiting = [unpack_frame(packed) for packed in waiting]
        self.keeping.restore(keeping)
        self.on_trial.restore(on_trial)
        self.tallies.restore(tallies)


def _ends(rows: int, time_ms: int) -> Times:
    """The ends of the windows of rows at one instant."""
    return np.full(rows, time_ms + 1, np.int64)


def _checked(scorer: Scorer, vectors: Numbers, memory: Numbers, time_ms: int) -> tuple[Numbers, Numbers]:
    """Raises ValueError for an answer of the wrong shape; a raw score that is infinite says nothing."""
    raw, after = scorer.score(vectors, memory, _ends(len(vectors), time_ms))
    if raw.shape != (len(vectors),) or (memory.shape[1] and after.shape != memory.shape):
        raise ValueError(f"scores {raw.shape} and memory {after.shape} for {vectors.shape} and {memory.shape}")
    return np.where(np.isfinite(raw), raw, np.nan), after


def _drivers(scorer: Scorer, vectors: Numbers, memory: Numbers, time_ms: int) -> Numbers:
    """All 0 where they can't be told."""
    if not len(vectors):
        return vectors
    try:
        found = np.nan_to_num(scorer.drivers(vectors, memory, _ends(len(vectors), time_ms)))
    except Exception:
        found = np.zeros(vectors.shape)
    return found if found.shape == vectors.shape else np.zeros(vectors.shape)
