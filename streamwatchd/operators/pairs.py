"""Members × keys of a family of alarms on windows."""

from __future__ import annotations

import numpy as np

from streamwatchd.operators.family import Family
from streamwatchd.operators.spec import WindowAlarmSpec


class Pairs:
    """Members × keys, appended as keys appear; the numbers of pairs never change."""

    def __init__(self, spec: WindowAlarmSpec) -> None:
        self._by_constants: dict[tuple[str, ...], list[int]] = {}
        for number, member in enumerate(spec.members):
            self._by_constants.setdefault(member.constants, []).append(number)
        self._lifted = spec.lifted
        self.single = len(spec.members) == 1 and not spec.lifted
        self._seen = 0
        self.key = np.zeros(0, np.intp)
        self.member = np.zeros(0, np.intp)

    def extend(self, family: Family) -> None:
        """Make pairs for the keys that are new."""
        keys = family.space.keys
        if self._seen == len(keys):
            return
        if self.single:
            self.key, self.member = np.arange(len(keys)), np.zeros(len(keys), np.intp)
        else:
            fresh = [
                (key, member)
                for key in range(self._seen, len(keys))
                for member in self._by_constants.get(keys[key][: self._lifted], ())  # type: ignore[arg-type]
            ]
            pairs = np.array(fresh, np.intp).reshape(-1, 2)
            self.key = np.concatenate([self.key, pairs[:, 0]])
            self.member = np.concatenate([self.member, pairs[:, 1]])
        self._seen = len(keys)
