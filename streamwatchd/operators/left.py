"""What becomes of alarms whose rules end at a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Left:
    """`renamed`: alarms that have another name now; `living`: all that the rules still have. `placed_anew`: keys lie in
    other partitions from then on, so nobody takes over what was judged of them."""

    renamed: Mapping[str, str]
    living: frozenset[str]
    placed_anew: bool = False

    def reason(self, rule: str) -> str:
        """Why alarms of a rule resolve that nobody takes over."""
        if rule not in self.living:
            return "rule_removed"
        return "partitions_changed" if self.placed_anew else "rule_changed"
