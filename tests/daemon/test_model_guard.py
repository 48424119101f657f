"""A version that floods is taken back, once a day at most, and never the last one."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.model_guard import BLIND, DRIFTS, FLOODS, ModelGuard
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.store import ModelStore
from streamwatchd.settings import Settings
from tests.daemon.project import ListLog
from tests.models.stump import put_stump


class Setting:
    def __init__(self, folder: Path, versions: int) -> None:
        self.store = ModelStore(RealDisk(), folder / "models")
        for version in range(1, versions + 1):
            put_stump(folder / "models", "mix", "n", version=version)
        self.metrics, self.log, self.clock, self.changes = Metrics(), ListLog(), ManualClock(), 0
        settings = Settings(folder / "streamwatchd.yaml", models=f"file://{folder / 'models'}")
        self.guard = ModelGuard(settings, self.metrics, self.clock, self.log, self.changed)

    def changed(self) -> None:
        self.changes += 1

    def floods(self, version: int, event: str = "fired", rule: str = FLOODS) -> None:
        key = {"app": "a", "model": "mix", "version": str(version)}
        self.guard.hear({"rule": rule, "event": event, "key": key, "message": "20% are odd"})

    @property
    def statuses(self) -> list[str]:
        return [self.store.status("mix", version).status for version in self.store.versions("mix")]


@pytest.mark.parametrize("rule", [FLOODS, DRIFTS, BLIND])
def test_the_version_is_withdrawn_with_an_audit_line(tmp_path: Path, rule: str) -> None:
    """The one before is the newest good one then; the metric says from what to what."""
    setting = Setting(tmp_path, 3)
    setting.floods(3, rule=rule)
    assert (setting.statuses, setting.changes) == (["good", "good", "withdrawn"], 1)
    (line,) = setting.store.audited("mix")
    assert (line["version"], line["from"], line["to"], line["by"]) == (3, "good", "withdrawn", "streamwatchd")
    assert (line["reason"], line["in_force"]) == ("20% are odd", 2)
    labels = (("model", "mix"), ("to", "2"), ("version", "3"))
    assert setting.metrics.samples(0)["model_rollbacks_total", labels] == 1


def test_the_next_one_stays_for_a_day(tmp_path: Path) -> None:
    """An incident that every version calls odd does not take them all."""
    setting = Setting(tmp_path, 3)
    setting.floods(3)
    setting.floods(2)
    assert setting.statuses == ["good", "good", "withdrawn"]
    setting.clock.sleep(86_401.0)
    setting.floods(2)
    assert setting.statuses == ["good", "withdrawn", "withdrawn"]


@pytest.mark.parametrize(
    ("version", "event", "rule"), [(1, "fired", FLOODS), (2, "resolved", DRIFTS), (2, "fired", "x")]
)
def test_nothing_else_takes_a_version_back(tmp_path: Path, version: int, event: str, rule: str) -> None:
    """Not the only one that is left, not the end of a flood, no other alert."""
    setting = Setting(tmp_path, 2)
    setting.floods(version, event, rule)
    assert (setting.statuses, setting.changes) == (["good", "good"], 0)
