"""What a recording holds of each source."""

from __future__ import annotations

import json
from pathlib import Path

from streamwatchd.cli.seen import seen_in
from streamwatchd.compiler import compile_project
from streamwatchd.rules.lint._check import Seen
from tests.cli.small import copy

EVENTS = [{"ts": 1, "shop": "a", "page": None}, {"ts": 2, "shop": "a", "at": {"lat": 5}}, {"ts": 2, "shop": "b"}]


def test_fields_and_their_values_are_counted(tmp_path: Path) -> None:
    """Bare or as records of Kafka; null is no value, nested fields have dots, poison counts nowhere."""
    rules = compile_project(copy(tmp_path)).loaded.ruleset
    bare, records = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    bare.write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    envelopes = [
        {"topic": "web.requests", "partition": 0, "offset": number, "timestamp": 1, "value": event}
        for number, event in enumerate([*EVENTS, "poison"])
    ]
    records.write_text("".join(json.dumps(each) + "\n" for each in envelopes))
    expected = Seen(3, {"ts": 3, "shop": 3, "at": 1, "at.lat": 1}, {"ts": 2, "shop": 2, "at": 0, "at.lat": 1})
    assert seen_in(str(bare), rules, None) == {"web": expected}
    assert seen_in(str(records), rules, None) == {"web": expected}
