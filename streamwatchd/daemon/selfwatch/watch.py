"""Which self-alerts fire: conditions held against what is seen, with their holds, over restarts too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamwatchd.daemon.metrics import Samples
from streamwatchd.daemon.selfwatch.conditions import CONDITIONS, Condition, Finding
from streamwatchd.daemon.selfwatch.document import Document, identity, lifecycle_event
from streamwatchd.daemon.selfwatch.sight import Key, Sight
from streamwatchd.settings import SelfAlerts

_GRACE_S = 60.0
"""After a start, in which what has not been seen since is no reason to say that all is well."""


@dataclass(slots=True)
class Firing:
    """An alert that fires. `calm_since` is of the steady clock, None while its condition is true; `is_seen` once this
    process has seen what it is about."""

    id: str
    starts_at_ms: int
    seq: int
    finding: Finding
    calm_since: float | None = None
    is_seen: bool = False


class Watch:
    """Call `turn` about once a second. `app` names the installation in ids and keys."""

    def __init__(self, app: str, limits: SelfAlerts, conditions: Sequence[Condition] = CONDITIONS) -> None:
        self._app, self._limits = app, limits
        self._conditions = {each.name: each for each in conditions}
        self._sight = Sight()
        self._true_since: dict[tuple[str, Key], float] = {}
        self._firing: dict[tuple[str, Key], Firing] = {}
        self._begun_s: float | None = None
        for each in conditions:
            each.look(self._sight, limits)  # blind: what it asks for is followed from here on

    @property
    def firing(self) -> dict[str, int]:
        """How many fire, by name; 0 for all others."""
        found = dict.fromkeys(self._conditions, 0)
        for name, _ in self._firing:
            found[name] = found.get(name, 0) + 1
        return found

    def turn(self, samples: Samples, now_s: float, now_ms: int) -> list[Document]:
        """What happened since the last turn; `now_s` is a steady clock's, `now_ms` the wall clock's."""
        self._sight.see(samples, now_s)
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        told: list[Document] = []
        for name, condition in self._conditions.items():
            found = {} if name in self._limits.never else condition.look(self._sight, self._limits)
            limit = condition.limit(self._limits)
            beyond = {key: each for key, each in found.items() if condition.is_beyond(each.value, limit)}
            told += self._rise(condition, beyond, now_s, now_ms)
            told += self._fall(condition, found, beyond, now_s, now_ms)
        return told

    def _rise(self, condition: Condition, beyond: Mapping[Key, Finding], now_s: float, now_ms: int) -> list[Document]:
        told = []
        for key, finding in beyond.items():
            at = (condition.name, key)
            if at in self._firing:
                firing = self._firing[at]
                firing.finding, firing.calm_since, firing.is_seen = finding, None, True
            elif now_s - self._true_since.setdefault(at, now_s) >= condition.held_s(self._limits):
                named = identity(self._app, condition.name, key, now_ms)
                firing = self._firing[at] = Firing(named, now_ms, 1, finding, is_seen=True)
                told.append(self._document(condition, key, firing, now_ms, resolved=False))
        return told

    def _fall(
        self,
        condition: Condition,
        found: Mapping[Key, Finding],
        beyond: Mapping[Key, Finding],
        now_s: float,
        now_ms: int,
    ) -> list[Document]:
        told = []
        for at in [at for at in self._true_since if at[0] == condition.name and at[1] not in beyond]:
            del self._true_since[at]
        for at in [at for at in self._firing if at[0] == condition.name and at[1] not in beyond]:
            firing = self._firing[at]
            if at[1] not in found and not firing.is_seen and now_s - (self._begun_s or 0.0) < _GRACE_S:
                continue
            if firing.calm_since is None:
                firing.calm_since = now_s
            if now_s - firing.calm_since >= condition.clear_s:
                del self._firing[at]
                firing.seq += 1
                firing.finding = found.get(at[1], firing.finding)
                told.append(self._document(condition, at[1], firing, now_ms, resolved=True))
        return told

    def _document(self, condition: Condition, key: Key, firing: Firing, now_ms: int, *, resolved: bool) -> Document:
        return lifecycle_event(
            condition, self._app, key, firing.finding, condition.limit(self._limits),
            firing.id, firing.seq, firing.starts_at_ms, now_ms, resolved=resolved,
        )  # fmt: skip

    # over restarts

    def state(self) -> list[Any]:
        """What fires, as JSON."""
        return [
            [name, [list(pair) for pair in key], each.id, each.starts_at_ms, each.seq]
            for (name, key), each in self._firing.items()
        ]

    def restore(self, state: Sequence[Any]) -> None:
        """The inverse. An alert whose condition is no more true clears; one of an unknown name is left out."""
        for name, pairs, named, starts_at_ms, seq in state:
            if name in self._conditions:
                key = tuple((str(label), str(value)) for label, value in pairs)
                self._firing[name, key] = Firing(named, starts_at_ms, seq, Finding(0.0))
