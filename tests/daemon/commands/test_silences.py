"""`silences`: what is in force, with who said it and where."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.compiler import compile_project
from streamwatchd.daemon.contents import Bundle, content_of
from tests.daemon.commands.setting import Setting
from tests.daemon.commands.test_silence import RULES
from tests.daemon.project import write_project

FILE = 'silences: [{silence: night, rules: hot, until: "2999-01-01", reason: works, by: anna}]\n'
SAID = b'{"silences": [{"silence": "said", "rules": ["hot"], "until": "2001-03-02T06:00:00Z", "reason": "old"}]}\n'


def test_those_of_files_and_those_that_were_said(tmp_path: Path) -> None:
    """`holds` is by the clock, for people; which alarms each mutes."""
    config = write_project(tmp_path, {"a.yaml": RULES})
    (tmp_path / "silences.d").mkdir()
    (tmp_path / "silences.d" / "night.yaml").write_text(FILE)
    compiled = compile_project(config, spoken=SAID)
    settings, content = compiled.loaded.settings, content_of(compiled)
    assert settings is not None
    assert content is not None
    it = Setting()
    it.store.add(content, Bundle.of(compiled.loaded.files, settings, config.read_bytes()), 5)
    found = it.run("silences")["silences"]
    assert [(each["silence"], each["holds"], each["alarms"], each["file"]) for each in found] == [
        ("said", False, ["hot"], None),
        ("night", True, ["hot"], "night.yaml"),
    ]
    assert it.store.bundle(content.digest).spoken == SAID
    assert content_of(it.store.bundle(content.digest).compile()).digest == content.digest  # type: ignore[union-attr]
