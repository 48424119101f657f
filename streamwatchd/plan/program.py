"""What a worker is given: it knows no YAML, and imports none of what reads it."""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.operators.stage_spec import LogicalPlan


@dataclass(frozen=True, slots=True)
class Program:
    """All that a worker needs to know of the rules; pickles. `digest` names its meaning."""

    plan: LogicalPlan
    digest: str
