"""The life of a model by `swctl model`: trained, listed, shadow, promoted, marked, taken back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from streamwatchd.cli import main
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.dispositions import Disposition, shift_for
from streamwatchd.repository.store import ModelStore
from tests.models.trees import manifest

CONFIG = "app: test\nkafka: {bootstrap.servers: 'localhost:1'}\nsources:\n  net: {topic: net, time: ts, key: link}\n"
RULES = """
source: net
rules:
  - anomaly: off
    by: link
    every: 1m
    model: traffic
    values: {octets: sum(octets), seen: count()}
    features: [octets, seen]
    when: score > 0.95
"""
START_S = 1_767_571_200


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two hours of four links, a sample every 20 s."""
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    (tmp_path / "rules.d" / "off.yaml").write_text(RULES)
    rng = np.random.default_rng(1)
    with (tmp_path / "net.ndjson").open("w") as file:
        for second in range(0, 3 * 3_600, 20):
            for link in range(4):
                octets = int(1e6 * (link + 1) * rng.lognormal(0, 0.2))
                file.write(json.dumps({"ts": START_S + second, "link": f"l{link}", "octets": octets}) + "\n")
    return tmp_path


def swctl(project: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["model", *args, "--config", str(project / "streamwatchd.yaml")])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_lives(project: Path) -> None:
    """Two versions, the second a shadow that is promoted, marked and taken back; each says what rules take now."""
    train = ("train", "traffic", "--rule", "off", "--from", str(project / "net.ndjson"), "--kind", "seasonal")
    first = swctl(project, *train, "--report", str(project / "report"))
    assert first.exit_code == 0, first.output
    assert "vectors of 4 keys" in first.output
    assert "traffic@1 written to" in first.output
    assert (project / "report" / "report.html").exists()
    assert swctl(project, *train, "--shadow", "--report", str(project / "report")).exit_code == 0
    listed = swctl(project, "list").output
    assert "→ traffic@1" in listed
    assert "  traffic@2" in listed
    promoted = swctl(project, "promote", "traffic")
    assert "traffic@2 is good; rules that name `traffic` take traffic@2" in promoted.output
    mark = (
        "mark",
        "traffic@2",
        "false-positive",
        "--key",
        "link=l1",
        "--at",
        "2026-01-05T01:00Z",
        "--score",
        "0.99",
    )
    marked = swctl(project, *mark)
    assert "as traffic@3; rules that name `traffic` take it" in marked.output, marked.output
    store = ModelStore(RealDisk(), project / "models")
    assert store.read("traffic", 3).manifest.calibration.shift < 0
    assert store.read("traffic", 3).manifest.artifact == store.read("traffic", 2).manifest.artifact
    back = swctl(project, "rollback", "traffic", "--reason", "too loud")
    assert "traffic@3 is withdrawn; rules that name `traffic` take traffic@2" in back.output
    shown = swctl(project, "show", "traffic@3").output
    assert "withdrawn" in shown
    assert "false_positive" in shown
    assert [line["version"] for line in store.audited("traffic")] == [1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("promote", "trafic"), "there is no model `trafic`"),
        (("train", "m", "--rule", "of", "--from", "x"), "there is no anomaly rule `of`"),
        (("rollback", "none@3"), "there is no model `none`"),
    ],
)
def test_a_wrong_name_is_told(project: Path, args: tuple[str, ...], reason: str) -> None:
    result = swctl(project, *args)
    assert result.exit_code == 2
    assert reason in result.output


def test_one_mark_moves_little_and_a_confirmed_one_is_kept() -> None:
    calibration = manifest().calibration

    def mark(verdict: str, raw: float) -> Disposition:
        return Disposition(verdict, {}, "", 1, 0.99, raw, "")

    half = 0.5 * calibration.tail.scale
    assert shift_for(calibration, [], 0.95) == 0.0
    assert shift_for(calibration, [mark("false_positive", 9.0)], 0.95) == pytest.approx(-half)
    assert shift_for(calibration, [mark("false_positive", 9.0)] * 3, 0.95) == pytest.approx(-3 * half)
    many = [mark("false_positive", 9.0)] * 3
    assert shift_for(calibration, [*many, mark("confirmed", 0.7)], 0.95) >= -3 * half
    assert shift_for(calibration, [mark("confirmed", 0.1)], 0.95) == pytest.approx(half)
