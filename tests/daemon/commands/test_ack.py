"""`ack`: said, checked, put in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands import alerts
from streamwatchd.shard.control import Told
from tests.daemon.commands.test_silence import setting


def test_an_acknowledgement_is_in_force_when_the_answer_comes(tmp_path: Path) -> None:
    """With who knows, and when it was said."""
    it = setting(tmp_path)
    answer = it.run("ack", rule="hot", keys={"k": "a", "n": "5"}, by="anna", note="on it")
    assert answer["version"] == 1
    (entry,) = it.context.spoken.acks
    assert answer["ack"] == entry
    assert (entry["where"], entry["by"], entry["note"]) == ('k == "a" and n == 5', "anna", "on it")
    assert it.run("ack", rule="hot", by="bob")["ack"]["ack"] != entry["ack"]


@pytest.mark.parametrize(
    ("keys", "total", "problems", "none_up"),
    [
        ({}, 1, [], False),
        ({"k": "a", "n": "5.0"}, 1, [], False),
        ({"k": "c"}, 1, [], True),
        ({"n": "6"}, 1, [], True),
        ({"k": "c"}, 9, [], False),
        ({"k": "c"}, 1, ["shard 1 is away"], False),
    ],
)
def test_whether_anything_of_it_is_up_is_looked_at(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, str],
    total: int,
    problems: list[str],
    none_up: bool,
) -> None:
    """Nothing is claimed where some shard said nothing, or more is up than was told."""
    row = {"rule": "hot", "key": {"k": "a", "n": 5.0}, "state": "firing", "severity": "major", "starts_at_ms": 1}
    row["acknowledged"] = False
    told = [Told(0, 1, (row,), total=total)]
    monkeypatch.setattr(alerts, "ask_shards", lambda context, rule, key, most: (told, problems))
    monkeypatch.setattr(alerts, "shadows_in_force", lambda context: frozenset())
    assert setting(tmp_path).run("ack", rule="hot", keys=keys, by="anna", look=True)["none_up"] is none_up


@pytest.mark.parametrize(("acknowledged", "none_new"), [((True, True), True), ((True, False), False)])
def test_what_was_acknowledged_before_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acknowledged: tuple[bool, ...], none_new: bool
) -> None:
    row = {"rule": "hot", "key": {"k": "a", "n": 5.0}, "state": "firing", "severity": "major", "starts_at_ms": 1}
    told = [Told(0, 1, tuple({**row, "acknowledged": each} for each in acknowledged), total=len(acknowledged))]
    monkeypatch.setattr(alerts, "ask_shards", lambda context, rule, key, most: (told, []))
    monkeypatch.setattr(alerts, "shadows_in_force", lambda context: frozenset())
    assert setting(tmp_path).run("ack", rule="hot", by="anna", look=True)["none_new"] is none_new


@pytest.mark.parametrize(
    ("said", "why"), [({"rule": "hto"}, "no alarm has the name `hto`.*hot"), ({"keys": {"rack": "1"}}, "rack")]
)
def test_what_is_of_nothing_is_refused(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    """And nothing changes."""
    it = setting(tmp_path)
    with pytest.raises(CommandRefused, match=why):
        it.run("ack", **{"rule": "hot", "by": "anna", **said})
    assert (it.context.spoken.content, it.reloader.forced) == (b"", 0)
