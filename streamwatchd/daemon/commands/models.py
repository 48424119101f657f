"""`models`: the versions that score for the rules in force, and those that the daemon has taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.rules import plan_in_force
from streamwatchd.daemon.commands.status import models
from streamwatchd.operators.document import iso
from streamwatchd.rules.ruleset import SHADOW_OF


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """Counts are since the start of each worker process. A rule without a version scores nothing."""
    now_ms = context.clock.now_ms()
    counted = {(each["model"], each["version"]): each for each in models(context.metrics.samples(now_ms))}
    rows = [{**counted.get((row["model"], row["version"]), {}), **row} for row in _in_force(context)]
    shown = {(row["model"], row["version"]) for row in rows}
    rows += [{"rule": "", "kind": "", "on_trial": False, **each} for key, each in counted.items() if key not in shown]
    return {"at": iso(now_ms), "models": rows}


def _in_force(context: Context) -> Iterator[dict[str, Any]]:
    plan = plan_in_force(context)
    if plan is None:
        return
    stages = (*plan.first.values(), *plan.later)
    for score in sorted((score for stage in stages for score in stage.scores), key=lambda score: score.name):
        for on_trial in (False, True):
            data = plan.models.get(score.name + (SHADOW_OF if on_trial else ""))
            if data is not None:
                about = data.manifest
                row = {"model": about.name, "version": about.version, "kind": about.kind}
                yield {"rule": score.name, **row, "on_trial": on_trial}
            elif not on_trial:
                model, _, pinned = score.model.partition("@")
                row = {"model": model, "version": int(pinned) if pinned else None, "kind": ""}
                yield {"rule": score.name, **row, "on_trial": False, "missing": True}
