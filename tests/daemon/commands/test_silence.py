"""`silence`: said, checked, put in force; a running daemon is in tests/kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.control import CommandRefused
from streamwatchd.daemon.contents import Bundle
from streamwatchd.daemon.reloader import Outcome
from tests.daemon.commands.setting import Setting, report
from tests.daemon.project import write_project
from tests.shard.small import content

RULES = "source: events\nevery: 10s\nrules:\n  - {alarm: hot, by: [k, n], when: max(x over 1m) > 5, where: n > 0}\n"
SAID: Mapping[str, Any] = {"rules": ["hot"], "until": "2026-03-02T06:00:00Z", "reason": "works", "by": "anna"}


def setting(folder: Path) -> Setting:
    """A reload puts version 1 in force in both shards."""
    made, config = Setting(), write_project(folder, {"a.yaml": RULES})

    def compiled(last_good: Mapping[str, bytes], spoken: bytes | None) -> Compiled:
        return compile_project(config, spoken=spoken or b"")

    def switched() -> None:
        number = made.store.versions[-1].number + 1
        made.reloader.answer = Outcome(f"v{number}", ())
        made.store.add(content(f"v{number}"), Bundle(b"", {}, {}), 5 * number)
        for slot in made.supervisor.slots:
            slot.report = report(slot.shard, gauges={("version_number", ()): number})

    made.context = replace(made.context, compile=compiled)
    made.reloader.last_good = {}
    made.reloader.on_force = switched
    return made


def test_a_silence_is_in_force_when_the_answer_comes_and_can_be_ended(tmp_path: Path) -> None:
    """Keys are text, or numbers where the rule's key is one."""
    it = setting(tmp_path)
    answer = it.run("silence", **SAID, keys={"k": "a", "n": "5"})
    assert (answer["version"], answer["silence"]["where"]) == (1, 'k == "a" and n == 5')
    (entry,) = it.context.spoken.silences
    assert it.run("silence", end=entry["silence"])["version"] == 2
    assert it.context.spoken.content == b""


def test_keys_may_be_truths(tmp_path: Path) -> None:
    it = setting(tmp_path)
    (tmp_path / "rules.d" / "a.yaml").write_text(RULES.replace("[k, n]", "[k, up]").replace("n > 0", "up"))
    assert it.run("silence", **SAID, keys={"up": "true"})["silence"]["where"] == "up == true"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"rules": ["hto"]}, "no alarm has the name `hto`.*hot"),
        ({"rules": []}, "names no alarms"),
        ({"where": "rack > 1"}, "rack"),
        ({"until": "tomorrow"}, "`tomorrow` is no time"),
        ({"end": "s1"}, "no silence `s1` was said at run time"),
    ],
)
def test_what_would_mute_nothing_is_refused_with_the_reason(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    """And nothing changes."""
    it = setting(tmp_path)
    with pytest.raises(CommandRefused, match=why):
        it.run("silence", **{**SAID, **said})
    assert (it.context.spoken.content, it.reloader.forced) == (b"", 0)


def test_a_host_that_follows_sends_people_to_the_one_that_leads(tmp_path: Path) -> None:
    """Its own silences would hold for nobody."""
    it = setting(tmp_path)
    it.context = replace(it.context, leads=False)
    with pytest.raises(CommandRefused, match="host that has shard 0"):
        it.run("silence", **SAID)
