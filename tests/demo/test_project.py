"""The shipped project, as it stands and as the demo runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.demo.project import SHIPPED, prepare
from streamwatchd.demo.sources import KINDS
from streamwatchd.diagnostics import render
from streamwatchd.errors import UnreadableInput
from streamwatchd.lang.typed import Kind
from streamwatchd.rules.loader import load

RULES = {
    "cpu_high",
    "billing_errors",
    "disk_filling",
    "api_response_time",
    "transactions",
    "health",
    "slow_and_failing",
}


def test_the_shipped_project_checks_without_a_word() -> None:
    """No error and no warning, and rules 1 to 7 are in force."""
    loaded = load(SHIPPED)
    assert [render(diagnostic) for diagnostic in loaded.diagnostics] == []
    assert {rule.name for rule in loaded.ruleset.rules} >= RULES


def test_sources_are_declared_as_the_traffic_writes_them() -> None:
    """Topic, key, time and disorder of each kind; its number field is a number with the daemon too."""
    sources = load(SHIPPED).ruleset.sources
    assert set(sources) == {kind.name for kind in KINDS}
    for kind in KINDS:
        source = sources[kind.name]
        assert (source.topic, source.key, source.time) == (kind.topic, kind.key, kind.time_field)
        assert source.time_unit == ("" if kind.stamp == "iso" else kind.stamp)
        assert source.max_delay_ms == 1000 * kind.max_delay_seconds
        assert source.fields[kind.number_field].type.kind is Kind.NUMBER


def test_the_demo_runs_it_with_topics_and_folders_of_its_own(tmp_path: Path) -> None:
    """Nothing is written beside the shipped project, and nothing read from topics of another run."""
    project = prepare(tmp_path, "broker:1", "run-1.")
    settings = project.settings
    assert settings.kafka["bootstrap.servers"] == "broker:1"
    assert settings.state_dir == tmp_path / "state"
    assert settings.rules_dir == SHIPPED.parent / "rules.d"
    assert settings.app == "run-1.streamwatchd"
    named = [*project.topics.values(), settings.topics.alerts, settings.topics.exchange, settings.topics.journal]
    assert all(topic.startswith("run-1.") for topic in named)
    assert project.topics["metrics"] == "run-1.telecom.metrics"
    assert project.rules >= RULES
    assert settings.listen == f"127.0.0.1:{project.port}"


def test_alerts_of_the_daemon_on_itself_are_no_alarms_of_the_film(tmp_path: Path) -> None:
    """It plays minutes ago, which the daemon may well remark on; the shown alarms are those of the rules."""
    topics = prepare(tmp_path, "broker:1").settings.topics
    assert topics.of_self_alerts not in ("", topics.alerts)


def test_a_project_that_does_not_check_is_shown(tmp_path: Path) -> None:
    """With its diagnostics; a missing one by name."""
    with pytest.raises(UnreadableInput, match="no_such"):
        prepare(tmp_path, "broker:1", config=tmp_path / "no_such.yaml")
    config = tmp_path / "broken" / "streamwatchd.yaml"
    config.parent.mkdir()
    config.write_text(SHIPPED.read_text().replace("key: host", "kee: host"))
    with pytest.raises(UnreadableInput, match="kee"):
        prepare(tmp_path, "broker:1", config=config)
