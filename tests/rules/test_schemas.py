"""The JSON schemas of our files and of what goes out."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from streamwatchd import fields
from streamwatchd.rules import rule_spec, settings_spec

ROOT = Path(__file__).parents[2]
RECORDS = {"rules": rule_spec.FILE, "streamwatchd": settings_spec.SETTINGS, "table": settings_spec.TABLE}
RULES = """
source: metrics
every: 10s
labels: {team: noc}
rules:
  - alarm: disk_filling
    by: [host, mount]
    values: {used: avg(disk over 1m)}
    levels: {critical: used > 95%, warning: used > 80% for 5m until used < 75% for 2m}
    no_data: alert after 10m
  - kpi: load
    by: host
    session: 30s
    values: {x: avg(cpu)}
"""
ALERT = {
    "id": "a1", "seq": 0, "rule": "cpu_high", "rule_version": "f00", "state": "firing", "event": "fired",
    "severity": "critical", "previous": None, "key": {"host": "a"}, "values": {"cpu5": 91.5},
    "window": {"start": "2026-01-05T00:00:00.000Z", "end": "2026-01-05T00:05:00.000Z"},
    "starts_at": "2026-01-05T00:05:00.000Z", "at": "2026-01-05T00:05:00.000Z", "ends_at": None, "labels": {},
    "context": {"role": None}, "message": None, "runbook": None, "muted_by": None, "evidence": None,
    "replayed": False, "reason": None,
}  # fmt: skip
KPI = {
    "kpi": "load", "key": {}, "window": ALERT["window"], "values": {"x": 5}, "context": {}, "revision": 0, "events": 3
}  # fmt: skip
ANOMALY = {
    "anomaly": "odd", "key": {"host": "a"}, "window": ALERT["window"], "score": 0.97, "confidence": 0.999,
    "model": "mix", "version": 3, "values": {"x": 5}, "features": ["x"], "drivers": {"x": 1.0}, "context": {},
    "labels": {},
}  # fmt: skip


def schema(name: str) -> dict[str, object]:
    found = json.loads((ROOT / "schemas" / f"{name}.json").read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["rules", "streamwatchd", "table", "alert", "kpi", "anomaly"])
def test_each_schema_is_a_schema(name: str) -> None:
    """Editors and validators can load them."""
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", RECORDS)
def test_the_schemas_of_our_files_are_current(name: str) -> None:
    """They say what the loader says; `make generate` writes them anew."""
    said = fields.schema(RECORDS[name])
    assert {key: value for key, value in schema(name).items() if key in said} == json.loads(json.dumps(said))


def test_rules_of_every_form_fit_and_mistakes_do_not() -> None:
    """An editor with the schema finds an unknown field and a wrong severity."""
    validator = jsonschema.Draft202012Validator(schema("rules"))
    good = yaml.safe_load(RULES)
    assert validator.is_valid(good)
    assert not validator.is_valid(yaml.safe_load(RULES.replace("no_data", "nodata")))
    assert not validator.is_valid(yaml.safe_load(RULES.replace("critical:", "fatal:")))


@pytest.mark.parametrize(("name", "document"), [("alert", ALERT), ("kpi", KPI), ("anomaly", ANOMALY)])
def test_outputs_are_strict(name: str, document: dict[str, object]) -> None:
    """A whole document fits; one with a field more, or one less, does not."""
    validator = jsonschema.Draft202012Validator(schema(name))
    assert validator.is_valid(document)
    assert not validator.is_valid(document | {"surprise": 1})
    for field in document:
        assert not validator.is_valid({other: value for other, value in document.items() if other != field}), field
