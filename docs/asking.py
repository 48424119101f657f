"""Functions of conditions that the shelves of functions and aggregates do not have, with examples that are checked."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.compiler import compile_project
from streamwatchd.functions import signatures
from streamwatchd.rules.unless import DURING, FIRING


@dataclass(frozen=True, slots=True)
class Asking:
    name: str
    gives: str
    where: str
    example: str


_USUAL = "values and conditions of alarms; see [what is usual](../language.md#what-is-usual)"
ASKING = (
    Asking(
        "during",
        "true while the calendar has a stretch",
        "`unless` and `pause`; see [muting](../language.md#muting)",
        "unless: during(nights)",
    ),
    Asking(
        "firing",
        "true while the alarm of that name is firing for the same keys",
        "`unless`; see [muting](../language.md#muting)",
        "unless: firing(site_down)",
    ),
    Asking(
        "spread",
        "how far `E` usually is from `usual(E)`: the median deviation, times 1.4826",
        _USUAL,
        "when: max(cpu over 5m) > usual(max(cpu over 5m)) + 5 * spread(max(cpu over 5m))",
    ),
    Asking(
        "usual",
        "the median of `E` at this hour of the week, over the last four weeks",
        _USUAL,
        "when: max(cpu over 5m) > 2 * usual(max(cpu over 5m))",
    ),
)
_CONFIG = """
kafka: {bootstrap.servers: "localhost:9092"}
sources: {all: {topic: all, time: ts, max_delay: 1s, fields: {host: string}}}
"""
_NIGHTS = 'during: [{days: [mon], from: "22:00", to: "06:00"}]\n'


def check_asking() -> None:
    """No function is left out, and each example is good in a rule."""
    learnt = {name for name, signature in signatures().items() if signature.baseline}
    missing = {FIRING, DURING, *learnt} - {each.name for each in ASKING}
    assert not missing, f"not told: {missing}"
    rules: list[dict[str, object]] = [{"alarm": "site_down", "by": "host", "when": "count(over 5m) == 0"}]
    for each in ASKING:
        field, _, text = each.example.partition(": ")
        rules.append({"alarm": f"a_{each.name}", "by": "host", "when": "max(cpu over 5m) > 9", field: text})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in {
            "streamwatchd.yaml": _CONFIG,
            "calendars.d/nights.yaml": _NIGHTS,
            "rules.d/a.yaml": json.dumps({"source": "all", "every": "5m", "rules": rules}) + "\n",
        }.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        loaded = compile_project(folder / "streamwatchd.yaml", models="").loaded
    problems = [each.message for each in loaded.diagnostics if each.is_error]
    assert not problems, problems
