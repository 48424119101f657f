"""What a condition can ask of the metrics: how they are, and how they went over the last minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from streamwatchd.daemon.metrics import Samples
from streamwatchd.ports.telemetry import Labels

Key = Labels
"""What an alert is about: some labels of a metric, in the order in which they were asked for."""

_OF_STATE = frozenset({
    "events_total", "late_total", "dead_letters_total", "overflowed_total", "storms_total",
    "model_scored_total", "model_failed_total", "model_scores_total", "model_score_thousandths_total",
})  # fmt: skip
"""Counters that a snapshot brings back: their first value is old news, and a step back is a replay."""


@dataclass(slots=True)
class _Course:
    """How one number went: (time, value) whenever it changed, oldest first."""

    points: deque[tuple[float, float]] = field(default_factory=deque)
    raw: float = 0.0
    fell: float = 0.0
    was_up: float = 0.0

    def note(self, now_s: float, value: float, longest_s: float) -> None:
        if not self.points or self.points[-1][1] != value:
            self.points.append((now_s, value))
        while len(self.points) > 1 and self.points[1][0] < now_s - longest_s:
            self.points.popleft()

    def at(self, when_s: float) -> float | None:
        """The value at that time; None before the first."""
        return next((value for time, value in reversed(self.points) if time <= when_s), None)


class Sight:
    """`see` is called again and again with all samples. The past is kept of what was asked for before the first."""

    def __init__(self) -> None:
        self._samples: Samples = {}
        self._now_s = 0.0
        self._courses: dict[tuple[str, Labels], _Course] = {}
        self._followed: set[str] = set()
        self._longest_s = 0.0

    def see(self, samples: Samples, now_s: float) -> None:
        """`now_s` is a steady clock's."""
        self._samples, self._now_s = samples, now_s
        for key, value in samples.items():
            if key[0] in self._followed:
                self._note(key, value)
        for key in [key for key in self._courses if key not in samples]:
            del self._courses[key]

    def _note(self, key: tuple[str, Labels], value: float) -> None:
        course = self._courses.get(key)
        if course is None:
            course = self._courses[key] = _Course(fell=self._now_s, was_up=self._now_s)
            if key[0].endswith("_total"):
                first = value if key[0] in _OF_STATE else 0.0
                course.points.append((float("-inf"), first))
                course.raw = first
        if not key[0].endswith("_total"):
            if value <= 0 or value < course.raw:
                course.fell = self._now_s
            if value > 0:
                course.was_up = self._now_s
            course.raw = value
            course.note(self._now_s, value, self._longest_s)
            return
        if value < course.raw and key[0] in _OF_STATE:
            return
        grown = value - course.raw if value >= course.raw else value  # another process counts from 0
        course.raw = value
        course.note(self._now_s, course.points[-1][1] + grown, self._longest_s)

    def _follow(self, name: str, over_s: float = 0.0) -> None:
        self._followed.add(name)
        self._longest_s = max(self._longest_s, over_s)

    def _of(self, name: str) -> Iterable[tuple[Labels, float]]:
        return ((labels, value) for (each, labels), value in self._samples.items() if each == name)

    def gauge(self, name: str, *by: str, least: bool = False) -> dict[Key, float]:
        """The largest value of now, or the least, for each combination of the labels `by`."""
        return self._grouped(name, by, lambda labels, value: value, min if least else max)

    def total(self, name: str, *by: str) -> dict[Key, float]:
        return self._grouped(name, by, lambda labels, value: value, _sum)

    def risen(self, name: str, *by: str, over_s: float) -> dict[Key, float]:
        """How much a counter grew in the last `over_s` seconds; restarts of what counts are seen through."""
        self._follow(name, over_s)

        def rise(labels: Labels, value: float) -> float:
            course = self._courses[name, labels]
            return course.points[-1][1] - (course.at(self._now_s - over_s) or 0.0)

        return self._grouped(name, by, rise, _sum)

    def before(self, name: str, *by: str, ago_s: float) -> dict[Key, float]:
        """The sum of a gauge as it was; nothing of what was not there yet."""
        self._follow(name, ago_s)
        then = self._now_s - ago_s
        found = {labels: self._courses[name, labels].at(then) for labels, _ in self._of(name)}
        known = {labels: value for labels, value in found.items() if value is not None}
        keys = {_pick(labels, by) for labels, value in found.items() if value is None}
        return {key: value for key, value in _group(known, by, _sum).items() if key not in keys}

    def stuck(self, name: str, *by: str) -> dict[Key, float]:
        """For how many seconds a gauge has been above 0 without falling."""
        self._follow(name)
        return self._grouped(name, by, lambda labels, value: self._now_s - self._courses[name, labels].fell, max)

    def down(self, name: str, *by: str) -> dict[Key, float]:
        """For how many seconds a gauge has not been above 0."""
        self._follow(name)
        return self._grouped(name, by, lambda labels, value: self._now_s - self._courses[name, labels].was_up, max)

    def _grouped(
        self,
        name: str,
        by: tuple[str, ...],
        worth: Callable[[Labels, float], float],
        join: Callable[[float, float], float],
    ) -> dict[Key, float]:
        return _group({labels: worth(labels, value) for labels, value in self._of(name)}, by, join)


def _sum(one: float, two: float) -> float:
    return one + two


def _group(
    values: Mapping[Labels, float], by: tuple[str, ...], join: Callable[[float, float], float]
) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for labels, value in values.items():
        key = _pick(labels, by)
        found[key] = join(found[key], value) if key in found else value
    return found


def _pick(labels: Labels, by: tuple[str, ...]) -> Key:
    named = dict(labels)
    return tuple((name, named.get(name, "")) for name in by)
