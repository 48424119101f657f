"""What is usual for a key: the median, and the scaled median deviation, of what an expression was at the same hour of
the week in the four weeks before.

Samples are taken at multiples of a step (20 minutes, or `every` where that is longer) and kept as 32-bit floats, one
array over all keys an instant, for every rule of a family alike. What a rule leaves out, as its alarm was firing, is a
mask per rule and key. The hours that are looked at are all in the past, so medians are reckoned once an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import array_of
from streamwatchd.batch import Frame, Numbers
from streamwatchd.lang.typed import BASELINE_REACH_MS
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.spec import BaselineSpec
from streamwatchd.packing import Frozen, thawed

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS
WEEKS = BASELINE_REACH_MS // WEEK_MS
SAMPLE_MS = 1_200_000

NORMAL = 1.4826
"""The median deviation of a normal distribution, times this, is its standard deviation."""

_MANY_KEYS = 4_096

Index = npt.NDArray[np.intp]
Samples = npt.NDArray[np.float32]
Masks = dict[int, dict[str, npt.NDArray[np.int32]]]
"""Per instant and rule the keys whose alarms were firing."""


@dataclass(slots=True)
class Baseline:
    """One expression: its samples by instant, and the answers of this hour: (hour, usual, spread) over the pairs."""

    spec: BaselineSpec
    samples: dict[int, Samples] = field(default_factory=dict)
    frozen: dict[int, Frozen] = field(default_factory=dict)
    answers: tuple[int, Numbers, Numbers] | None = None

    def keep(self, at_ms: int, values: Samples) -> None:
        self.samples[at_ms] = values

    def drop_before(self, time_ms: int) -> None:
        for at_ms in [at_ms for at_ms in self.samples if at_ms <= time_ms]:
            del self.samples[at_ms]
            self.frozen.pop(at_ms, None)

    def picture(self) -> list[object]:
        """Samples never change, so those of many keys are packed apart, once."""
        found: list[object] = []
        for at_ms, values in self.samples.items():
            kept: object = values
            if len(values) >= _MANY_KEYS:
                kept = self.frozen.setdefault(at_ms, Frozen(partial(_itself, values)))
            found.append([at_ms, kept])
        return [self.spec.id, found]

    def restore(self, packed: Any, size: int) -> None:
        for at_ms, kept in packed:
            values = self.samples[int(at_ms)] = array_of(thawed(kept), np.float32, size)
            if isinstance(kept, Frozen):
                self.frozen[int(at_ms)] = Frozen(partial(_itself, values), place=kept.place)


def _itself(values: Samples) -> object:
    return values


class Baselines:
    """All that the rules of a family learn. Answers are per pair of rule and key, samples per key."""

    def __init__(
        self, specs: Sequence[BaselineSpec], names: Sequence[str], every_ms: int, evaluator: Evaluator
    ) -> None:
        self._of = {spec.id: Baseline(spec) for spec in specs}
        self._names, self._every_ms, self._evaluator = tuple(names), every_ms, evaluator
        self.masks: Masks = {}
        self.began_ms: int | None = None

    def next_ms(self, done_ms: int) -> int:
        """Before which instant nothing is sampled, and the usual stays what it is."""
        steps = [(done_ms // each.spec.step_ms + 1) * each.spec.step_ms - 1 for each in self._of.values()]
        return min(*steps, -(-done_ms // HOUR_MS) * HOUR_MS)

    # reading

    def fill(self, frame: Frame, judged_ms: int, keys: Index, members: Index) -> None:
        """Say what `usual` and `spread` are on a frame with a row a pair, at T."""
        hour = (judged_ms - 1) // HOUR_MS * HOUR_MS
        for baseline in self._of.values():
            usual, spread = self._answers(baseline, hour, keys, members)
            for node in baseline.spec.nodes:
                self._evaluator.put(frame, node, usual if node.function == "usual" else spread)

    def peek(self, frame: Frame, pair: int) -> None:
        """As `fill` for one pair, as it was at the last T; null where it was not asked then."""
        for baseline in self._of.values():
            answers = baseline.answers
            for node in baseline.spec.nodes:
                column = np.zeros(0) if answers is None else answers[1] if node.function == "usual" else answers[2]
                value = column[pair] if pair < len(column) else np.nan
                self._evaluator.put(frame, node, np.array([value], np.float64))

    def _answers(self, baseline: Baseline, hour: int, keys: Index, members: Index) -> tuple[Numbers, Numbers]:
        known = baseline.answers
        if known is not None and known[0] == hour:
            missing = np.full(len(keys) - len(known[1]), np.nan)
            answers = np.concatenate([known[1], missing]), np.concatenate([known[2], missing])
        else:
            rows = [self._row(baseline, at_ms, keys, members) for at_ms in self._instants(baseline, hour)]
            answers = _usual(np.array(rows, np.float64).reshape(len(rows), len(keys)))
        baseline.answers = (hour, *answers)
        return answers

    def _instants(self, baseline: Baseline, hour: int) -> list[int]:
        """Those of the same hour in the weeks before that have samples."""
        step = baseline.spec.step_ms
        found = []
        for week in range(1, WEEKS + 1):
            first = ((hour - week * WEEK_MS) // step + 1) * step
            found += [at for at in range(first, hour - week * WEEK_MS + HOUR_MS + 1, step) if at in baseline.samples]
        return found

    def _row(self, baseline: Baseline, at_ms: int, keys: Index, members: Index) -> Numbers:
        samples = baseline.samples[at_ms]
        row = np.full(len(keys), np.nan)
        there = keys < len(samples)
        row[there] = samples[keys[there]]
        for name, left_out in self.masks.get(at_ms, {}).items():
            if name in self._names:
                row[(members == self._names.index(name)) & np.isin(keys, left_out)] = np.nan
        return row

    # learning

    def learn(self, frame: Frame, judged_ms: int, keys: Index, members: Index, known: Any, left_out: Index) -> None:
        """After the judgement at T: `known` says which pairs' keys are, the samples of `left_out` don't count."""
        if self.began_ms is None:
            self.began_ms = judged_ms
        sampled = [each for each in self._of.values() if judged_ms % each.spec.step_ms == 0]
        for baseline in sampled:
            column = self._evaluator.column(baseline.spec.expr, frame)
            assert isinstance(column, np.ndarray)
            values = np.full(int(keys.max(initial=-1)) + 1, np.nan, np.float32)
            with np.errstate(over="ignore"):
                values[keys[known]] = column[known].astype(np.float32)
            values[np.isinf(values)] = np.nan
            baseline.keep(judged_ms, values)
            baseline.drop_before(judged_ms - BASELINE_REACH_MS - HOUR_MS)
        if sampled and len(left_out):
            fired = ((self._names[m], keys[left_out[members[left_out] == m]]) for m in np.unique(members[left_out]))
            self.masks[judged_ms] = {name: pairs.astype(np.int32) for name, pairs in fired}
        if sampled:
            self.masks = {at: of for at, of in self.masks.items() if at > judged_ms - BASELINE_REACH_MS - HOUR_MS}

    def is_young(self, judged_ms: int, history_ms: int) -> bool:
        """Whether nothing was learnt yet so long before T."""
        return self.began_ms is None or judged_ms - history_ms < self.began_ms

    # snapshots and switches

    def snapshot(self) -> list[object]:
        masks = [[at_ms, name, keys] for at_ms, of in self.masks.items() for name, keys in of.items()]
        return [self.began_ms, [baseline.picture() for baseline in self._of.values()], masks]

    def restore(self, state: Any, size: int) -> None:
        """The inverse; what is not here is left out."""
        self.began_ms, baselines, masks = state
        for name, packed in baselines:
            if name in self._of:
                self._of[name].restore(packed, size)
        for at_ms, name, keys in masks:
            self.masks.setdefault(int(at_ms), {})[name] = array_of(keys, np.int32, size)

    def adopt(self, old: Baselines, renamed: Mapping[str, str]) -> None:
        """Go on with what rules that go on here have learnt, if they learn the same."""
        for name, baseline in self._of.items():
            theirs = old._of.get(name)
            if theirs is not None and not baseline.samples:
                baseline.samples, baseline.frozen = dict(theirs.samples), dict(theirs.frozen)
                self.began_ms = old.began_ms
        for at_ms, of in old.masks.items():
            mine = {renamed.get(name, name): keys for name, keys in of.items()}
            self.masks.setdefault(at_ms, {}).update({name: keys for name, keys in mine.items() if name in self._names})


def _usual(samples: Numbers) -> tuple[Numbers, Numbers]:
    """Median and scaled median deviation of each column, without NaN; NaN where there is nothing else."""
    usual = _medians(samples)
    return usual, NORMAL * _medians(np.abs(samples - usual))


def _medians(samples: Numbers) -> Numbers:
    if not len(samples):
        return np.full(samples.shape[1], np.nan)
    ordered = np.sort(samples, axis=0)
    count = np.count_nonzero(~np.isnan(ordered), axis=0)
    places = np.arange(samples.shape[1])
    low, high = (
        ordered[np.maximum(count - 1, 0) // 2, places],
        ordered[np.minimum(count // 2, len(samples) - 1), places],
    )
    return np.where(count > 0, (low + high) / 2, np.nan)
