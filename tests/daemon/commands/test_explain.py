"""`explain`: a rule and a key that are there, and a way out for those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands import explain
from streamwatchd.shard.control import Told
from tests.daemon.commands.setting import Setting
from tests.daemon.project import rule, write_project

FOUND = {"kind": "kpi", "task": {}, "watermark_ms": 5}
UNKNOWN = {"keys": 12, "alike": True, "examples": [{"k": "ab"}, {"k": "abc"}]}


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """With the KPI `one` by `k`."""
    program = compile_project(write_project(tmp_path, {"a.yaml": rule("one")})).program
    assert program is not None
    names, keys = explain.names_of, explain._keys_of
    monkeypatch.setattr(explain, "names_of", lambda plan: names(program.plan))
    monkeypatch.setattr(explain, "_keys_of", lambda rule, plan: keys(rule, program.plan))
    found = Setting()
    content = found.store.content("v0")
    object.__setattr__(content, "program", program)
    return found


def told(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any], problems: tuple[str, ...] = ()) -> None:
    each = [
        Told(shard, 1, (answer,), {"events": 1, "time_ms": shard, "place": ["in", 0, 7]})
        for shard, answer in enumerate(answers)
    ]
    monkeypatch.setattr(explain, "ask_shards", lambda context, rule, key: (each, list(problems)))


def test_the_shard_that_has_the_key_answers(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the newest late event of any."""
    told(monkeypatch, UNKNOWN, FOUND)
    result = setting.run("explain", rule="one", key={"k": "a"})
    assert [each["shard"] for each in result["answers"]] == [1]
    assert (result["late"], result["version"]) == ({"events": 2, "time_ms": 1, "place": ["in", 0, 7]}, 0)
    assert result["holding"]["topic"] == "in"


@pytest.mark.parametrize(
    ("rule", "key", "says"),
    [
        ("onee", {"k": "a"}, "no rule `onee` is in force; did you mean `one`"),
        ("one", {}, "`one` takes --key k=…"),
        ("one", {"k": "a", "host": "b"}, "`one` takes --key k=…"),
        ("one", {"k": "a"}, r"knows no k=a: no event .* it knows 12 key\(s\), such as k=ab · k=abc; shard 1 is away"),
        ("one", {"k": "a"}, r"; 1 of its events came late, the last at in:0:7 says 1970-01-01T00:00:00.000Z"),
    ],
)
def test_what_is_not_there_brings_a_way_out(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, rule: str, key: dict[str, str], says: str
) -> None:
    """A name, the keys that it takes, or keys that there are."""
    told(monkeypatch, UNKNOWN, problems=("shard 1 is away",))
    with pytest.raises(CommandRefused, match=says):
        setting.run("explain", rule=rule, key=key)


def test_a_rule_that_has_heard_of_nobody_says_so(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """No example can be given."""
    told(monkeypatch, UNKNOWN | {"keys": 0, "examples": []})
    with pytest.raises(CommandRefused, match="knows no key yet"):
        setting.run("explain", rule="one", key={"k": "a"})
