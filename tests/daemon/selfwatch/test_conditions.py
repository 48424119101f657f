"""Every self-alert fires where it should, and clears."""

from __future__ import annotations

from dataclasses import fields

import pytest

from streamwatchd.daemon.selfwatch.conditions import CONDITIONS
from streamwatchd.daemon.selfwatch.document import Document
from streamwatchd.daemon.selfwatch.watch import Watch
from streamwatchd.ports.catalogue import METRICS
from streamwatchd.rules import settings_spec
from streamwatchd.settings import SELF_ALERTS, SelfAlerts
from tests.daemon.selfwatch.scenes import SCENES, Scene
from tests.published import misfits

START_MS = 1_767_571_200_000
LIMITS = SelfAlerts(table_stale_ms=3_600_000, model_hold_ms=10_000)


def play(scene: Scene, limits: SelfAlerts = LIMITS) -> list[tuple[int, Document]]:
    """What is told, with the second of it."""
    watch = Watch("app", limits)
    told: list[tuple[int, Document]] = []
    for second in range(0, 3_000, 5):
        course = scene.calm if second < 100 else scene.bad if second < 1_000 else scene.well
        told += [(second, each) for each in watch.turn(course(second), float(second), START_MS + 1_000 * second)]
    return told


@pytest.mark.parametrize("name", SELF_ALERTS)
def test_it_fires_and_clears(name: str) -> None:
    """Not before it is bad, within minutes of it, once; and it clears, with the same id, when all is well again."""
    (at, fired), (later, resolved) = play(SCENES[name])
    assert 100 <= at <= 300
    is_past = SCENES[name].bad(1_000) == SCENES[name].well(1_000)  # what happened, happened; it is quiet since
    assert 700 <= later < 2_000 if is_past else 1_000 <= later < 2_000
    assert fired["rule"] == f"streamwatchd.{name}"
    assert (fired["event"], fired["state"], fired["seq"]) == ("fired", "firing", 1)
    assert (resolved["event"], resolved["state"], resolved["seq"]) == ("resolved", "resolved", 2)
    assert fired["id"] == resolved["id"]
    assert fired["key"] == resolved["key"] == {"app": "app", **SCENES[name].key}
    assert fired["labels"] == {"about": "streamwatchd"}
    assert misfits("alert", [fired, resolved]) == []
    assert "{" not in fired["message"]


@pytest.mark.parametrize("name", SELF_ALERTS)
def test_one_that_is_switched_off_is_silent(name: str) -> None:
    """`never` names it."""
    assert play(SCENES[name], SelfAlerts(never=frozenset({name}), table_stale_ms=3_600_000)) == []


def test_settings_know_every_condition() -> None:
    """Names can be switched off, and each limit of the settings is one that users may write."""
    assert tuple(each.name for each in CONDITIONS) == SELF_ALERTS
    assert SCENES.keys() == set(SELF_ALERTS)
    written = {name.removesuffix("_ms") for name in (each.name for each in fields(SelfAlerts))}
    assert written == set(settings_spec.SELF_ALERT.names)


def test_scenes_speak_of_metrics_that_there_are() -> None:
    """With the labels of the catalogue, and the shard."""
    for scene in SCENES.values():
        for name, labels in scene.bad(500):
            assert {label for label, _ in labels} <= {*METRICS[name].labels, "shard"}, name


def test_a_table_is_never_stale_where_nobody_asks() -> None:
    """The default."""
    assert play(SCENES["table_stale"], SelfAlerts()) == []
