"""`models`: the versions that score, those on trial, those taken back, and rules that have none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from streamwatchd.daemon.contents import ContentStore
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.rules.ruleset import SHADOW_OF
from tests.daemon.commands.setting import Setting
from tests.models.small import remembering


def plan(**models: Any) -> Any:
    scores = (SimpleNamespace(name="jump", model="step"), SimpleNamespace(name="odd", model="mix@7"))
    return SimpleNamespace(first={"m": SimpleNamespace(scores=scores)}, later=(), models=models)


def test_each_rule_has_its_version_with_what_it_scored() -> None:
    """One that is taken back is listed without a rule, what took its place is in force."""
    it = Setting()
    models = {"jump": remembering("x", version=1), "jump" + SHADOW_OF: remembering("x", version=3)}
    content = SimpleNamespace(program=SimpleNamespace(plan=plan(**models)))
    store = SimpleNamespace(versions=it.store.versions, content=lambda digest: content)
    object.__setattr__(it.context, "store", cast(Any, store))
    for version, scored in (("1", 9), ("3", 4), ("2", 5)):
        labels = (("model", "step"), ("version", version))
        it.metrics.put("model_expected_ratio", 0.05, labels)
        it.metrics.add("model_scored_total", scored, labels)
    it.metrics.add("model_rollbacks_total", 1, (("model", "step"), ("to", "1"), ("version", "2")))
    rows = it.run("models")["models"]
    assert [(row["rule"], row["model"], row["version"], row["on_trial"], row.get("scored")) for row in rows] == [
        ("jump", "step", 1, False, 9),
        ("jump", "step", 3, True, 4),
        ("odd", "mix", 7, False, None),
        ("", "step", 2, False, 5),
    ]
    assert rows[2]["missing"]
    assert rows[3]["taken_back_for"] == 1


def test_before_any_rules_are_in_force_there_are_none() -> None:
    """And it does not fail."""
    it = Setting(working=False)
    object.__setattr__(it.context, "store", ContentStore(FakeDisk(), Path("/empty")))
    assert it.run("models")["models"] == []
