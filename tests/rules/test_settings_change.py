"""What differs between two `streamwatchd.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import RuleSetRejected
from streamwatchd.rules import codes
from streamwatchd.rules.kafka_options import ALLOWED, SECRET
from streamwatchd.rules.settings_change import SettingChange, setting_changes, written_settings

ONE = "sources: {web: {topic: t}}\n"


def changes(tmp_path: Path, old: str, new: str, **environment: str) -> tuple[SettingChange, ...]:
    config = tmp_path / "streamwatchd.yaml"
    before, after = (written_settings(config, text.encode(), environment) for text in (old, new))
    return setting_changes(before, after)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "shards: 3\n", "shards: 2 → 3"),
        ("shards: 3\n", "", "shards: 3 → 2"),
        ("", "max_future: 10m\n", "max_future: 5m → 10m"),
        ("", "delivery: at_least_once\n", "delivery: exactly_once → at_least_once"),
        ("", "take_over_after: 30s\n", "take_over_after: not set → 30s"),
        ("", "topics: {alerts: noc.alerts}\n", "topics.alerts: streamwatchd.alerts → noc.alerts"),
        ("", "self_alerts: {late_share: 10%}\n", "self_alerts.late_share: 5% → 10%"),
        ("", "self_alerts: {never: [fenced, lso_lag]}\n", "self_alerts.never: not set → fenced, lso_lag"),
        ("", "control: {topic: ops}\n", "control.topic: not set → ops"),
        ("kafka: {linger.ms: 5}\n", "kafka: {linger.ms: 9}\n", "kafka.linger.ms: 5 → 9"),
        ("kafka: {linger.ms: 5}\n", "", "kafka.linger.ms: 5 → not set"),
        (
            "kafka: {sasl.password: tiger}\n",
            "kafka: {sasl.password: lion}\n",
            "kafka.sasl.password: (hidden) → (hidden)",
        ),
        ("", "snapshot_store_options: {region: eu}\n", "snapshot_store_options.region: not set → eu"),
    ],
)
def test_a_setting_is_named_as_it_is_written(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With its path in the file; a value that is not written is the default, and secrets are never shown."""
    found = changes(tmp_path, ONE + old, ONE + new)
    assert [str(each) for each in found] == [said]
    assert {each.takes for each in found} == {"restart"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "shards: 2\n"),
        ("shards: 16\n", "shards: 0x10\n"),
        ("max_future: 60s\n", "max_future: 1m # a comment\n"),
        ("self_alerts: {late_share: 10%}\n", "self_alerts: {late_share: 0.1}\n"),
        ("self_alerts: {never: fenced}\n", "self_alerts:\n  never: [fenced]\n"),
        ("", "topics: {alerts: streamwatchd.alerts}\n"),
        ("app: '${env:NAME}'\n", "app: noc\n"),
    ],
)
def test_other_words_for_the_same_are_no_change(tmp_path: Path, old: str, new: str) -> None:
    """Defaults, units, comments, order, variables."""
    assert changes(tmp_path, ONE + old, new + ONE, NAME="noc") == ()


def test_sources_are_among_them(tmp_path: Path) -> None:
    """Field by field; one that comes or goes is told as a whole."""
    old = "sources: {web: {topic: t, key: k, drop: a > 1, fields: {a: float}}, gone: {topic: g}}\n"
    new = (
        "sources: {web: {topic: t, key: k, max_delay: 1m, sample: 10%, drop: a > 2, enrich: {hosts: h}, "
        "fields: {a: {type: float, unit: percent}}}, new: {topic: n, time: ts}}\n"
    )
    assert [str(each) for each in changes(tmp_path, old, new)] == [
        "sources.web.max_delay: 5s → 1m",
        "sources.web.fields.a: float → {type: float, unit: percent}",
        "sources.web.drop: a > 1 → a > 2",
        "sources.web.sample: 100% → 10%",
        "sources.web.enrich.hosts: not set → h",
        "sources.gone: {topic: g} → not set",
        "sources.new: not set → {topic: n, time: ts}",
    ]


def test_a_field_of_a_declaration_is_told_alone(tmp_path: Path) -> None:
    """Where both sides spell it out."""
    old = "sources: {web: {topic: t, fields: {a: {type: counter, gap: 20m}}}}\n"
    (found,) = changes(tmp_path, old, old.replace("20m", "1h"))
    assert str(found) == "sources.web.fields.a.gap: 20m → 1h"


def test_what_becomes_of_state_is_said(tmp_path: Path) -> None:
    """Of the settings that move it or begin it anew."""
    moved = "app: noc\nshards: 3\nexchange_partitions: 8\nstate_dir: /srv/state\n"
    found = changes(tmp_path, ONE, f"{ONE}{moved}max_future: 1m\n")
    said = {each.name: each.effect for each in found}
    assert said["app"].startswith("all state and offsets begin anew")
    assert said["shards"] == "tasks move to their new shards, each with its state, before work goes on"
    assert "a start with another one is refused" in said["exchange_partitions"]
    assert said["state_dir"].startswith("state that is not moved along is rebuilt")
    assert said["max_future"] == ""


def test_long_values_are_cut(tmp_path: Path) -> None:
    """They are compared whole."""
    names = "kafka: {bootstrap.servers: '%s'}\n"
    (found,) = changes(tmp_path, ONE + names % ("a" * 99 + "b"), ONE + names % ("a" * 99 + "c"))
    assert (found.old, found.new) == (f"{'a' * 59}…", f"{'a' * 59}…")


@pytest.mark.parametrize(("text", "code"), [("sources: [", codes.CUT_SHORT), (ONE + "shard: 3\n", codes.UNKNOWN_FIELD)])
def test_what_does_not_check_is_not_compared(tmp_path: Path, text: str, code: str) -> None:
    """The mistakes come with the refusal."""
    with pytest.raises(RuleSetRejected) as rejected:
        changes(tmp_path, ONE, text)
    assert [each.code for each in rejected.value.diagnostics] == [code]


def test_all_options_that_hold_a_secret_are_hidden() -> None:
    """By their names; what is a path, an address or a number is no secret."""
    words = ("password", "secret", ".config", "extensions", "key.pem")
    assert {each for each in ALLOWED if each.endswith(words)} == SECRET
