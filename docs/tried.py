"""Examples of aggregates, tried: each is computed by the engine over six events, one every 10 s."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from streamwatchd.aggregates.shelf import AGGREGATES
from streamwatchd.compiler import compile_project
from streamwatchd.testing.timeline_reader import read_suite
from streamwatchd.testing.timeline_run import bench

SERIES: Mapping[str, list[object]] = {
    "cpu": [40, 60, 80, 60, 50, 70],
    "disk": [50, 51, 52, 53, 54, 55],
    "free": [90, 80, 85, 70, 75, 60],
    "in_errors": [5, 7, 9, 1, 4, 4],
    "latency": [10, 20, 30, 20, 50, 80],
    "octets": [100, 200, 300, 200, 500, 600],
    "status": [200, 500, 200, 503, 200, 200],
    "user": ["ann", "bob", "ann", "cas", "ann", "bob"],
    "version": ["1.0", "1.0", "1.1", "1.1", "1.2", "1.2"],
}
_CONFIG = """
kafka: {bootstrap.servers: "localhost:9092"}
sources:
  all:
    topic: all
    time: ts
    max_delay: 1s
    fields: {key: string, version: string, user: string, in_errors: {type: counter, per: [key]}}
"""


def tried() -> dict[str, str]:
    """Aggregate → `avg(cpu over 1m)` of `40 60 …` is `60`."""
    examples = {name: _over_a_minute(spec.example) for name, spec in AGGREGATES.items()}
    values = _values(examples)
    found = {}
    for name, text in examples.items():
        field = next((each for each in SERIES if re.search(rf"\b{each}\b", text)), "")
        series = " ".join(map(str, SERIES[field]))
        found[name] = f"`{text}` of `{field}: {series}` is `{json.dumps(values[name])}`"
    return found


def _over_a_minute(example: str) -> str:
    return re.sub(r" over \w+", " over 1m", example) if " over " in example else f"{example[:-1]} over 1m)"


def _values(examples: Mapping[str, str]) -> Mapping[str, object]:
    """At the end of the minute; by name."""
    rule = {
        "alarm": "tried",
        "by": "key",
        "values": {f"v_{name}": text for name, text in examples.items()},
        "when": "count(over 1m) == 6",
        "partial": True,
    }
    event = {"source": "all", "step": "10s", "key": "a", **SERIES}
    tests = [{"name": "tried", "events": [event], "until": "2m", "expect": [{"alarm": "tried"}]}]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.d").mkdir()
        config = folder / "streamwatchd.yaml"
        config.write_text(_CONFIG, encoding="utf-8")
        (folder / "rules.d" / "a.yaml").write_text(json.dumps({"source": "all", "every": "1m", "rules": [rule]}) + "\n")
        test = folder / "rules.d" / "a_test.yaml"
        test.write_text(json.dumps({"tests": tests}) + "\n")
        loaded = compile_project(config, models="").loaded
        suite = read_suite(str(test), loaded)
        problems = [each.message for each in (*loaded.diagnostics, *suite.problems) if each.is_error]
        assert not problems, problems
        happenings = bench(suite, loaded).run(suite.cases[0]).happenings
    document = next(each.document for each in happenings if each.document["event"] == "fired")
    values = document["values"]
    assert isinstance(values, Mapping)
    return {name: _rounded(values[f"v_{name}"]) for name in examples}


def _rounded(value: object) -> object:
    return float(f"{value:.6g}") if isinstance(value, float) else value
